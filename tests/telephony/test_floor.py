"""What happens after handover, told as the events Asterisk sends and the lines the journal must then hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import AriError, StoreError
from voicebot.store.events import CallStarted, Fault, HandoverDecided, QueueEntered
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal
from voicebot.telephony import adoption, leftovers
from voicebot.telephony import floor as floor_module
from voicebot.telephony.ari import (
    Bridge,
    Channel,
    ChannelDestroyed,
    ChannelDialplan,
    ChannelEnteredBridge,
    ChannelHangupRequest,
    Dial,
    Dialplan,
    Event,
)
from voicebot.telephony.floor import LOOK_S, UNSEEN_S, UNWATCHED_S, Floor

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
        self.taken = asyncio.Event()
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
ELSEWHERE = app("Queue", "complaints,i,,,300")
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
    "caller hangs up first, and the agent's channel goes before his": (
        [QUEUED, RINGS, ANSWERS, joins(), ChannelHangupRequest(CALLER, 16), ChannelDestroyed(AGENT), GONE],
        ["QueueEntered support", "AgentRang 6001", "AgentAnswered 6001", "BriefingStarted 6001", "AgentJoined 6001", "CallerHungUp"],
        "handed_over",
    ),
    "agent hangs up first, and takes the caller along": (
        [QUEUED, dial(""), RINGS, ANSWERS, joins(), ChannelHangupRequest(AGENT, 16), ChannelHangupRequest(CALLER, 16), ChannelDestroyed(AGENT), GONE],
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
    "nobody answers in one queue, and he comes to the next": (
        [QUEUED, RINGS, dial("NOANSWER"), ELSEWHERE, GONE],
        [
            *["QueueEntered support", "AgentRang 6001", "AgentLeft 6001 no answer", "QueueLeft support nobody answered in time"],
            *["QueueEntered complaints", "QueueLeft complaints caller hung up", "CallerHungUp"],
        ],
        "abandoned",
    ),
    "agent hangs up during the briefing": (
        [QUEUED, RINGS, ANSWERS, ChannelDestroyed(AGENT), GONE],
        [
            *["QueueEntered support", "AgentRang 6001", "AgentAnswered 6001", "BriefingStarted 6001"],
            *["AgentLeft 6001 left before the caller was through", "QueueLeft support caller hung up", "CallerHungUp"],
        ],
        "abandoned",
    ),
    "caller hangs up during the briefing": (
        [QUEUED, RINGS, ANSWERS, ChannelHangupRequest(CALLER, 16), dial("NOANSWER"), GONE],
        [
            *["QueueEntered support", "AgentRang 6001", "AgentAnswered 6001", "BriefingStarted 6001"],
            *["AgentLeft 6001 caller hung up", "QueueLeft support caller hung up", "CallerHungUp"],
        ],
        "abandoned",
    ),
    "first agent is busy, second declines, third does not answer": (
        [
            QUEUED,
            dial(""),
            ChannelHangupRequest(AGENT, 17),  # a phone may refuse before its ring is told
            RINGS,
            dial("NOANSWER"),
            dial("", OTHER),
            dial("RINGING", OTHER),
            ChannelHangupRequest(OTHER, 21),
            dial("NOANSWER", OTHER),
            dial(""),
            RINGS,
            dial("NOANSWER"),
        ],
        [
            *["QueueEntered support", "AgentRang 6001", "AgentLeft 6001 busy", "AgentRang 6002", "AgentLeft 6002 declined"],
            *["AgentRang 6001", "AgentLeft 6001 no answer"],
        ],
        "",
    ),
    "nobody answers, overflow message": (
        [QUEUED, app("Playback", "overflow-en"), app("Hangup"), GONE],
        ["QueueEntered support", "QueueLeft support nobody answered in time", "CallerHungUp"],
        "abandoned",
    ),
    "a caller would rather be called back": (
        [QUEUED, QUEUED, app("Playback", "/s/callback_number-en"), app("Playback", "/s/digit_7-en"), app("Playback", "/s/callback_kept-en"), GONE],
        ["QueueEntered support", "QueueLeft support would rather be called back", "CallbackRequested", "CallerHungUp"],
        "abandoned",
    ),
    "a caller who does not confirm his number waits on": (
        [QUEUED, app("Playback", "/s/callback_number-zh"), app("Playback", "/s/digit_7-zh"), QUEUED],
        ["QueueEntered support", "QueueLeft support would rather be called back", "QueueEntered support"],
        "",
    ),
    "nobody answered, and he is to be called back": (
        [QUEUED, app("Playback", "/s/overflow-en"), app("Playback", "/s/callback_number-en"), app("Playback", "/s/callback_kept-en"), GONE],
        ["QueueEntered support", "QueueLeft support nobody answered in time", "CallbackRequested", "CallerHungUp"],
        "abandoned",
    ),
    "the agent hangs up, and the caller gives him a mark": (
        [QUEUED, RINGS, ANSWERS, joins(), ChannelDestroyed(AGENT), app("Read", "key,/s/survey-en,1"), app("NoOp", "voicebot-survey 4"), GONE],
        [
            *["QueueEntered support", "AgentRang 6001", "AgentAnswered 6001", "BriefingStarted 6001", "AgentJoined 6001"],
            *["AgentLeft 6001 hung up", "SurveyAnswered 4 agent"],
        ],
        "handed_over",
    ),
    "the caller gives him none, and hears thanks all the same": (
        [QUEUED, RINGS, ANSWERS, joins(), ChannelDestroyed(AGENT), app("NoOp", "voicebot-survey "), app("Playback", "/s/survey_thanks-en"), GONE],
        [
            *["QueueEntered support", "AgentRang 6001", "AgentAnswered 6001", "BriefingStarted 6001", "AgentJoined 6001"],
            *["AgentLeft 6001 hung up", "SurveyAnswered None agent"],
        ],
        "handed_over",
    ),
    "out of hours, and he is to be called back": (
        [app("Playback", "/s/closed-en"), app("Playback", "/s/callback_number-en"), app("Playback", "/s/callback_kept-en"), GONE],
        ["NobodyThere out of hours", "CallbackRequested", "CallerHungUp"],
        "abandoned",
    ),
    "nobody is signed in, and he waits all the same": (
        [app("Playback", "/s/nobody-zh"), app("Read", "key,/s/callback_offer-zh,1"), QUEUED],
        ["NobodyThere nobody signed in", "QueueEntered support"],
        "",
    ),
    "a step of some other dialplan": ([app("NoOp", "survey 4"), QUEUED, app("Playback", "/s/welcome-en")], ["QueueEntered support"], ""),
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


def test_an_agent_who_likes_no_briefing_or_has_read_it_hears_none() -> None:
    bench = Bench()
    bench.record.call_id = "c1"
    bench.floor.hears = lambda agent, call_id: (agent, call_id) != ("6001", "c1")
    assert "BriefingStarted 6001" not in bench.follow().play(QUEUED, RINGS, ANSWERS).told


def test_in_edge_mode_the_uri_is_the_agent_who_hears_no_briefing_and_is_called_again() -> None:
    """The queue has one member, the endpoint that bears the URI's name; each attempt is a channel of its own."""
    bench = Bench()
    bench.floor.announced = False
    first, second = Channel("a", "PJSIP/600-00000002"), Channel("b", "PJSIP/600-00000003")
    attempts = (Dial(first, "RINGING", CALLER), Dial(first, "NOANSWER", CALLER), Dial(second, "RINGING", CALLER), Dial(second, "ANSWER", CALLER))
    bench.follow(briefed=True).play(QUEUED, *attempts, joins(), ChannelDestroyed(second), GONE)
    assert bench.told == [
        *["QueueEntered support", "AgentRang 600", "AgentLeft 600 no answer", "AgentRang 600"],
        *["AgentAnswered 600", "AgentJoined 600", "AgentLeft 600 hung up"],
    ]
    assert bench.record.outcome == "handed_over"


