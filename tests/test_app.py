"""The controller: which calls it takes, what it does with those it does not know, and that nobody is lost when it ends."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import socket
from collections.abc import AsyncIterator
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
from voicebot import app
from voicebot.app import CLOSE_TIMEOUT_S, FROZEN_S, START_TIMEOUT_S, Controller
from voicebot.errors import EngineError, KnowledgeError, StoreError, VoicebotError
from voicebot.settings import Pbx, Serve, Settings, Speech, Store
from voicebot.speech import ear
from voicebot.store.events import CallStarted
from voicebot.store.journal import Journal
from voicebot.telephony.media import MediaLink
from voicebot.telephony.server import Credentials, Handlers


class MemoryJournal:
    """Stands for the journal: records in memory."""

    backlog = spooled = lost = 0

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
        )
        self.armed: list[tuple[float, float, bool]] = []
        self.disarmed = 0
        self.detectors: list[Any] = []
        self._handlers: list[Handlers] = []
        self._stand_in(monkeypatch)

    def _stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def opened(_url: str, _spool: Path) -> MemoryJournal:
            return self.journal

        async def tongue(_stack: Any, _settings: Settings, _knowledge: Any, language: str, detector: Any) -> Any:
            self.detectors.append(detector)
            return self.bench.bot.tongues[language]

        async def prepared(_phrases: Any, _tongue: Any) -> None: ...

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
            world.journal.spooled = 3
            well, body = world.handlers.health()
            assert not well
            assert b"journal" in body

    run_virtual(scenario())


def test_without_silero_the_controller_starts_all_the_same(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            assert controller.port == 4711
            assert world.detectors == [None]

    run_virtual(scenario())


def test_the_message_for_those_nobody_answered_lies_ready(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            assert (world.settings.pbx.run / "sounds" / "overflow-en.sln16").stat().st_size == 32_000

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
            callers.extend(world.calls_in(caller=f"c{number}") for number in range(3))
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
        with pytest.raises(KnowledgeError, match="no entries in 'en'"):
            async with world.serving():
                pass

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
