"""A supervisor's orders on their way to Asterisk: only phones of the settings ring, only who is followed is moved, and the record says why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from voicebot.store.events import AgentLeft, Event, QueueLeft
from voicebot.telephony.ari import Ari, Bridge, Channel, ChannelDestroyed, ChannelDialplan, ChannelEnteredBridge, ChannelHangupRequest, Dial
from voicebot.telephony.floor import Floor
from voicebot.telephony.pbx_render import DIALPLANS
from voicebot.telephony.supervision import MODES, Order, Orders, Supervision, ordered

CALL, PHONES = "voicebot-1795403917.0", ("6001", "6003")
CALLER, AGENT = Channel(CALL, "PJSIP/trunk-00000001"), Channel("agent-7.2", "PJSIP/6001-00000002")
QUEUED = ChannelDialplan(CALLER, "Queue", "support,i,,,300")
RINGS, ANSWERS = Dial(AGENT, "RINGING", CALLER), Dial(AGENT, "ANSWER", CALLER)
TALKS = ChannelEnteredBridge(Bridge("b"), CALLER)


def query(deed: str, **how: str) -> dict[str, list[str]]:
    return {name: [value] for name, value in {"deed": deed, "call": CALL, **how}.items()}


# What is an order.


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        (query("listen", phone="6003"), Order("listen", CALL, "6003")),
        (query("take", phone="6003"), Order("take", CALL, "6003")),
        (query("send", queue="billing"), Order("send", CALL, queue="billing")),
        (query("send"), Order("send", CALL)),
        (query("end"), Order("end", CALL)),
    ],
)
def test_an_order_is_read_from_a_query(asked: dict[str, list[str]], order: Order) -> None:
    assert ordered(asked, PHONES) == order


@pytest.mark.parametrize(
    "asked",
    [
        {},
        query("dial", phone="6003"),
        query("listen"),
        query("take"),
        query("whisper", phone="6002"),
        query("listen", phone="00491234567"),
        query("listen", phone="6003@evil"),
        query("end", phone="6002"),
        query("send", queue="a,b"),
        query("send", queue="${X}"),
        query("end", call=""),
        query("end", call="../channels"),
        query("end", call="a/b"),
        query("end", call="c?x=y"),
        query("end", call="x" * 65),
        query("end", call=f"{CALL}\n"),
    ],
)
def test_what_is_none_goes_nowhere(asked: dict[str, list[str]]) -> None:
    assert ordered(asked, PHONES) is None


@given(st.dictionaries(st.sampled_from(["deed", "call", "phone", "queue"]), st.lists(st.text(max_size=70), min_size=1, max_size=2)))
def test_whatever_is_asked_no_phone_rings_but_those_of_the_settings(asked: dict[str, list[str]]) -> None:
    found = ordered(asked, PHONES)
    assert found is None or found.phone in ("", *PHONES)


def test_a_caller_who_is_taken_comes_to_the_queue_of_that_phone_alone() -> None:
    assert Order("take", CALL, "6003").goes_to == "direct-6003"
    assert Order("send", CALL, queue="billing").goes_to == "billing"


# Calls that a bot of this process has.


def test_an_order_comes_to_the_call_once_and_to_no_call_that_is_gone() -> None:
    async def scenario() -> None:
        orders = Orders()
        assert not orders.give(Order("end", CALL))
        waiting = asyncio.ensure_future(orders.next(CALL))
        await asyncio.sleep(0)
        assert not orders.give(Order("end", "another"))
        assert orders.give(Order("send", CALL))
        assert not orders.give(Order("end", CALL)), "the first one counts"
        assert await waiting == Order("send", CALL)
        assert not orders.give(Order("end", CALL))

    asyncio.run(scenario())


def test_a_call_that_ends_waits_no_more() -> None:
    async def scenario() -> None:
        orders = Orders()
        waiting = asyncio.ensure_future(orders.next(CALL))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert not orders.give(Order("end", CALL))

    asyncio.run(scenario())


# What Asterisk is asked.


class Record:
    """The record of one call, in memory."""

    call_id = CALL
    sealed = False

    def __init__(self) -> None:
        self.lines: list[Event] = []
        self.seal_told: tuple[str, str] = ("", "")

    def append(self, _t_ms: int, event: Event) -> None:
        self.lines.append(event)

    def seal(self, _t_ms: int, outcome: str, by: str) -> bool:
        self.seal_told = outcome, by
        return True


class Asterisk:
    """The floor's socket. `leg` is the state of the supervisor's channel, "" for none; `refuses` a status for everything."""

    def __init__(self, leg: str = "", refuses: int = 0) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.ari = Ari(self._send, timeout_s=1)
        self._leg = leg
        self._refuses = refuses

    def _send(self, text: bytes) -> None:
        request = json.loads(text)
        told = {one["name"]: one["value"] for one in request["query_strings"]}
        if request["method"] != "GET":
            variables = json.loads(request.get("message_body", "{}")).get("variables", {})
            to = (told[name] for name in ("endpoint", "extension") if name in told)
            self.asked.append((request["method"], request["uri"], *to, *variables.values()))
        status = self._refuses or (409 if "channelId" in told and self._leg else 200)
        body = json.dumps([{"id": "supervisor-6003", "state": self._leg}] if self._leg else [])
        answer = {"type": "RESTResponse", "request_id": request["request_id"], "status_code": status, "message_body": body}
        asyncio.get_running_loop().call_soon(self.ari.receive, json.dumps(answer).encode())


class Bench:
    """A floor with one caller, and a supervisor's orders."""

    def __init__(self, *happened: Any, asterisk: Asterisk | None = None, followed: bool = True) -> None:
        self.record = Record()
        self.asterisk = asterisk or Asterisk()
        self.floor = Floor(lambda: 100.0)
        self.floor.link = self.asterisk  # type: ignore[assignment]
        self.orders, self.given = Orders(), list[Order]()
        if followed:
            self.floor.follow(CALL, self.record, 5_000, briefed=True)  # type: ignore[arg-type]
        for event in happened:
            self.floor.take(event)
        self.record.lines.clear()

    def asks(self, asked: dict[str, list[str]], with_a_bot: bool = False) -> bool:
        async def acting() -> bool:
            async with asyncio.TaskGroup() as scope:

                def spawn(run: Coroutine[Any, Any, None]) -> None:
                    scope.create_task(run)

                waiting = scope.create_task(self._waits()) if with_a_bot else None
                await asyncio.sleep(0)
                taken = Supervision(PHONES, self.floor, self.orders, spawn).take(asked)
                await asyncio.sleep(0)
                if waiting:
                    waiting.cancel()
                return taken

        return asyncio.run(acting())

    async def _waits(self) -> None:
        self.given.append(await self.orders.next(CALL))


