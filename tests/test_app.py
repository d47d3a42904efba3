"""The controller: which calls it takes, what it does with those it does not know, and that nobody is lost when it ends."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.kit.asterisk import CALLER, MEDIA, FakeAsterisk
from tests.kit.bot import KNOWLEDGE, Bench
from tests.kit.clock import run_virtual
from tests.kit.conversation import CLOSED, OPENED, QUEUED
from tests.kit.record import Record
from tests.kit.speech import ScriptedGate
from voicebot import app, arrivals, process, reception
from voicebot.admission import Measures
from voicebot.app import Controller
from voicebot.arrivals import CLOSE_TIMEOUT_S, START_TIMEOUT_S
from voicebot.errors import EngineError, KnowledgeError, StoreError, VoicebotError, plain
from voicebot.memory import APOLOGY, Memory
from voicebot.metrics import Metrics
from voicebot.process import FROZEN_S
from voicebot.settings import Admission, Pbx, Serve, Settings, Speech, Store
from voicebot.speech import ear
from voicebot.store.events import CallStarted
from voicebot.store.journal import Journal
from voicebot.telephony.ari import StasisStart
from voicebot.telephony.media import MediaLink
from voicebot.telephony.server import Credentials, Handlers


class MemoryJournal:
    """Stands for the journal: records in memory."""

    backlog = spooled = lost = 0
    trouble = ""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.closed = False

    def call(self, call_id: str, first: CallStarted) -> Record:
        if call_id in self.records:
            raise StoreError(f"{call_id}: this call has an open record already")
        self.records[call_id] = Record(call_id)
        self.records[call_id].append(0, first)
        return self.records[call_id]

    async def unsealed(self) -> list[Any]:
        return []

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True
        for record in self.records.values():
            record.closed = True


class FakeKeeper:
    """Stands for the process that holds control sockets; `gone` when it has ended."""

    def __init__(self) -> None:
        self.held: list[int] = []
        self.gone = False

    async def __aenter__(self) -> FakeKeeper:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gone = True

    def hold(self, fd: int) -> None:
        if self.gone:
            raise BrokenPipeError(32, "Broken pipe")
        self.held.append(fd)


class NoDetector:
    async def __aenter__(self) -> NoDetector:
        raise EngineError("silero: no model")

    async def __aexit__(self, *_: object) -> None: ...


class World:
    """A controller whose engines, database and server are stood in for. `handlers` is what its server would call."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench = Bench(folder)
        self.journal = MemoryJournal()
        self.keeper = FakeKeeper()
        self.settings = Settings(
            serve=Serve(port=0),
            pbx=Pbx(run=folder / "pbx"),
            store=Store(url="sqlite+aiosqlite://"),
            speech=Speech(cache=folder / "cache"),
            secrets=folder / "secrets",
            hotlines=self.bench.settings.hotlines,
            admission=Admission(calls=3, calls_per_number=2),
        )
        self.grace_s(20.0)
        self.armed: list[tuple[float, float, bool]] = []
        self.disarmed = 0
        self.detectors: list[Any] = []
        self.measures = Measures()
        self.watched: list[Any] = []
        self._handlers: list[Handlers] = []
        self._stand_in(monkeypatch)

    def grace_s(self, grace_s: float) -> None:
        self.settings = self.settings.model_copy(update={"serve": Serve(port=0, grace_s=grace_s)})

    def _stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def opened(_url: str, _spool: Path) -> MemoryJournal:
            return self.journal

        async def tongue(_stack: Any, _settings: Settings, _knowledge: Any, language: str, detector: Any) -> Any:
            self.detectors.append(detector)
            return self.bench.bot.tongues[language]

        async def prepared(_phrases: Any, _tongue: Any) -> None: ...

        async def watch_work(_metrics: Metrics, recognisers: Any, others: Any) -> None:
            self.watched += [*recognisers, *others]

        monkeypatch.setattr(Metrics, "measures", lambda _metrics: self.measures)
        monkeypatch.setattr(app, "watch_work", watch_work)
        monkeypatch.setattr(ear, "Gate", ScriptedGate)
        monkeypatch.setattr(Journal, "open", opened)
        monkeypatch.setattr(app, "tongue", tongue)
        monkeypatch.setattr(app, "prepared", prepared)
        monkeypatch.setattr(app, "load", lambda _folder: KNOWLEDGE)
        monkeypatch.setattr(app, "embedded", lambda _language: None)
        monkeypatch.setattr(app, "Phrases", lambda _folder, _voices: self.bench.phrases)
        monkeypatch.setattr(app, "SpeechDetector", NoDetector)
        monkeypatch.setattr(app, "Keeper", lambda: self.keeper)
        monkeypatch.setattr(app, "Server", self._server)
        monkeypatch.setattr(faulthandler, "dump_traceback_later", self._arm)
        monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", self._disarm)

    @asynccontextmanager
    async def _server(self, _host: str, _port: int, credentials: Credentials, handlers: Handlers) -> AsyncIterator[Any]:
        assert len(credentials.secret) > 16
        self._handlers.append(handlers)

        class Listening:
            port = 4711

        yield Listening()

    def _arm(self, timeout_s: float, exit: bool) -> None:  # noqa: A002 - faulthandler's own name
        self.armed.append((asyncio.get_running_loop().time(), timeout_s, exit))

    def _disarm(self) -> None:
        self.disarmed += 1

    @property
    def handlers(self) -> Handlers:
        return self._handlers[-1]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Controller]:
        async with Controller.open(self.settings) as controller:
            yield controller

    def calls_in(self, variables: dict[str, str] | None = None, caller: str = CALLER) -> FakeAsterisk:
        """Asterisk connects for a new call and tells of it half a second later."""
        asterisk = self.connects(variables, caller)
        asyncio.get_running_loop().call_later(0.5, asterisk.begin)
        return asterisk

    def connects(self, variables: dict[str, str] | None = None, caller: str = CALLER) -> FakeAsterisk:
        door: Any = _Door(self)
        asterisk = FakeAsterisk(door, variables, caller=caller)
        self.handlers.on_call(asterisk.control)
        return asterisk

    def figure(self, name: str) -> str:
        return next(line for line in self.handlers.metrics().decode().splitlines() if line.startswith(name)).split()[-1]


