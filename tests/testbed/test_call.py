"""A call's whole life between two phones of this process: answer, refuse, give up, hold, keys, hang-up from both sides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from sipmessage import Request

from voicebot.testbed import call as call_module
from voicebot.testbed import sip
from voicebot.testbed.call import Call, KeysBy, State
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.phone import Phone
from voicebot.testbed.sdp import Direction
from voicebot.testbed.sip import PhoneError, ServerTransaction

Babble = Callable[[int, float], Samples]
Connect = Callable[..., AbstractAsyncContextManager[tuple[Call, Call]]]


@asynccontextmanager
async def ringing(codecs: tuple[Codec, ...] = ("PCMU",), agent_codecs: tuple[Codec, ...] = ("PCMU",)) -> AsyncIterator[tuple[Call, Call]]:
    """`async with ringing() as (caller, agent)`: placed, not answered."""
    async with (
        Phone.open(codecs=agent_codecs) as agent,
        Phone.open(codecs=codecs) as caller,
        caller.dial(f"sip:agent@127.0.0.1:{agent.wire.port}", ani="5551234") as placed,
    ):
        yield placed, await agent.ring(2)


async def until(condition: Callable[[], bool], timeout_s: float = 2.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)


def test_a_call_rings_is_answered_and_tells_when(connect: Connect) -> None:
    async def main() -> None:
        async with ringing() as (placed, taken):
            assert taken.ani == "5551234"
            await until(lambda: placed.state is State.RINGING)
            begin_s = time.monotonic()
            await taken.answer()
            await placed.wait_answered(1)
            assert (placed.state, taken.state) == (State.ANSWERED, State.ANSWERED)
            assert [status.code for status in placed.statuses] == [180, 200]
            assert placed.statuses[0].at_s <= placed.statuses[1].at_s
            assert placed.answered_at_s is not None
            assert begin_s <= placed.answered_at_s <= time.monotonic()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("caller", "agent", "spoken"),
    [
        (("PCMU",), ("PCMA", "PCMU"), "PCMU"),
        (("PCMA",), ("PCMU", "PCMA"), "PCMA"),
        (("PCMU", "PCMA"), ("PCMA", "PCMU"), "PCMA"),
    ],
)
def test_the_codec_is_one_both_have(connect: Connect, caller: tuple[Codec, ...], agent: tuple[Codec, ...], spoken: Codec) -> None:
    async def main() -> None:
        async with connect(caller, agent) as (placed, taken):
            assert (placed.stream.codec, taken.stream.codec) == (spoken, spoken)

    asyncio.run(main())


def test_no_common_codec_is_refused_with_488() -> None:
    async def main() -> None:
        async with ringing(("PCMU",), ("PCMA",)) as (placed, taken):
            with pytest.raises(PhoneError, match="offered PCMU, ours PCMA"):
                await taken.answer()
            with pytest.raises(PhoneError, match="call refused: 488"):
                await placed.wait_answered(1)

    asyncio.run(main())


@pytest.mark.parametrize("code", [486, 404, 603])
def test_a_refusal_tells_its_status(code: int) -> None:
    async def main() -> None:
        async with ringing() as (placed, taken):
            await taken.reject(code)
            with pytest.raises(PhoneError, match=f"call refused: {code}") as refusal:
                await placed.wait_answered(1)
            assert refusal.value.status == code
            assert (placed.state, placed.ended_by) == (State.ENDED, "there")
            assert (taken.state, taken.ended_by) == (State.ENDED, "here")

    asyncio.run(main())


def test_giving_up_while_it_rings_cancels() -> None:
    async def main() -> None:
        async with ringing() as (placed, taken):
            await placed.hang_up()
            await taken.wait_ended(1)
            assert [status.code for status in placed.statuses] == [180, 487]
            assert (placed.ended_by, taken.ended_by) == ("here", "there")
            with pytest.raises(PhoneError, match="answered, refused or given up"):
                await taken.answer()
            with pytest.raises(PhoneError, match="call refused: 487"):
                await placed.wait_answered(1)

    asyncio.run(main())


def test_a_call_that_is_not_answered_in_time_is_a_timeout() -> None:
    async def main() -> None:
        async with ringing() as (placed, _):
            with pytest.raises(TimeoutError):
                await placed.wait_answered(0.1)

    asyncio.run(main())


@pytest.mark.parametrize("first", [0, 1])
def test_either_side_may_hang_up(connect: Connect, first: int) -> None:
    async def main() -> None:
        async with connect() as calls:
            leaving, left = calls[first], calls[1 - first]
            await leaving.hang_up()
            assert leaving.ended.is_set()
            assert left.ended.is_set()
            assert (leaving.ended_by, left.ended_by) == ("here", "there")
            assert left.ended_at_s is not None
            await leaving.hang_up()

    asyncio.run(main())


def test_both_may_hang_up_at_once(connect: Connect) -> None:
    async def main() -> None:
        async with connect() as (placed, taken):
            async with asyncio.TaskGroup() as both:
                both.create_task(placed.hang_up())
                both.create_task(taken.hang_up())
            assert (placed.state, taken.state) == (State.ENDED, State.ENDED)

    asyncio.run(main())


def test_hanging_up_before_the_ack_ends_the_call_too() -> None:
    async def main() -> None:
        async with ringing() as (placed, taken):

            async def answer() -> None:
                with pytest.raises(PhoneError, match="ended before it was answered"):
                    await taken.answer()

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(answer())
                await asyncio.sleep(0)
                assert taken.state is State.ANSWERING
                await taken.hang_up()
            await placed.wait_ended(1)
            assert placed.ended_by == "there"

    asyncio.run(main())


def test_an_answer_that_crosses_the_cancel_is_hung_up() -> None:
    async def main() -> None:
        async with ringing() as (placed, taken):
            await until(lambda: placed.state is State.RINGING)
            taken._accept(taken._incoming)  # type: ignore[arg-type]  # its 200 is on the way
            await placed.hang_up()
            await taken.wait_ended(1)
            assert placed.answered_at_s is None
            assert taken.ended_by == "there"

    asyncio.run(main())


def test_hanging_up_on_a_dead_peer_ends_after_the_farewell(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    monkeypatch.setattr(call_module, "_FAREWELL_S", 0.2)

    async def main() -> None:
        async with connect() as (placed, taken):
            taken.dialog._wire.close()
            begin_s = time.monotonic()
            await placed.hang_up()
            assert time.monotonic() - begin_s == pytest.approx(0.2, abs=0.1)
            assert placed.state is State.ENDED

    asyncio.run(main())


def test_dialling_where_nobody_listens_can_be_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_module, "_FAREWELL_S", 0.1)

    async def main() -> None:
        async with Phone.open() as silent:
            port = silent.wire.port
        async with Phone.open() as phone, phone.dial(f"sip:x@127.0.0.1:{port}") as call:
            await asyncio.sleep(0.05)
        assert call.state is State.ENDED

    asyncio.run(main())


def test_an_unanswered_invite_is_refused_with_408_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip, "GIVE_UP_S", 0.2)

    async def main() -> None:
        async with Phone.open() as silent:
            port = silent.wire.port
        async with Phone.open() as phone, phone.dial(f"sip:x@127.0.0.1:{port}") as call:
            with pytest.raises(PhoneError, match="408"):
                await call.wait_answered(2)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("direction", "caller_sends", "agent_sends"), [("sendonly", True, False), ("inactive", False, False), ("recvonly", False, True)]
)
def test_hold_stops_audio_where_it_should_and_unhold_brings_it_back(
    connect: Connect, direction: Direction, caller_sends: bool, agent_sends: bool
) -> None:
    async def packets_in_200_ms(placed: Call, taken: Call) -> tuple[int, int]:
        before = len(taken.heard.packet_times_s), len(placed.heard.packet_times_s)
        await asyncio.sleep(0.2)
        return len(taken.heard.packet_times_s) - before[0], len(placed.heard.packet_times_s) - before[1]

    async def main() -> None:
        async with connect() as (placed, taken):
            await placed.hold(direction)
            await asyncio.sleep(0.03)
            from_caller, from_agent = await packets_in_200_ms(placed, taken)
            assert (from_caller > 5, from_agent > 5) == (caller_sends, agent_sends)
            assert taken.remote_hold
            await placed.unhold()
            await asyncio.sleep(0.03)
            from_caller, from_agent = await packets_in_200_ms(placed, taken)
            assert min(from_caller, from_agent) > 5
            assert not taken.remote_hold

    asyncio.run(main())


def test_the_codec_may_change_in_mid_call(connect: Connect, babble: Babble) -> None:
    async def main() -> None:
        async with connect(("PCMU", "PCMA")) as (placed, taken):
            other: Codec = "PCMA" if placed.stream.codec == "PCMU" else "PCMU"
            with pytest.raises(PhoneError, match="488"):
                await placed.change_codec(other)  # who takes a call keeps to the codec he answered with
            await taken.change_codec(other)
            assert (placed.stream.codec, taken.stream.codec) == (other, other)
            from_s = time.monotonic()
            await placed.play(babble(1, 0.4))
            await asyncio.sleep(0.05)
            assert taken.heard.onset_s(from_s) is not None

    asyncio.run(main())


def test_a_phone_may_move_to_another_port_in_mid_call(connect: Connect, babble: Babble) -> None:
    async def main() -> None:
        async with connect() as (placed, taken):
            before = placed.stream.port
            await placed.move()
            assert placed.stream.port != before
            from_s = time.monotonic()
            await taken.play(babble(1, 0.4))
            await asyncio.sleep(0.05)
            assert placed.heard.onset_s(from_s) is not None

    asyncio.run(main())


def test_both_sides_may_hold_and_each_lets_go_for_itself(connect: Connect) -> None:
    async def main() -> None:
        async with connect() as (placed, taken):
            await placed.hold()
            await taken.hold()
            assert placed.stream.held
            assert taken.stream.held
            await taken.unhold()
            assert taken.stream.held
            await placed.unhold()
            assert not placed.stream.held
            assert not taken.stream.held

    asyncio.run(main())


def test_a_refused_re_invite_leaves_the_call_as_it_was(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with connect() as (placed, taken):
            monkeypatch.setattr(taken, "requested", lambda transaction: transaction.respond(488))
            with pytest.raises(PhoneError, match="re-INVITE refused: 488"):
                await placed.hold("inactive")
            monkeypatch.undo()
            assert not placed.stream.held
            assert placed.state is State.ANSWERED

    asyncio.run(main())


def test_an_offer_that_makes_no_sense_is_refused_within_the_call(connect: Connect) -> None:
    async def main() -> None:
        async with connect() as (placed, taken):
            response = await placed.dialog.ask("INVITE", b"v=0\r\n")
            assert response.code == 488
            assert taken.state is State.ANSWERED

    asyncio.run(main())


def test_a_re_invite_without_an_offer_keeps_the_audio(connect: Connect) -> None:
    async def main() -> None:
        async with connect() as (placed, taken):
            response = await placed.dialog.ask("INVITE")
            assert response.code == 200
            assert b"m=audio" in response.body
            assert not taken.stream.held

    asyncio.run(main())


@pytest.mark.parametrize(("how", "told"), [("rfc4733", "rfc4733"), ("dtmf-relay", "info"), ("dtmf", "info")])
def test_keys_arrive_as_they_were_pressed(connect: Connect, how: KeysBy, told: str) -> None:
    async def main() -> None:
        async with connect() as (placed, taken):
            begin_s = time.monotonic()
            await placed.dtmf("10*#", how, key_ms=60, gap_ms=40)
            await asyncio.sleep(0.05)
            assert [(press.key, press.how) for press in taken.keys] == [(key, told) for key in "10*#"]
            assert begin_s <= taken.keys[0].at_s <= time.monotonic()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (b"Signal=5\r\nDuration=160\r\n", ["5"]),
        (b"Signal= #\r\nDuration= 160", ["#"]),
        (b"7", ["7"]),
        (b"Duration=100\r\n", []),
        (b"", []),
        (b"\xff", []),
    ],
)
def test_the_bodies_of_info_are_understood(connect: Connect, body: bytes, keys: list[str]) -> None:
    async def main() -> None:
        async with connect() as (placed, taken):
            assert (await placed.dialog.ask("INFO", body, {"Content-Type": "application/dtmf-relay"})).code == 200
            assert [press.key for press in taken.keys] == keys

    asyncio.run(main())


@pytest.mark.parametrize("key", ["x", " "])
def test_what_is_no_key_cannot_be_pressed(connect: Connect, key: str) -> None:
    async def main() -> None:
        async with connect() as (placed, _):
            with pytest.raises(ValueError, match="is no DTMF key"):
                await placed.dtmf(key)

    asyncio.run(main())


def test_without_telephone_events_the_way_out_is_told() -> None:
    async def main() -> None:
        async with (
            Phone.open(events=False) as agent,
            Phone.open() as caller,
            caller.dial(f"sip:agent@127.0.0.1:{agent.wire.port}") as placed,
        ):
            taken = await agent.ring(2)
            await taken.answer()
            await placed.wait_answered()
            with pytest.raises(PhoneError, match="press keys with how='dtmf-relay' or 'inband'"):
                await placed.dtmf("1")

    asyncio.run(main())


@pytest.mark.parametrize(("method", "code"), [("OPTIONS", 200), ("NOTIFY", 200), ("REFER", 405), ("UPDATE", 405)])
def test_other_requests_within_a_call_are_answered(connect: Connect, method: str, code: int) -> None:
    async def main() -> None:
        async with connect() as (placed, taken):
            assert (await placed.dialog.ask(method)).code == code
            assert taken.state is State.ANSWERED

    asyncio.run(main())


def test_an_invite_without_an_offer_gets_ours_and_the_ack_answers_it(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    """RFC 3264's late offer, as some PBXs send it."""
    described = Call._described

    async def main() -> None:
        async with Phone.open() as agent, Phone.open() as caller:
            monkeypatch.setattr(Call, "_described", lambda call, media: b"" if call.state is State.DIALLING else described(call, media))
            async with caller.dial(f"sip:agent@127.0.0.1:{agent.wire.port}") as placed:
                taken = await agent.ring(2)
                plain_ack = placed.dialog.ack
                monkeypatch.setattr(placed.dialog, "ack", lambda response: plain_ack(response, described(placed, placed._media)))
                await taken.answer()
                await placed.wait_answered()
                await asyncio.sleep(0.1)
                assert len(placed.heard.packet_times_s) > 2
                assert len(taken.heard.packet_times_s) > 2

    asyncio.run(main())


def test_an_answer_without_sense_is_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    respond = ServerTransaction.respond

    def without_body(transaction: ServerTransaction, code: int, **parts: object) -> None:
        respond(transaction, code, **(parts | {"body": b"v=0\r\n"} if code == 200 and transaction.request.method == "INVITE" else parts))  # type: ignore[arg-type]

    async def main() -> None:
        async with ringing() as (placed, taken):
            monkeypatch.setattr(ServerTransaction, "respond", without_body)
            await taken.answer()
            with pytest.raises(PhoneError, match="answer of no use: SDP names no RTP"):
                await placed.wait_answered(1)
            await taken.wait_ended(1)

    asyncio.run(main())


def test_the_invite_of_a_taken_call_can_be_read() -> None:
    async def main() -> None:
        async with ringing() as (_, taken):
            assert isinstance(taken.invite, Request)
            assert taken.invite.from_address.uri.user == "5551234"

    asyncio.run(main())
