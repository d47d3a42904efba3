"""The controller: what it starts, how well it says it is, and that nobody is lost when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.kit.asterisk import CALLER, MEDIA, FakeAsterisk
from tests.kit.clock import run_virtual
from tests.kit.conversation import QUEUED
from tests.kit.world import World, number
from voicebot import app, assembly, process
from voicebot.app import Controller
from voicebot.errors import KnowledgeError, SettingsError, VoicebotError, plain
from voicebot.process import FROZEN_S
from voicebot.scopes import Tasks
from voicebot.settings import Serve


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_the_workers_are_watched(world: World) -> None:
    world.bench.recogniser.workers = ("one", "two")

    async def scenario() -> None:
        async with world.serving():
            await asyncio.sleep(1)
            assert world.watched == ["one", "two"]

    run_virtual(scenario())


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


def test_health_is_one_word_that_names_no_path_and_no_error(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            assert world.handlers.health() == (True, b"ok\n")
            world.journal.trouble = "/srv/voicebot.db: database or disk is full"
            assert world.handlers.health() == (False, b"journal\n")

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
            assert [detector.lived for detector in world.detectors] == [["launched", "failed"]]

    run_virtual(scenario())
    assert [detector.lived for detector in world.detectors] == [["launched", "failed", "stopped"]]


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
        assert asterisk.caller in asterisk.channels
        assert asterisk.media not in asterisk.channels
        assert world.journal.records[asterisk.caller].story[-1] == "handover to support: the controller is stopping"
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
        assert world.journal.records[asterisk.caller].story[-1] == "handover to support: the controller is stopping"
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


def test_when_it_ends_it_takes_no_socket_that_asterisk_opens_anew(world: World) -> None:
    async def scenario() -> None:
        assert not world.refuses
        os.kill(os.getpid(), signal.SIGINT)

    serving_until_asked(world, scenario)
    assert world.refuses


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


def test_a_controller_that_the_settings_do_not_name_starts_nothing(world: World) -> None:
    pbx = world.settings.pbx.model_copy(update={"controllers": ("127.0.0.1:9001", "127.0.0.1:9002")})

    async def scenario() -> None:
        with pytest.raises(SettingsError, match=r"are none of \[pbx\] controllers"):
            async with Controller.open(world.settings.model_copy(update={"pbx": pbx, "serve": Serve(port=9003)})):
                pass

    run_virtual(scenario())
    assert not world.journal.closed
    assert world.armed == []


def test_a_part_that_cannot_start_closes_those_before_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def tongue(*_: object) -> None:
        raise KnowledgeError("the knowledge base has no entries in 'en'")

    monkeypatch.setattr(assembly, "tongue", tongue)

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
            made: Any = SimpleNamespace(bot=world.bench.bot, journal=world.journal, renewal=None)
            keeper: Any = world.keeper
            with pytest.raises(VoicebotError, match="not listening"):
                _ = Controller(made, Tasks(scope), keeper).port

    run_virtual(scenario())


# While it starts.


def test_while_it_starts_it_is_not_well_and_has_no_figures(world: World) -> None:
    async def meanwhile() -> None:
        await asyncio.sleep(0.1)
        assert world.handlers.health() == (False, b"starting\n")
        assert world.handlers.metrics() == b""
        await asyncio.sleep(5)
        assert world.handlers.health() == (True, b"ok\n")

    run_virtual(world.starting(3, meanwhile()))


def test_who_is_with_the_bot_when_a_part_fails_to_start_is_not_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        await asyncio.sleep(2)
        raise KnowledgeError("the knowledge base has no entries in 'en'")

    monkeypatch.setattr(assembly, "tongue", broken)

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