def moved(channel: str, to: str) -> tuple[str, ...]:
    return ("POST", "channels", "Local/move@voicebot-supervise", "move", channel, to)


TALKING = (QUEUED, RINGS, ANSWERS, TALKS)


@pytest.mark.parametrize(("deed", "wanted"), [("listen", f"l{CALL}"), ("whisper", "wagent-7.2"), ("barge", "bagent-7.2")])
def test_the_supervisors_phone_rings_and_hears_caller_or_agent(deed: str, wanted: str) -> None:
    bench = Bench(*TALKING)
    assert bench.asks(query(deed, phone="6003"))
    assert bench.asterisk.asked == [("POST", "channels", "PJSIP/6003", wanted)]
    assert bench.record.lines == []


@pytest.mark.parametrize(("state", "then"), [("Up", [moved("supervisor-6003", "wagent-7.2")]), ("Ringing", [])])
def test_a_phone_that_listens_already_changes_and_one_that_rings_is_left(state: str, then: list[tuple[str, ...]]) -> None:
    bench = Bench(*TALKING, asterisk=Asterisk(leg=state))
    assert bench.asks(query("whisper", phone="6003"))
    assert bench.asterisk.asked[1:] == then


def test_who_is_with_a_bot_can_be_listened_to_and_nobody_is_whispered_to_before_an_agent_talks() -> None:
    bench = Bench(followed=False)
    assert bench.asks(query("listen", phone="6003"))
    for deed in ("whisper", "barge", "take"):
        assert not bench.asks(query(deed, phone="6003"))
        assert deed == "take" or not Bench(QUEUED, RINGS, ANSWERS).asks(query(deed, phone="6003"))
    assert len(bench.asterisk.asked) == 1