def test_a_caller_that_stayed_is_dropped_unsealed() -> None:
    bench = Bench().follow()
    bench.floor.drop("c")
    bench.floor.drop("c")
    assert bench.play(QUEUED, GONE).told == []
    assert not bench.record.sealed


def test_a_name_that_is_no_sip_channel_stands_for_itself() -> None:
    assert Bench().follow().play(Dial(Channel("a", "Local/x"), "RINGING", CALLER)).told == ["AgentRang Local/x"]


def queued(channel: str) -> Channel:
    return Channel(channel, dialplan=Dialplan("voicebot-handover", "Queue", "support,i"))


def with_bot(channel: str) -> Channel:
    return Channel(channel, dialplan=Dialplan("voicebot-call", "Stasis", "voicebot"))


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "ADOPT_AFTER_S", 0.01)


class FakeLink:
    """A floor socket: these channels are live, then these events come, then it is lost."""

    def __init__(self, live: list[Channel], *events: Event) -> None:
        self.ari = self
        self.lost = False
        self.booting = 0
        self.left: tuple[Bridge, ...] = ()
        self.removed: list[str] = []
        self.sent_on: list[str] = []
        self.closed = False
        self.live = tuple(live)
        self._events = list(events)

    async def channels(self) -> tuple[Channel, ...]:
        return self.live

    async def bridges(self) -> tuple[Bridge, ...]:
        if self.booting:
            self.booting -= 1
            raise AriError("GET bridges: 503", 503)
        return self.left

    async def hang_up(self, channel: str) -> None:
        self.removed.append(channel)

    async def destroy_bridge(self, bridge: str) -> None:
        self.removed.append(bridge)

    async def continue_in_dialplan(self, channel: str, context: str) -> None:
        self.sent_on.append(f"{channel} {context}")

    def close(self) -> None:
        self.closed = True

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
            link: Any = FakeLink([queued("waits")], ChannelDestroyed(Channel("waits")))
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
    monkeypatch.setattr(leftovers, "BOOT_PAUSE_S", 0.001)

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

            async def refuse() -> tuple[Bridge, ...]:
                raise AriError("GET bridges: 500", 500)

            link.bridges = refuse
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
                Bridge("4-1-bridge", "4-1-bridge", ("4",)),
                Bridge("5-bridge", "5-bridge", ()),
                Bridge("x", "queue bridge", ()),
            )
            link.live = (with_bot("3"), Channel("3-media"), queued("4"), with_bot("5"), Channel("6-media"))
            await Floor(lambda: 0.0).watch(link, journal)
            assert link.removed == ["6-media", "1-media", "1-bridge", "2-bridge", "4-1-bridge"]

    run(scenario())


