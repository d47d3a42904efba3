"""What happens after handover, told as the events Asterisk sends and the lines the journal must then hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import AriError
from voicebot.store.events import CallStarted
from voicebot.store.journal import CallJournal, Journal
from voicebot.telephony import floor as floor_module
from voicebot.telephony.ari import Bridge, Channel, ChannelDestroyed, ChannelDialplan, ChannelEnteredBridge, Dial, Dialplan, Event
from voicebot.telephony.floor import Floor

Run = Callable[[object], object]
CALLER = Channel("c", "PJSIP/voicebot-caller-00000001")
AGENT = Channel("a", "PJSIP/6001-00000002")
OTHER = Channel("b", "PJSIP/6002-00000003")


class Record(CallJournal):
    """A record that keeps its lines in memory."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self.call_id = "c"
        self.sealed = False
        self.outcome = ""

    def append(self, t_ms: int, event: Any) -> None:
        assert not self.sealed, "a line after the seal"
        parts = {name: getattr(event, name) for name in event.__struct_fields__}
        self.lines.append((t_ms, " ".join([type(event).__name__, *map(str, parts.values())])))

    def seal(self, t_ms: int, outcome: Any, by: str) -> bool:
        assert not self.sealed, "sealed twice"
        self.sealed, self.outcome = True, outcome
        return True


class Bench:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.floor = Floor(lambda: self.now_s)
        self.record = Record()

    def follow(self, briefed: bool = True) -> Bench:
        self.floor.follow("c", self.record, 5_000, briefed)
        return self

    def play(self, *events: Event) -> Bench:
        for event in events:
            self.now_s += 1
            self.floor.take(event)
        return self

    @property
    def told(self) -> list[str]:
        return [line for _, line in self.record.lines]


def app(name: str, data: str = "support,i,,,300") -> ChannelDialplan:
    return ChannelDialplan(CALLER, name, data)


def dial(status: str, peer: Channel = AGENT) -> Dial:
    return Dial(peer, status, CALLER)


def joins(channel: Channel = CALLER) -> ChannelEnteredBridge:
    return ChannelEnteredBridge(Bridge("x"), channel)


QUEUED = app("Queue")
RINGS, ANSWERS = dial("RINGING"), dial("ANSWER")
GONE = ChannelDestroyed(CALLER)

STORIES: dict[str, tuple[list[Event], list[str], str]] = {
    "agent answers, hears the briefing, talks, caller hangs up": (
        [QUEUED, RINGS, ANSWERS, joins(), GONE],
        ["QueueEntered support", "AgentRang 6001", "AgentAnswered 6001", "BriefingStarted 6001", "AgentJoined 6001", "CallerHungUp"],
        "handed_over",
    ),
    "agent hangs up first": (
        [QUEUED, RINGS, ANSWERS, joins(), ChannelDestroyed(AGENT), GONE],
        [
            *["QueueEntered support", "AgentRang 6001", "AgentAnswered 6001", "BriefingStarted 6001", "AgentJoined 6001"],
            "AgentLeft 6001 hung up",
        ],
        "handed_over",
    ),
    "caller hangs up while waiting": (
        [QUEUED, GONE],
        ["QueueEntered support", "QueueLeft support caller hung up", "CallerHungUp"],
        "abandoned",
    ),
    "first agent does not answer, second does": (
        [QUEUED, RINGS, dial("NOANSWER"), dial("RINGING", OTHER), dial("ANSWER", OTHER), joins(), GONE],
        [
            *["QueueEntered support", "AgentRang 6001", "AgentLeft 6001 no answer", "AgentRang 6002", "AgentAnswered 6002"],
            *["BriefingStarted 6002", "AgentJoined 6002", "CallerHungUp"],
        ],
        "handed_over",
    ),
    "agent hangs up during the briefing": (
        [QUEUED, RINGS, ANSWERS, ChannelDestroyed(AGENT), GONE],
        [
            *["QueueEntered support", "AgentRang 6001", "AgentAnswered 6001", "BriefingStarted 6001"],
            *["AgentLeft 6001 left before the caller was through", "QueueLeft support caller hung up", "CallerHungUp"],
        ],
        "abandoned",
    ),
    "nobody answers, overflow message": (
        [QUEUED, app("Playback", "overflow-en"), app("Hangup"), GONE],
        ["QueueEntered support", "QueueLeft support nobody answered in time", "CallerHungUp"],
        "abandoned",
    ),
    "agent is unreachable": ([QUEUED, dial("CHANUNAVAIL")], ["QueueEntered support"], ""),
    "agent is busy after ringing": (
        [QUEUED, RINGS, dial("BUSY")],
        ["QueueEntered support", "AgentRang 6001", "AgentLeft 6001 busy"],
        "",
    ),
    "somebody else's events": (
        [ChannelDialplan(Channel("z"), "Queue", "x"), Dial(AGENT, "RINGING", Channel("z")), joins(Channel("z")), ChannelDestroyed(Channel("z"))],
        [],
        "",
    ),
    "playback before any queue means nothing": ([app("Playback"), app("Set")], [], ""),
    "a dial without a caller means nothing": ([Dial(AGENT, "RINGING")], [], ""),
    "the caller's leg enters a bridge before any agent": ([joins()], [], ""),
}


