"""What is left over is found: a bridge, a channel, a task, a socket, a file, a dead process, each planted here."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from voicebot.testbed import leftovers
from voicebot.testbed.leftovers import Held, bridges, channels, held, left_over, lost_processes, lowest, settled
from voicebot.testbed.processes import Process, process
from voicebot.testbed.rig import Rig

Run = Callable[[Coroutine[Any, Any, Any]], Any]

CHANNEL = "PJSIP/voicebot-caller-00000002!voicebot-call!100!6!Up!Stasis!voicebot!5559876!!!3!4!b-1!voicebot-1.2\n"
BRIDGES = "Bridge-ID                            Chans Type            Technology      Duration\n"
BRIDGE = "voicebot-1.2-bridge                      2 stasis          simple_bridge   00:00:04\n"
ASTERISK = Process(2, 1, "/tree/usr/sbin/asterisk -f", 0.0)
CONTROLLER = Process(3, 1, "python -m voicebot serve --settings x", 0.0)


class Stand:
    """A rig in one process, this one, whose Asterisk and controller say what a test plants."""

    def __init__(self, folder: Path) -> None:
        self.settings_file = folder / "voicebot.toml"
        self.settings_file.write_text("", encoding="utf-8")
        self.said: dict[str, float] = {"voicebot_calls_in_progress": 0.0, "voicebot_tasks": 12.0}
        self.channels = self.bridges = 0

    def processes(self) -> tuple[Process, ...]:
        found = process(os.getpid())
        assert found
        return (found,)

    async def metrics(self) -> dict[str, float]:
        return self.said

    async def console(self, command: str) -> str:
        return BRIDGES + BRIDGE * self.bridges if command.startswith("bridge") else CHANNEL * self.channels


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


@pytest.fixture
def leaks(run: Run, stand: Stand) -> Callable[[Callable[[], object]], dict[str, float]]:
    """What is more after `plant` than before."""

    def compared(plant: Callable[[], object]) -> dict[str, float]:
        before = run(held(cast(Rig, stand)))
        plant()
        figures = left_over(before, run(held(cast(Rig, stand))))
        return {figure.name: figure.measured for figure in figures if not figure.passed}

    return compared


Leaks = Callable[[Callable[[], object]], dict[str, float]]


def test_when_nothing_happened_nothing_is_left(leaks: Leaks) -> None:
    assert leaks(lambda: None) == {}


def test_a_leaked_bridge_is_found(leaks: Leaks, stand: Stand) -> None:
    assert leaks(lambda: setattr(stand, "bridges", 1)) == {"bridges left": 1}


def test_a_leaked_channel_is_found(leaks: Leaks, stand: Stand) -> None:
    assert leaks(lambda: setattr(stand, "channels", 2)) == {"channels left": 2}


def test_a_leaked_task_and_an_endless_call_are_found(leaks: Leaks, stand: Stand) -> None:
    said = {"voicebot_calls_in_progress": 1.0, "voicebot_tasks": 15.0}
    assert leaks(lambda: setattr(stand, "said", said)) == {"calls in progress left": 1, "controller tasks left": 3}


def test_a_leaked_socket_is_found(leaks: Leaks) -> None:
    with ExitStack() as planted:
        assert leaks(lambda: planted.enter_context(socket.socket())) == {"workers sockets left": 1}


def test_a_leaked_file_descriptor_is_found(leaks: Leaks, tmp_path: Path) -> None:
    (tmp_path / "sound").touch()
    with ExitStack() as planted:
        assert leaks(lambda: planted.enter_context((tmp_path / "sound").open())) == {"workers other open files left": 1}


def test_a_connection_to_the_journal_that_stays_open_is_found(leaks: Leaks, tmp_path: Path) -> None:
    (tmp_path / "journal.db-wal").touch()
    with ExitStack() as planted:
        assert leaks(lambda: planted.enter_context((tmp_path / "journal.db-wal").open())) == {"journal files left": 1}


def test_a_leaked_temporary_file_is_found_at_any_depth(leaks: Leaks, tmp_path: Path) -> None:
    def plant() -> None:
        (tmp_path / "tmp" / "deep").mkdir(parents=True)
        (tmp_path / "tmp" / "deep" / "briefing.sln16").touch()

    assert leaks(plant) == {"temporary files left": 1}


def test_a_controller_that_does_not_answer_is_not_taken_for_an_idle_one(run: Run, stand: Stand) -> None:
    stand.said = {}
    assert run(held(cast(Rig, stand)))["calls in progress"] == leftovers.UNKNOWN


def test_fewer_than_before_is_not_more() -> None:
    assert all(figure.passed for figure in left_over({"channels": 2, "workers sockets": 5}, {"channels": 0}))


def test_what_was_not_there_before_is_left_over() -> None:
    found = left_over({"channels": 0}, {"channels": 0, "strange": 2})
    assert [(figure.name, figure.passed) for figure in found] == [("channels left", True), ("strange left", False)]


def test_the_console_is_read() -> None:
    [channel] = channels(CHANNEL + "1 active channel\n")
    assert (channel.name, channel.context, channel.app, channel.ani) == (*("PJSIP/voicebot-caller-00000002", "voicebot-call", "Stasis", "5559876"),)
    assert bridges(BRIDGES + 3 * BRIDGE) == 3
    assert bridges(BRIDGES) == 0


@pytest.mark.parametrize(
    ("after", "ended", "named"),
    [((ASTERISK, CONTROLLER), 0, ""), ((CONTROLLER,), 1, "Asterisk"), ((ASTERISK, Process(9, 1, CONTROLLER.command, 0.0)), 1, "controller")],
)
def test_a_crash_is_found_also_when_the_process_was_started_again(after: tuple[Process, ...], ended: int, named: str) -> None:
    figure = lost_processes((ASTERISK, CONTROLLER), after)
    assert figure.measured == ended
    assert figure.passed is (ended == 0)
    assert named in figure.name


# Waiting.


def looks(*seen: Held) -> tuple[Callable[[], Coroutine[Any, Any, Held]], list[Held]]:
    """Each look gives the next of `seen`, the last one again and again."""
    taken: list[Held] = []

    async def look() -> Held:
        taken.append(seen[min(len(taken), len(seen) - 1)])
        return taken[-1]

    return look, taken


def at(channel: int, files: int) -> Held:
    return {"channels": channel, "calls in progress": 0, "controller sockets": files}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "SAMPLE_EVERY_S", 0.001)


def test_it_waits_until_the_last_call_is_gone(run: Run) -> None:
    look, taken = looks(at(2, 9), at(1, 8), at(0, 5))
    assert run(settled(look, at(0, 5))) == at(0, 5)
    assert taken[:3] == [at(2, 9), at(1, 8), at(0, 5)]


def test_what_is_held_for_an_instant_is_no_leak(run: Run) -> None:
    look, _ = looks(at(0, 6), at(0, 5), at(0, 6), at(0, 6))
    assert run(settled(look, at(0, 5))) == at(0, 5)


def test_a_leak_is_waited_for_and_told(run: Run) -> None:
    look, taken = looks(at(0, 6))
    assert run(settled(look, at(0, 5), within_s=0.05)) == at(0, 6)
    assert len(taken) > leftovers.SAMPLES


def test_a_channel_that_never_ends_is_told(run: Run) -> None:
    look, _ = looks(at(1, 5))
    assert run(settled(look, at(0, 5), within_s=0.02))["channels"] == 1


def test_the_least_of_each_is_taken_and_what_has_gone_is_gone() -> None:
    assert lowest([{"a": 3, "b": 1}, {"a": 2}]) == {"a": 2}
    assert lowest([{"a": 3}, {"a": 3, "b": 1}]) == {"a": 3, "b": 0}