def test_a_caller_whose_bot_was_with_another_controller_is_adopted_when_he_comes_into_the_queue(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as other, journal_of(tmp_path) as journal:
            record = other.call("c", started("c"))
            record.append(4_000, HandoverDecided("asked for a person", "support", 0, ""))
            assert await record.ours()
            link: Any = FakeLink([with_bot("c")], QUEUED, RINGS, ANSWERS, joins(), GONE)
            link.left = (Bridge("c-bridge", "c-bridge", ()),)
            await Floor(lambda: 0.0).watch(link, journal)
            lines = await journal.lines("c")
            assert [line.type for line in lines[2:]] == [
                *["queue_entered", "agent_rang", "agent_answered", "agent_joined", "caller_hung_up", "call_sealed"]
            ]
            assert lines[-1].t_ms == 4_000
            assert "c-bridge" in link.removed
            record.append(5_000, HandoverDecided("late", "support", 0, ""))
            assert not await record.ours()

    run(scenario())


def test_a_caller_who_was_never_with_a_bot_is_known_until_he_is_gone(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as journal:
            floor = Floor(lambda: 0.0)
            for _ in range(adoption.LINES_MAX):
                floor.take(QUEUED)
            link: Any = FakeLink([CALLER], QUEUED)
            await floor.watch(link, journal)
            assert len(floor) == 1
            link = FakeLink([CALLER], GONE)
            await floor.watch(link, journal)
            assert len(floor) == 0

    run(scenario())


def test_a_caller_who_hangs_up_while_nobody_has_him_is_sealed(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as crashed:
            crashed.call("c", started("c"))
        async with journal_of(tmp_path) as journal:
            link: Any = FakeLink([with_bot("c")], GONE)
            await Floor(lambda: 0.0).watch(link, journal)
            [*_, last] = await journal.lines("c")
            assert last.type == "call_sealed"

    run(scenario())


def test_who_gets_the_floor_back_goes_on_behind_what_the_other_wrote(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as other, journal_of(tmp_path) as journal:
            floor = Floor(lambda: 0.0)
            record = journal.call("c", started("c"))
            floor.follow("c", record, 1_000)
            assert await record.ours()
            theirs = await other.resume("c")
            theirs.append(2_000, QueueEntered("support"))
            assert await theirs.ours()
            link: Any = FakeLink([queued("c")], RINGS, GONE)
            await floor.watch(link, journal)
            assert [line.type for line in await journal.lines("c")] == [
                *["call_started", "queue_entered", "agent_rang", "queue_left", "caller_hung_up", "call_sealed"]
            ]

    run(scenario())


def test_callers_whom_another_controller_watches_are_forgotten_in_time(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as journal:
            now_s = [0.0]
            floor = Floor(lambda: now_s[0])
            floor.follow("a", journal.call("a", started("a")), 0)
            now_s[0] = UNWATCHED_S + 1
            floor.follow("b", journal.call("b", started("b")), 0)
            assert len(floor) == 1
            assert [call.call_id for call in await journal.unsealed()] == ["a"]

    run(scenario())


def test_while_it_watches_its_socket_can_be_asked(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as journal:
            floor = Floor(lambda: 0.0)
            seen: list[Any] = []
            link: Any = FakeLink([], QUEUED)
            take = link.next

            async def next_event() -> Event:
                seen.append(floor.link)
                return await take()  # type: ignore[no-any-return]

            link.next = next_event
            await floor.watch(link, journal)
            assert seen[0] is link
            assert floor.link is None

    run(scenario())


def test_who_came_into_the_queue_before_he_was_followed_has_all_of_it_in_his_record() -> None:
    bench = Bench().play(QUEUED, RINGS)
    bench.follow(briefed=True).play(ANSWERS, joins(), GONE)
    assert bench.told == ["QueueEntered support", "AgentRang 6001", "AgentAnswered 6001", "BriefingStarted 6001", "AgentJoined 6001", "CallerHungUp"]
    assert [t_ms for t_ms, _ in bench.record.lines][:3] == [4_000, 5_000, 6_000]
    assert bench.record.outcome == "handed_over"


def test_who_is_followed_twice_keeps_what_is_known_of_him() -> None:
    bench = Bench().follow().play(QUEUED).follow().play(GONE)
    assert bench.told == ["QueueEntered support", "QueueLeft support caller hung up", "CallerHungUp"]


@pytest.mark.parametrize("fault", ["journal", "bridges", "channels", "none"])
def test_a_socket_that_is_not_watched_any_more_is_closed(fault: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk finds nothing wrong with it, and would open no other."""

    async def scenario() -> None:
        async with journal_of(tmp_path) as journal:
            link: Any = FakeLink([CALLER], QUEUED)

            async def fails() -> None:
                raise StoreError("locked") if fault == "journal" else AriError("no answer from Asterisk within 3 s", 500)

            if fault != "none":
                monkeypatch.setattr(journal if fault == "journal" else link, "unsealed" if fault == "journal" else fault, fails)
            floor = Floor(lambda: 0.0)
            await floor.watch(link, journal)
            assert link.closed
            assert len(floor) == (fault in {"journal", "none"})  # without a journal it watches all the same

    run(scenario())


def test_an_old_socket_that_ends_late_leaves_the_new_one_its_strays(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as crashed:
            crashed.call("c", started("c"))
        async with journal_of(tmp_path) as journal:
            floor, old, new = Floor(lambda: 0.0), FakeLink([with_bot("c")]), FakeLink([with_bot("c")], GONE)
            ends, follows = asyncio.Event(), asyncio.Event()
            for link, event in ((old, ends), (new, follows)):
                held_back(link, event)
            links: list[Any] = [old, new]
            watching = []
            for link in links:
                watching.append(asyncio.ensure_future(floor.watch(link, journal)))
                while floor.link is not link:
                    await asyncio.sleep(0.001)
            ends.set()
            await asyncio.wait_for(watching[0], 10)
            assert floor.link is new  # type: ignore[comparison-overlap]
            assert not new.closed
            follows.set()
            await watching[1]
            assert (await types(journal))[-1:] == ["call_sealed"]

    run(scenario())


def held_back(link: FakeLink, until: asyncio.Event) -> None:
    take = link.next

    async def later() -> Event:
        await until.wait()
        return await take()

    link.next = later  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("live", "sent_on"), [([with_bot("c")], ["c voicebot-handover"]), ([with_bot("c"), Channel("c-1-media")], []), ([CALLER], [])]
)
def test_who_was_given_up_by_a_controller_without_the_floor_goes_to_the_queue(
    live: list[Channel], sent_on: list[str], run: Run, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as other, journal_of(tmp_path) as journal:
            record = other.call("c", started("c"))
            record.append(4_000, Fault("call", "Asterisk closed the control connection"))
            assert await record.ours()
            link: Any = FakeLink(live, ChannelDestroyed(Channel("c-media")))
            await Floor(lambda: 0.0).watch(link, journal)
            assert link.sent_on == sent_on
            assert await record.ours()

    run(scenario())


def test_a_caller_whom_another_controller_talks_to_stays_its_own(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as other, journal_of(tmp_path) as journal:
            floor = Floor(lambda: 0.0)
            record = journal.call("c", started("c"))
            assert await record.ours()
            theirs = await other.resume("c")
            theirs.append(2_000, QueueEntered("support"))
            assert await theirs.ours()
            floor.follow("c", record, 1_000)
            assert not await record.ours()
            link: Any = FakeLink([with_bot("c")])
            await floor.watch(link, journal)
            record.append(3_000, QueueEntered("late"))
            assert await types(journal) == ["queue_entered"]
            assert [call.call_id for call in await journal.unsealed()] == ["c"]
            link = FakeLink([with_bot("c")], QUEUED, GONE)
            await floor.watch(link, journal)
            assert (await types(journal))[-1] == "call_sealed"

    run(scenario())


# While the floor's own socket is lost.


@asynccontextmanager
async def unwatched(folder: Path) -> AsyncIterator[tuple[Bench, Journal]]:
    """A floor that has had its socket and lost it, with one caller let go after that."""
    async with journal_of(folder) as journal:
        bench = Bench()
        had: Any = FakeLink([])
        await bench.floor.watch(had, journal)
        bench.floor.follow("c", journal.call("c", started("c")), 5_000)
        yield bench, journal


async def looks(floor: Floor, link: FakeLink) -> None:
    """One look through the socket of a call that ends at once: what was begun is ended."""
    through: Any = link
    looking = asyncio.ensure_future(floor.look_out(through))
    await asyncio.sleep(0.01)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking


async def types(journal: Journal) -> list[str]:
    return [line.type for line in await journal.lines("c")][1:]


WITH_AGENT = (Bridge("b", "queue", ("c", "a")), Bridge("c-bridge", "c-bridge", ("c",)))


def test_while_its_socket_is_lost_callers_are_seen_through_those_of_calls(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with unwatched(tmp_path) as (bench, journal):
            link = FakeLink([queued("c")])
            await looks(bench.floor, link)
            link.live, link.left, bench.now_s = (queued("c"), AGENT), WITH_AGENT, 110.0
            await looks(bench.floor, link)
            await looks(bench.floor, link)
            assert await types(journal) == []  # another controller may have got the floor, and write
            link.live, link.left, bench.now_s = (), (), 500.0
            await looks(bench.floor, link)
            assert await types(journal) == ["queue_entered", "agent_answered", "agent_joined", "caller_hung_up", "call_sealed"]
            assert [line.t_ms for line in await journal.lines("c")] == [0, 5_000, 15_000, 15_000, 405_000, 405_000]
            assert await journal.unsealed() == []
            assert len(bench.floor) == 0

    run(scenario())


@pytest.mark.parametrize(("unseen_s", "outcome"), [(UNSEEN_S - 1, "abandoned"), (UNSEEN_S + 1, "lost")])
def test_who_was_not_seen_for_long_may_have_been_with_anybody(unseen_s: float, outcome: str, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with unwatched(tmp_path) as (bench, journal):
            await looks(bench.floor, FakeLink([queued("c")]))
            bench.now_s += unseen_s
            await looks(bench.floor, FakeLink([]))
            [*_, last] = await journal.lines("c")
            assert getattr(last.event, "outcome", "") == outcome

    run(scenario())


def test_whom_another_controller_watched_is_left_to_it(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with unwatched(tmp_path) as (bench, journal), journal_of(tmp_path) as other:
            await looks(bench.floor, FakeLink([queued("c")]))
            assert await types(journal) == []
            theirs = await other.resume("c")
            theirs.append(6_000, QueueEntered("support"))
            theirs.seal(7_000, "handed_over", "floor")
            assert await theirs.ours()
            await looks(bench.floor, FakeLink([]))
            assert await types(journal) == ["queue_entered", "call_sealed"]
            assert len(bench.floor) == 0

    run(scenario())


def test_what_was_seen_is_written_once_the_socket_is_back(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with unwatched(tmp_path) as (bench, journal):
            await looks(bench.floor, FakeLink([queued("c")]))
            link: Any = FakeLink([queued("c")], RINGS, GONE)
            await bench.floor.watch(link, journal)
            assert await types(journal) == ["queue_entered", "agent_rang", "queue_left", "caller_hung_up", "call_sealed"]

    run(scenario())


def test_it_looks_once_a_second_however_many_calls_there_are(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floor_module, "LOOK_S", 0.02)

    async def scenario() -> None:
        async with unwatched(tmp_path) as (bench, _):
            asked: list[None] = []
            link: Any = FakeLink([queued("c")])
            answer = link.channels

            async def channels() -> tuple[Channel, ...]:
                asked.append(None)
                return await answer()  # type: ignore[no-any-return]

            link.channels = channels
            looking = [asyncio.ensure_future(bench.floor.look_out(link)) for _ in range(3)]
            while len(asked) < 3:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert len(asked) == 3  # one for each new call, and this clock stands still
            bench.now_s += LOOK_S
            while len(asked) < 4:
                await asyncio.sleep(0.01)
            for each in looking:
                each.cancel()

    run(scenario())


def test_with_its_socket_or_without_callers_it_asks_nothing(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with unwatched(tmp_path) as (bench, _):
            deaf: Any = object()
            bench.floor.drop("c")
            await looks(bench.floor, deaf)
            bench.follow().floor.link = deaf
            await looks(bench.floor, deaf)
            await looks(Bench().follow().floor, deaf)

    run(scenario())


def test_the_loop_is_the_clock() -> None:
    from voicebot.telephony.floor import loop_clock

    async def scenario() -> bool:
        return loop_clock() == pytest.approx(asyncio.get_running_loop().time(), abs=0.1)

    assert asyncio.run(scenario())