def test_a_phone_leaves() -> None:
    bench = Bench()
    assert bench.asks(query("leave", phone="6003"))
    assert bench.asterisk.asked == [("DELETE", "channels/supervisor-6003")]


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        ((QUEUED,), [QueueLeft("support", "sent on by a supervisor")]),
        ((QUEUED, RINGS), [AgentLeft("6001", "sent on by a supervisor"), QueueLeft("support", "sent on by a supervisor")]),
        (TALKING, [AgentLeft("6001", "sent on by a supervisor")]),
    ],
)
def test_a_caller_is_sent_on_and_the_record_says_from_where(happened: tuple[Any, ...], told: list[Event]) -> None:
    bench = Bench(*happened)
    assert bench.asks(query("send", queue="billing"))
    assert bench.asterisk.asked == [moved(CALL, "qbilling")]
    assert bench.record.lines == told
    for event in (ChannelDestroyed(AGENT), ChannelDialplan(CALLER, "Queue", "billing,i")):
        bench.floor.take(event)
    assert [str(line) for line in bench.record.lines[len(told) :]] == ["QueueEntered(queue='billing')"]


def test_a_caller_who_is_taken_waits_for_that_phone() -> None:
    bench = Bench(QUEUED)
    assert bench.asks(query("take", phone="6003"))
    assert bench.asterisk.asked == [moved(CALL, "qdirect-6003")]
    assert bench.record.lines == [QueueLeft("support", "taken over by a supervisor")]


@pytest.mark.parametrize(("happened", "outcome"), [((QUEUED,), "abandoned"), (TALKING, "handed_over")])
def test_a_call_that_is_ended_was_not_hung_up_by_the_caller(happened: tuple[Any, ...], outcome: str) -> None:
    bench = Bench(*happened)
    assert bench.asks(query("end"))
    assert bench.asterisk.asked == [("DELETE", f"channels/{CALL}")]
    for event in (ChannelHangupRequest(CALLER, 16), ChannelDestroyed(AGENT), ChannelDestroyed(CALLER)):
        bench.floor.take(event)
    assert [type(line) for line in bench.record.lines] == [AgentLeft if happened is TALKING else QueueLeft]
    assert bench.record.seal_told == (outcome, "supervisor")


def test_a_bot_of_this_process_lets_its_caller_go_itself() -> None:
    bench = Bench(followed=False)
    bench.floor.link = None
    assert bench.asks(query("take", phone="6003"), with_a_bot=True)
    assert bench.given == [Order("take", CALL, "6003")]
    assert not bench.asks(query("listen", phone="6003"), with_a_bot=True), "without the floor"
    assert bench.asterisk.asked == []


@pytest.mark.parametrize("spoil", [{"deed": ["x"]}, {"call": ["other.1"], "deed": ["end"]}])
def test_what_cannot_be_done_here_is_refused(spoil: dict[str, list[str]]) -> None:
    bench = Bench(QUEUED)
    assert not bench.asks({**query("end"), **spoil})
    assert bench.asterisk.asked == []


@pytest.mark.parametrize("refuses", [404, 500])
def test_what_asterisk_refuses_is_logged_and_ends_nothing(refuses: int) -> None:
    bench = Bench(*TALKING, asterisk=Asterisk(refuses=refuses))
    with capture_logs() as logs:
        assert bench.asks(query("barge", phone="6003"))
    assert [(entry["event"], entry["deed"]) for entry in logs] == [("a supervisor's order could not be carried out", "barge")]


def test_each_way_to_listen_has_its_extension_in_the_dialplan() -> None:
    steps = (DIALPLANS / "extensions-supervise.conf").read_text()
    assert all(f"exten => _{mode}.,1,ChanSpy(" in steps for mode in MODES.values())
    assert steps.count("ChanSpy(") == len(MODES)
    assert "uqES)" in steps
    assert "uqESw)" in steps
    assert "uqESB)" in steps