class _Door:
    def __init__(self, world: World) -> None:
        self._world = world

    def admit(self, token: str) -> MediaLink | None:
        return self._world.handlers.media(token)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


# Calls that are taken.


def test_a_call_is_taken_with_a_record_and_counted_while_it_lasts(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            asterisk = world.calls_in()
            await asyncio.sleep(5)
            assert controller.calls == 1
            assert world.figure("voicebot_calls_in_progress") == "1.0"
            assert asterisk.line
            assert asterisk.line.played_frames > 100
            asterisk.hang_up()
            await asyncio.sleep(1)
            assert controller.calls == 0
            assert world.figure("voicebot_calls_in_progress") == "0.0"
            assert asterisk.asked == [*OPENED, *CLOSED]

    run_virtual(scenario())
    record = world.journal.records[CALLER]
    [started] = record.of(CallStarted)
    assert (started.ani, started.dnis, started.language, started.channel) == ("0201555777", "100", "en", CALLER)
    assert started.knowledge_version == KNOWLEDGE.version
    assert abs((datetime.now(UTC) - started.at_utc).total_seconds()) < 60
    assert record.story[1:] == ["answered", "bot, greeting: greeting", "notice given", "caller hung up"]
    assert record.wrongs == []


def test_the_control_socket_of_a_call_that_is_over_is_left_to_asterisk_for_a_while(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            asterisk = world.calls_in()
            await asyncio.sleep(5)
            asterisk.hang_up()
            await asyncio.sleep(CLOSE_TIMEOUT_S - 1)
            assert not asterisk.closed
            await asyncio.sleep(2)
            assert asterisk.closed

    run_virtual(scenario())


# Admission.


def number(ani: str) -> dict[str, str]:
    return {"VOICEBOT_ANI": ani}


def test_the_caller_beyond_capacity_hears_a_line_and_goes_to_the_queue_and_the_next_is_taken_when_one_has_left(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            first, *others = [world.calls_in(number(f"555{each}"), f"c{each}") for each in range(3)]
            await asyncio.sleep(5)
            assert controller.calls == 3
            beyond = world.calls_in(number("5559"), "c9")
            await asyncio.sleep(0.51)
            assert beyond.asked == ["set VOICEBOT_LINE=at_capacity", "send c9 to voicebot-handover"]
            assert beyond.place == "voicebot-handover"
            assert controller.calls == 3
            assert world.figure('voicebot_refusals_total{reason="calls"}') == "1.0"
            first.hang_up()
            await asyncio.sleep(1)
            after = world.calls_in(number("5558"), "c8")
            await asyncio.sleep(2)
            assert after.place == "bot"
            assert {other.place for other in others} == {"bot"}

    run_virtual(scenario())


def test_a_caller_who_is_not_taken_has_a_record_that_says_why_and_the_floor_follows_him(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            floor = FakeAsterisk(world.bench.door)
            floor.channels = set()
            world.handlers.on_floor(floor.control)
            world.measures = Measures(cpu=0.99)
            beyond = world.calls_in(caller="c9")
            floor.channels |= {"c9"}
            await asyncio.sleep(1)
            assert beyond.place == "voicebot-handover"
            floor.tell("ChannelDestroyed", "c9")
            await asyncio.sleep(0.1)
            floor.disconnect()

    run_virtual(scenario())
    record = world.journal.records["c9"]
    assert record.story[1:] == ["handover to support: not admitted: cpu", "caller hung up"]
    assert record.outcome == "abandoned"
    assert record.wrongs == []


def test_a_caller_who_is_not_taken_and_has_hung_up_is_sealed_at_once(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            world.measures = Measures(loop_lag_ms=5_000)
            beyond = world.calls_in(caller="c9")
            await asyncio.sleep(0.5)
            beyond.hang_up()
            await asyncio.sleep(1)

    run_virtual(scenario())
    record = world.journal.records["c9"]
    assert record.story[1:] == ["handover to support: not admitted: loop lag", "caller hung up"]
    assert (record.outcome, record.sealed_by) == ("abandoned", "caller")


def test_one_number_cannot_take_all_and_withheld_numbers_share_no_cap(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            same = [world.calls_in(number("5551"), f"s{each}") for each in range(3)]
            await asyncio.sleep(2)
            assert sorted(each.place for each in same) == ["bot", "bot", "voicebot-handover"]
            for each in same:
                each.hang_up()
            await asyncio.sleep(2)
            hidden = [world.calls_in(number(""), f"h{each}") for each in range(3)]
            await asyncio.sleep(2)
            assert {each.place for each in hidden} == {"bot"}
            assert controller.calls == 3

    run_virtual(scenario())


def test_calls_that_send_no_audio_do_not_fill_capacity_for_long(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            ghosts = [world.calls_in(number(""), f"g{each}") for each in range(3)]
            await asyncio.sleep(4)
            for ghost in ghosts:
                assert ghost.line
                ghost.line.sends = False
            assert controller.calls == 3
            await asyncio.sleep(world.settings.turns.no_rtp_ms / 1_000 + 5)
            assert controller.calls == 0

    run_virtual(scenario())


def test_calls_that_come_at_the_same_instant_are_counted_one_by_one(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            crowd = [world.calls_in(number(f"555{each}"), f"c{each}") for each in range(10)]
            await asyncio.sleep(2)
            assert controller.calls == 3
            assert [each.place for each in crowd].count("voicebot-handover") == 7

    run_virtual(scenario())


def test_the_workers_are_watched(world: World) -> None:
    world.bench.recogniser.workers = ("one", "two")

    async def scenario() -> None:
        async with world.serving():
            await asyncio.sleep(1)
            assert world.watched == ["one", "two"]

    run_virtual(scenario())


# Calls that are not.


def test_a_language_nobody_speaks_here_goes_to_the_queue_unrecorded(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            asterisk = world.calls_in({"VOICEBOT_LANGUAGE": "fr"})
            await asyncio.sleep(1)
            assert asterisk.asked == [QUEUED]
            assert asterisk.place == "voicebot-handover"

    run_virtual(scenario())
    assert world.journal.records == {}


def test_a_call_another_controller_had_is_found_by_name_and_sent_on(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            asterisk = world.connects()
            asterisk.channels |= {"somebody-else", "c1-media"}
            asterisk.begin_again()
            await asyncio.sleep(START_TIMEOUT_S + 0.1)
            assert asterisk.asked == ["GET channels", QUEUED]
            assert asterisk.place == "voicebot-handover"

    run_virtual(scenario())


@pytest.mark.parametrize("told", ["nothing", "a channel that is gone"])
def test_a_control_socket_that_brings_no_caller_moves_nobody(told: str, world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            asterisk = world.connects()
            if told != "nothing":
                asterisk.channels.clear()
                asterisk.begin_again()
            await asyncio.sleep(10)
            assert asterisk.asked == ["GET channels"]
            assert asterisk.closed

    run_virtual(scenario())


def test_a_control_socket_that_closes_at_once_is_forgotten(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            world.connects().disconnect()
            await asyncio.sleep(0.1)
            assert controller.calls == 0

    run_virtual(scenario())


def test_a_caller_who_comes_back_while_his_record_is_open_goes_to_the_queue_and_others_stay(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            first = world.calls_in()
            await asyncio.sleep(5)
            second = world.calls_in()
            await asyncio.sleep(2)
            assert second.asked == [QUEUED]
            assert controller.calls == 1
            first.hang_up()
            await asyncio.sleep(1)

    run_virtual(scenario())
    assert world.journal.records[CALLER].outcome == "abandoned"


def test_control_sockets_are_held_beyond_this_process_and_a_lost_keeper_stops_nothing(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            world.handlers.hold(7)
            assert world.keeper.held == [7]
            world.keeper.gone = True
            world.handlers.hold(8)
            assert world.keeper.held == [7]

    run_virtual(scenario())


# The floor.


def test_what_a_crashed_controller_left_is_swept_when_the_floor_socket_comes(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            floor = FakeAsterisk(world.bench.door)
            floor.channels |= {MEDIA, "c2-media", "agent"}
            floor.bridges = {"c0-bridge": set(), "c2-bridge": {"c2-media"}, "c1-bridge": {CALLER, MEDIA}, "theirs": set()}
            world.handlers.on_floor(floor.control)
            await asyncio.sleep(1)
            assert set(floor.bridges) == {"c1-bridge", "theirs"}
            assert floor.channels == {CALLER, MEDIA, "agent"}
            floor.disconnect()

    run_virtual(scenario())


# Health.


def test_health_is_what_the_journal_says(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            assert world.handlers.health() == (True, b"ok\n")
            world.journal.trouble = "database or disk is full"
            assert world.handlers.health() == (False, b"journal: database or disk is full\n")

    run_virtual(scenario())


def test_while_it_drains_it_is_not_well_so_that_a_balancer_sends_no_more(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            await controller.drained(0)
            assert world.handlers.health() == (False, b"draining\n")
            assert world.figure("voicebot_draining") == "1.0"

    run_virtual(scenario())


def test_without_silero_the_controller_starts_all_the_same(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            assert controller.port == 4711
            assert world.detectors == [None]

    run_virtual(scenario())


@pytest.mark.parametrize("line", ["overflow", "at_capacity", "connecting_sorry"])
def test_what_the_dialplan_says_itself_lies_ready(world: World, line: str) -> None:
    async def scenario() -> None:
        async with world.serving():
            assert (world.settings.pbx.run / "sounds" / f"{line}-en.sln16").stat().st_size == 32_000

    run_virtual(scenario())


# Freezing and ending.


def test_a_loop_that_hangs_is_ended_and_one_that_runs_is_not(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            await asyncio.sleep(10.5)

    run_virtual(scenario())
    times_s = [at_s for at_s, _, _ in world.armed]
    assert len(times_s) == 11
    assert max(later - earlier for earlier, later in pairwise(times_s)) < FROZEN_S
    assert {(timeout_s, ends) for _, timeout_s, ends in world.armed} == {(FROZEN_S, True)}
    assert world.disarmed == 1


@pytest.mark.parametrize("after_s", [0.001, 0.03, 0.5, 5.0])
def test_when_it_ends_every_caller_is_handed_over_and_the_journal_closed_last(after_s: float, world: World) -> None:
    callers: list[FakeAsterisk] = []

    async def scenario() -> None:
        async with world.serving():
            callers.extend(world.calls_in(number(f"555{each}"), f"c{each}") for each in range(3))
            await asyncio.sleep(0.5 + after_s)

    run_virtual(scenario())
    for asterisk in callers:
        assert asterisk.place == "voicebot-handover"
        assert asterisk.channels == {asterisk.caller}
        assert world.journal.records[asterisk.caller].story[-1] == "fault, call: the controller is stopping"
    assert world.journal.closed


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(name: signal.Signals, world: World) -> None:
    ports: list[int] = []

    def ready(port: int) -> None:
        ports.append(port)
        os.kill(os.getpid(), name)

    run_virtual(app.serve(world.settings, ready))
    assert ports == [4711]
    assert world.journal.closed
    assert world.disarmed == 1


# Draining.


def serving_until_asked(world: World, scenario: Callable[[], Coroutine[Any, Any, None]]) -> float:
    """Play `scenario` against a whole `serve`; gives how long that ran."""

    async def both() -> float:
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as scope:
            serving = scope.create_task(app.serve(world.settings, lambda _port: ready.set()))
            await ready.wait()
            scope.create_task(scenario())
            await serving
            return asyncio.get_running_loop().time()

    return run_virtual(both())


def test_asked_to_end_it_takes_no_more_calls_and_ends_when_the_last_is_over(world: World) -> None:
    live: list[FakeAsterisk] = []

    async def scenario() -> None:
        live.append(world.calls_in(number("5551"), "c1"))
        await asyncio.sleep(5)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(1)
        assert not world.handlers.health()[0]
        late = world.calls_in(number("5552"), "c2")
        await asyncio.sleep(4)
        assert late.asked == ["set VOICEBOT_LINE=at_capacity", "send c2 to voicebot-handover"]
        assert live[0].place == "bot"
        live[0].hang_up()

    lasted_s = serving_until_asked(world, scenario)
    assert 10 < lasted_s < 12
    assert live[0].place == "gone"
    assert world.journal.records["c1"].outcome == "abandoned"
    assert world.journal.records["c2"].story[1:] == ["handover to support: not admitted: draining"]


def test_when_grace_is_over_who_is_left_hears_a_line_and_is_handed_over(world: World) -> None:
    live: list[FakeAsterisk] = []
    world.grace_s(8.0)

    async def scenario() -> None:
        live.extend(world.calls_in(number(f"555{each}"), f"c{each}") for each in range(2))
        await asyncio.sleep(5)
        os.kill(os.getpid(), signal.SIGTERM)

    lasted_s = serving_until_asked(world, scenario)
    assert 13 < lasted_s < 14
    for asterisk in live:
        assert asterisk.place == "voicebot-handover"
        assert "set VOICEBOT_LINE=connecting_sorry" in asterisk.asked
        assert world.journal.records[asterisk.caller].story[-1] == "fault, call: the controller is stopping"
    assert world.journal.closed


def test_a_second_signal_ends_it_at_once_and_hands_over_all_the_same(world: World) -> None:
    live: list[FakeAsterisk] = []

    async def scenario() -> None:
        live.append(world.calls_in())
        await asyncio.sleep(5)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(1)
        os.kill(os.getpid(), signal.SIGINT)

    lasted_s = serving_until_asked(world, scenario)
    assert 6 < lasted_s < 7
    assert live[0].place == "voicebot-handover"


def test_without_calls_it_ends_at_once(world: World) -> None:
    async def scenario() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    assert serving_until_asked(world, scenario) < 1


def test_whoever_started_it_is_told_that_it_is_ready_alive_and_stopping(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(app, "tell_starter", told.append)
    monkeypatch.setattr(process, "tell_starter", told.append)

    async def scenario() -> None:
        await asyncio.sleep(2.5)
        os.kill(os.getpid(), signal.SIGTERM)

    serving_until_asked(world, scenario)
    assert [word for word in told if word != "WATCHDOG=1"] == ["READY=1", "STOPPING=1"]
    assert told.count("WATCHDOG=1") == 3


# Starting.


def test_a_port_in_use_is_named_before_anything_is_started(world: World) -> None:
    async def scenario(port: int) -> None:
        with pytest.raises(VoicebotError, match=rf"cannot listen on 127.0.0.1:{port}.*set \[serve\] port"):
            async with Controller.open(world.settings.model_copy(update={"serve": Serve(port=port)})):
                pass

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run_virtual(scenario(taken.getsockname()[1]))
    assert not world.journal.closed
    assert world.armed == []


def test_a_part_that_cannot_start_closes_those_before_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def tongue(*_: object) -> None:
        raise KnowledgeError("the knowledge base has no entries in 'en'")

    monkeypatch.setattr(app, "tongue", tongue)

    async def scenario() -> None:
        with pytest.raises(ExceptionGroup) as failed:
            async with world.serving():
                pass
        assert "no entries in 'en'" in plain(failed.value)

    run_virtual(scenario())
    assert world.journal.closed


def test_the_port_is_known_only_when_it_listens(world: World) -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as scope:
            journal: Any = world.journal
            keeper: Any = world.keeper
            with pytest.raises(VoicebotError, match="not listening"):
                _ = Controller(world.bench.bot, journal, KNOWLEDGE, scope, keeper).port

    run_virtual(scenario())


# Calls that lost their controller.


def lost(world: World, monkeypatch: pytest.MonkeyPatch, taken: tuple[Record, Memory] | None) -> FakeAsterisk:
    """Asterisk connects again for a call that the journal has without an end."""
    asterisk = world.connects()
    asterisk.media = f"{CALLER}-1-media"

    async def unfinished(*_: object) -> StasisStart:
        return asterisk.start

    async def take_over(*_: object) -> tuple[Record, Memory] | None:
        return taken

    monkeypatch.setattr(arrivals, "unfinished", unfinished)
    monkeypatch.setattr(reception, "take_over", take_over)
    asterisk.begin_again()
    return asterisk


def test_a_lost_call_is_gone_on_with_and_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Record(CALLER)

    async def scenario() -> None:
        async with world.serving() as controller:
            asterisk = lost(world, monkeypatch, (record, Memory(answered=True, noticed=True, resumed=1, unsaid=(APOLOGY,))))
            await asyncio.sleep(0.5)
            assert controller.calls == 1
            assert asterisk.line
            assert asterisk.line.played_frames > 0
            asterisk.hang_up()
            await asyncio.sleep(1)
            assert controller.calls == 0

    run_virtual(scenario())
    assert record.story == ["bot, prompt: lost you (cut)", "caller hung up"]


def test_a_lost_call_that_cannot_be_gone_on_with_goes_to_the_queue(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            asterisk = lost(world, monkeypatch, None)
            await asyncio.sleep(0.1)
            assert asterisk.asked == [QUEUED]
            assert controller.calls == 0

    run_virtual(scenario())


def test_a_controller_that_drains_takes_over_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with world.serving() as controller, asyncio.TaskGroup() as scope:
            draining = scope.create_task(controller.drained(5))
            await asyncio.sleep(0)
            asterisk = lost(world, monkeypatch, (Record(CALLER), Memory(resumed=1)))
            await asyncio.sleep(0.1)
            assert asterisk.asked == [QUEUED]
            draining.cancel()

    run_virtual(scenario())


# While it starts.


class SlowStart:
    """Engines that are not up for a while after the port is open."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, takes_s: float) -> None:
        ready: Any = vars(app)["tongue"]

        async def slowly(*parts: Any) -> Any:
            await asyncio.sleep(takes_s)
            return await ready(*parts)

        monkeypatch.setattr(app, "tongue", slowly)
        self.world = world

    async def run(self, meanwhile: Coroutine[Any, Any, None]) -> None:
        async with asyncio.TaskGroup() as scope:
            scope.create_task(meanwhile)
            async with self.world.serving():
                await asyncio.sleep(10)


def test_a_call_that_comes_before_the_engines_are_up_goes_to_the_queue_and_health_says_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def meanwhile() -> None:
        await asyncio.sleep(0.1)
        assert world.handlers.health() == (False, b"starting\n")
        assert world.handlers.metrics() == b""
        asterisk = world.calls_in()
        await asyncio.sleep(0.6)
        assert asterisk.asked == [QUEUED]
        await asyncio.sleep(5)
        assert world.handlers.health() == (True, b"ok\n")

    run_virtual(SlowStart(world, monkeypatch, 3).run(meanwhile()))


@pytest.mark.parametrize(("takes_s", "place"), [(1.0, "bot"), (4.0, "voicebot-handover")])
def test_a_lost_call_waits_a_little_for_the_engines(takes_s: float, place: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def meanwhile() -> None:
        await asyncio.sleep(0.1)
        asterisk = lost(world, monkeypatch, (Record(CALLER), Memory(answered=True, noticed=True, resumed=1, unsaid=(APOLOGY,))))
        await asyncio.sleep(3)
        assert asterisk.place == place
        asterisk.hang_up()

    run_virtual(SlowStart(world, monkeypatch, takes_s).run(meanwhile()))


def test_who_is_with_the_bot_when_a_part_fails_to_start_is_not_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        await asyncio.sleep(2)
        raise KnowledgeError("the knowledge base has no entries in 'en'")

    monkeypatch.setattr(app, "tongue", broken)

    async def scenario() -> None:
        async def serve() -> None:
            with pytest.raises(ExceptionGroup):
                async with world.serving():
                    pass

        async with asyncio.TaskGroup() as scope:
            scope.create_task(serve())
            await asyncio.sleep(0.1)
            asterisk = world.calls_in()
            await asyncio.sleep(0.6)
            assert asterisk.asked == [QUEUED]

    run_virtual(scenario())
    assert world.journal.closed
