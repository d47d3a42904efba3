"""Signals heard, systemd told, a hang made a crash, a child that does not outlive its parent."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clock import run_virtual
from voicebot.process import BEAT_S, FROZEN_S, Stop, never_frozen, tell_starter


class Systemd:
    """Stands for the service manager: what it is told, in order."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    @property
    def told(self) -> list[str]:
        words = []
        with suppress(BlockingIOError):
            while True:
                words.append(self._socket.recv(1_000).decode())
        return words

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    name = f"voicebot-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    manager = Systemd(f"\0{name}" if request.param == "abstract" else name)
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if request.param == "abstract" else name)
    yield manager
    manager.close()


# Signals.


async def heard(event: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await event.wait()


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_and_the_second_insists(first: signal.Signals, second: signal.Signals) -> None:
    async def scenario() -> None:
        stop = Stop()
        assert not stop.asked.is_set()
        os.kill(os.getpid(), first)
        await heard(stop.asked)
        assert not stop.insisted.is_set()
        os.kill(os.getpid(), second)
        await heard(stop.insisted)

    asyncio.run(scenario())


# systemd.


def test_systemd_is_told(systemd: Systemd) -> None:
    tell_starter("READY=1")
    tell_starter("STOPPING=1")
    assert systemd.told == ["READY=1", "STOPPING=1"]


def test_without_systemd_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    tell_starter("READY=1")


def test_a_systemd_that_is_gone_or_hears_no_more_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    tell_starter("READY=1")
    manager = Systemd(str(tmp_path / "deaf"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "deaf"))
    for _ in range(5_000):
        tell_starter("WATCHDOG=1")
    assert manager.told
    manager.close()


# Freezing.


def test_signs_of_life_come_in_time_and_end_with_the_task(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    armed: list[float] = []
    disarmed: list[bool] = []

    def arm(timeout_s: float, exit: bool) -> None:  # noqa: A002 - faulthandler's own name
        assert (timeout_s, exit) == (FROZEN_S, True)
        armed.append(asyncio.get_running_loop().time())

    monkeypatch.setattr(faulthandler, "dump_traceback_later", arm)
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", lambda: disarmed.append(True))

    async def scenario() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(10.5):
                await never_frozen()

    run_virtual(scenario())
    assert len(armed) == 11
    assert all(later - earlier == pytest.approx(BEAT_S) for earlier, later in pairwise(armed))
    assert systemd.told == ["WATCHDOG=1"] * 11
    assert disarmed == [True]
    assert BEAT_S * 2 < FROZEN_S, "one late beat is no hang"


def test_a_loop_that_hangs_ends_the_process_and_says_where() -> None:
    program = """
import asyncio, time
from voicebot import process
process.FROZEN_S = 0.5
async def main():
    async with asyncio.TaskGroup() as scope:
        scope.create_task(process.never_frozen())
        await asyncio.sleep(0.1)
        forgotten_blocking_call()
def forgotten_blocking_call():
    time.sleep(60)
asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert "forgotten_blocking_call" in ended.stderr


def test_a_child_ends_when_its_parent_is_killed() -> None:
    child = "import signal; print('up', flush=True); signal.pause()"
    parent = f"""
import subprocess, sys
from voicebot.process import end_with_parent
child = subprocess.Popen([sys.executable, "-c", {child!r}], preexec_fn=end_with_parent, start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as running:
        output: Any = running.stdout
        assert "up\n" in {output.readline(), output.readline()}
        running.kill()
        left, _ = running.communicate(timeout=20)
        assert left == "", "the pipe is open until the child has ended as well"
