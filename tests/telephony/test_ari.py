"""Requests and answers on one control socket, and events by type; any bytes are taken or refused by name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import AriError
from voicebot.telephony.ari import Ari, ChannelDtmfReceived, Dial, StasisStart, decode

Run = Callable[[object], object]
START = {
    "type": "StasisStart",
    "application": "voicebot:PJSIP/x-1",
    "args": [],
    "asterisk_id": "new field",
    "channel": {"id": "1.1", "name": "PJSIP/x-1", "state": "Ring", "channelvars": {"VOICEBOT_ANI": "555"}, "protocol_id": "p"},
}


class Pbx:
    """Stands for Asterisk: keeps requests, answers them as told."""

    def __init__(self, status: int = 204, body: Any = None, timeout_s: float = 1.0) -> None:
        self.requests: list[dict[str, Any]] = []
        self.ari = Ari(self._take, timeout_s)
        self.status = status
        self.body = body
        self.silent = False

    def _take(self, text: bytes) -> None:
        self.requests.append(json.loads(text))
        if not self.silent:
            asyncio.get_running_loop().call_soon(self.answer, self.requests[-1]["request_id"])

    def answer(self, request_id: str) -> None:
        message = {"type": "RESTResponse", "request_id": request_id, "status_code": self.status, "reason_phrase": "Reason"}
        if self.body is not None:
            message["message_body"] = json.dumps(self.body)
        self.ari.receive(json.dumps(message).encode())

    def query(self, which: int = -1) -> dict[str, str]:
        return {part["name"]: part["value"] for part in self.requests[which]["query_strings"]}


def test_an_event_keeps_what_is_used_and_ignores_new_fields() -> None:
    event = decode(json.dumps(START).encode())
    assert isinstance(event, StasisStart)
    assert (event.channel.id, event.channel.channelvars) == ("1.1", {"VOICEBOT_ANI": "555"})


@pytest.mark.parametrize("kind", ["ChannelVarset", "SomethingNew", ""])
def test_an_unknown_kind_is_no_event(kind: str) -> None:
    assert decode(json.dumps({"type": kind}).encode()) is None


def test_a_dial_may_lack_its_caller() -> None:
    event = decode(json.dumps({"type": "Dial", "peer": {"id": "2"}, "dialstatus": "RINGING"}).encode())
    assert isinstance(event, Dial)
    assert event.caller is None


@pytest.mark.parametrize("text", [b"", b"[]", b"nonsense", b'{"type":"StasisStart"}', b'{"type":3}', b"\xff"])
def test_what_is_not_ari_is_refused(text: bytes) -> None:
    with pytest.raises(AriError, match="not ARI"):
        decode(text)


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused(text: bytes) -> None:
    try:
        decode(text)
    except AriError as error:
        assert "not ARI" in str(error)


def test_answers_wake_their_own_request_whatever_the_order(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx(body={"value": "x"})
        pbx.silent = True
        first = asyncio.create_task(pbx.ari.request("GET", "a"))
        second = asyncio.create_task(pbx.ari.request("GET", "b"))
        await asyncio.sleep(0)
        pbx.answer(pbx.requests[1]["request_id"])
        assert json.loads(await second) == {"value": "x"}
        assert not first.done()
        pbx.answer(pbx.requests[0]["request_id"])
        await first

    run(scenario())


def test_events_come_out_of_receive_while_a_request_waits(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx()
        event = pbx.ari.receive(b'{"type":"ChannelDtmfReceived","digit":"5","channel":{"id":"1"}}')
        assert isinstance(event, ChannelDtmfReceived)
        assert event.digit == "5"

    run(scenario())


def test_a_refusal_names_request_and_status(run: Run) -> None:
    async def scenario() -> None:
        with pytest.raises(AriError, match=r"POST channels/1\.1/answer: 409 Reason") as caught:
            await Pbx(status=409).ari.answer("1.1")
        assert caught.value.status == 409

    run(scenario())


def test_no_answer_in_time_is_an_error_and_leaves_nothing_pending(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx(timeout_s=0.02)
        pbx.silent = True
        with pytest.raises(AriError, match=r"no answer from Asterisk within 0\.02 s"):
            await pbx.ari.answer("1.1")
        pbx.answer("1")

    run(scenario())


def test_a_lost_socket_fails_what_waits_and_what_comes(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx()
        pbx.silent = True
        waiting = asyncio.create_task(pbx.ari.answer("1.1"))
        await asyncio.sleep(0)
        pbx.ari.lose()
        with pytest.raises(AriError, match="closed the control connection"):
            await waiting
        with pytest.raises(AriError, match="control connection is closed"):
            await pbx.ari.answer("1.1")

    run(scenario())


@pytest.mark.parametrize("what", ["hang_up", "destroy_bridge"])
def test_taking_down_what_is_gone_is_fine_but_other_refusals_are_not(run: Run, what: str) -> None:
    async def scenario() -> None:
        await getattr(Pbx(status=404).ari, what)("x")
        with pytest.raises(AriError, match="500"):
            await getattr(Pbx(status=500).ari, what)("x")

    run(scenario())


def test_a_variable_that_is_not_set_is_empty(run: Run) -> None:
    async def scenario() -> None:
        assert await Pbx(status=404).ari.variable("1", "X") == ""
        assert await Pbx(status=200, body={"value": "7"}).ari.variable("1", "X") == "7"
        with pytest.raises(AriError):
            await Pbx(status=500).ari.variable("1", "X")

    run(scenario())


def test_requests_carry_what_asterisk_asks_for(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx(status=200, body={"id": "9"})
        assert (await pbx.ari.external_media("m", "voicebot:PJSIP/x-1", "voicebot-media", "f(json)v(call=1)")).id == "9"
        assert pbx.query() == {
            "channelId": "m",
            "app": "voicebot:PJSIP/x-1",
            "external_host": "voicebot-media",
            "transport": "websocket",
            "encapsulation": "none",
            "connection_type": "client",
            "format": "slin16",
            "transport_data": "f(json)v(call=1)",
        }
        await pbx.ari.create_bridge("b")
        assert (pbx.requests[-1]["method"], pbx.requests[-1]["uri"], pbx.query()["type"]) == ("POST", "bridges/b", "mixing")
        await pbx.ari.add_to_bridge("b", "1", "m")
        assert pbx.query() == {"channel": "1,m"}
        await pbx.ari.continue_in_dialplan("1", "voicebot-handover")
        assert pbx.query() == {"context": "voicebot-handover", "extension": "s", "priority": "1"}
        await pbx.ari.set_variable("1", "A", "b c")
        assert pbx.query() == {"variable": "A", "value": "b c"}
        await pbx.ari.originate("PJSIP/6003", ("voicebot-supervise", "l1.2"), {"A": "1"}, "supervisor-6003", "30")
        to = {"context": "voicebot-supervise", "extension": "l1.2", "priority": "1"}
        assert pbx.query() == {"endpoint": "PJSIP/6003", **to, "timeout": "30", "channelId": "supervisor-6003"}
        assert json.loads(pbx.requests[-1]["message_body"]) == {"variables": {"A": "1"}}
        await pbx.ari.originate("Local/x@y", ("y", "x"), {})
        assert "channelId" not in pbx.query()

    run(scenario())


def test_a_body_goes_as_json(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx()
        await pbx.ari.request("POST", "x", body={"variables": {"A": "1"}})
        assert json.loads(pbx.requests[-1]["message_body"]) == {"variables": {"A": "1"}}
        assert pbx.requests[-1]["content_type"] == "application/json"

    run(scenario())


def test_lists_are_typed_and_a_wrong_answer_is_refused(run: Run) -> None:
    async def scenario() -> None:
        assert [channel.id for channel in await Pbx(200, [{"id": "1"}, {"id": "2"}]).ari.channels()] == ["1", "2"]
        assert [bridge.channels for bridge in await Pbx(200, [{"id": "b", "channels": ["1"]}]).ari.bridges()] == [("1",)]
        with pytest.raises(AriError, match="not what its api-docs say"):
            await Pbx(200, {"no": "list"}).ari.channels()

    run(scenario())