@pytest.mark.parametrize("story", STORIES)
def test_stories(story: str) -> None:
    events, lines, outcome = STORIES[story]
    bench = Bench().follow().play(*events)
    assert bench.told == lines
    assert bench.record.outcome == outcome
    assert len(bench.floor) == (0 if outcome else 1)


def test_times_go_on_from_the_call() -> None:
    bench = Bench().follow().play(QUEUED, RINGS)
    assert [t_ms for t_ms, _ in bench.record.lines] == [6_000, 7_000]


def test_without_a_briefing_none_is_journalled() -> None:
    assert "BriefingStarted 6001" not in Bench().follow(briefed=False).play(QUEUED, RINGS, ANSWERS).told


def test_a_caller_that_stayed_is_dropped_unsealed() -> None:
    bench = Bench().follow()
    bench.floor.drop("c")
    bench.floor.drop("c")
    assert bench.play(QUEUED, GONE).told == []
    assert not bench.record.sealed


def test_a_name_that_is_no_sip_channel_stands_for_itself() -> None:
    assert Bench().follow().play(Dial(Channel("a", "Local/x"), "RINGING", CALLER)).told == ["AgentRang Local/x"]


class FakeLink:
    """A floor socket: these channels are live, then these events come, then it is lost."""

    def __init__(self, live: list[Channel], *events: Event) -> None:
        self.ari = self
        self.lost = False
        self.booting = 0
        self.left: tuple[Bridge, ...] = ()
        self.removed: list[str] = []
        self._live = tuple(live)
        self._events = list(events)

    async def channels(self) -> tuple[Channel, ...]:
        if self.booting:
            self.booting -= 1
            raise AriError("GET channels: 503", 503)
        return self._live

    async def bridges(self) -> tuple[Bridge, ...]:
        return self.left

    async def hang_up(self, channel: str) -> None:
        self.removed.append(channel)

    async def destroy_bridge(self, bridge: str) -> None:
        self.removed.append(bridge)

    async def next(self) -> Event:
        if not self._events:
            raise AriError("Asterisk closed the control connection")
        return self._events.pop(0)


@asynccontextmanager
async def journal_of(path: Path) -> AsyncIterator[Journal]:
    journal = await Journal.open(f"sqlite+aiosqlite:///{path}/calls.db", path / "spool")
    try:
        yield journal
    finally:
        await journal.close()


def started(channel: str) -> CallStarted:
    return CallStarted("555", "100", "en", channel, datetime(2026, 1, 1, tzinfo=UTC))


def test_after_a_crash_calls_that_ended_are_sealed_and_those_in_the_queue_followed(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as crashed:
            crashed.call("ended", started("ended"))
            crashed.call("waits", started("waits"))
        async with journal_of(tmp_path) as journal:
            floor = Floor(lambda: 0.0)
            waits = Channel("waits", dialplan=Dialplan("voicebot-handover", "Queue", "support,i"))
            link: Any = FakeLink([waits], ChannelDestroyed(Channel("waits")))
            await floor.watch(link, journal)
            assert await journal.unsealed() == []
            ended, waited = await journal.resume("ended"), await journal.resume("waits")
            assert ended.sealed
            assert waited.sealed
            assert len(floor) == 0

    run(scenario())


def test_a_caller_who_left_while_the_floor_socket_was_down_is_sealed(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as journal:
            bench = Bench().follow()
            link: Any = FakeLink([])
            await bench.floor.watch(link, journal)
            assert bench.record.outcome == "abandoned"

    run(scenario())


def test_a_call_still_with_another_controller_is_left_alone(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as other:
            other.call("talks", started("talks"))
        async with journal_of(tmp_path) as journal:
            link: Any = FakeLink([Channel("talks", dialplan=Dialplan("voicebot-call", "Stasis", "voicebot"))])
            await Floor(lambda: 0.0).watch(link, journal)
            assert [call.call_id for call in await journal.unsealed()] == ["talks"]

    run(scenario())


def test_an_asterisk_that_still_boots_is_asked_again(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floor_module, "BOOT_PAUSE_S", 0.001)

    async def scenario() -> None:
        async with journal_of(tmp_path) as journal:
            bench = Bench().follow()
            link: Any = FakeLink([CALLER], QUEUED, GONE)
            link.booting = 3
            await bench.floor.watch(link, journal)
            assert bench.record.outcome == "abandoned"

    run(scenario())


def test_another_refusal_ends_the_watch(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as journal:
            link: Any = FakeLink([])

            async def refuse() -> tuple[Channel, ...]:
                raise AriError("GET channels: 500", 500)

            link.channels = refuse
            await Floor(lambda: 0.0).watch(link, journal)

    run(scenario())


def test_what_a_crashed_controller_left_is_swept_and_live_calls_are_not(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as journal:
            link: Any = FakeLink([])
            link.left = (
                Bridge("1-bridge", "1-bridge", ("1-media",)),
                Bridge("2-bridge", "2-bridge", ()),
                Bridge("3-bridge", "3-bridge", ("3", "3-media")),
                Bridge("x", "queue bridge", ()),
            )
            await Floor(lambda: 0.0).watch(link, journal)
            assert link.removed == ["1-media", "1-bridge", "2-bridge"]

    run(scenario())


def test_the_loop_is_the_clock() -> None:
    from voicebot.telephony.floor import loop_clock

    async def scenario() -> bool:
        return loop_clock() == pytest.approx(asyncio.get_running_loop().time(), abs=0.1)

    assert asyncio.run(scenario())
