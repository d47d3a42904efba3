"""The shipped units: systemd can read them, they may do little, and the controller's times fit."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from voicebot.process import BEAT_S, FROZEN_S
from voicebot.settings import Serve
from voicebot.up import END_S, START_S

UNITS = sorted((Path(__file__).resolve().parents[2] / "scripts/systemd").glob("*.service"))
ASTERISK_MOVES_ON_S = 2.5
FROZEN_BAR_S = 8.0


def service_of(path: Path) -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#", strict=True)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(path.read_text(encoding="utf-8"))
    return unit["Service"]


@pytest.fixture(scope="module")
def service() -> configparser.SectionProxy:
    """Of the controller."""
    return service_of(next(path for path in UNITS if path.stem == "voicebot"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_reads_it_without_a_complaint(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    here = tmp_path / unit.name  # with a program that exists, or that would be the complaint
    here.write_text(unit.read_text(encoding="utf-8").replace("/opt/voicebot/.venv/bin/voicebot", "/bin/true"), encoding="utf-8")
    verdict = subprocess.run([analyze, "verify", "--man=no", str(here)], capture_output=True, text=True, timeout=60, check=False)
    assert unit.name not in verdict.stderr, verdict.stderr
    if verdict.returncode:
        pytest.skip(f"systemd-analyze cannot work here: {verdict.stderr.strip()}")


def test_a_frozen_controller_is_killed_in_time_and_a_busy_one_is_not(service: configparser.SectionProxy) -> None:
    assert service["Type"] == "notify"
    watchdog_s = float(service["WatchdogSec"])
    assert FROZEN_S + BEAT_S / 2 < watchdog_s <= FROZEN_BAR_S - ASTERISK_MOVES_ON_S
    assert service["WatchdogSignal"] == "SIGKILL", "a stopped process takes no other"
    assert service["Restart"] == "always"


def test_it_has_time_to_start_and_to_drain(service: configparser.SectionProxy) -> None:
    assert float(service["TimeoutStopSec"]) > Serve().grace_s + END_S
    assert float(service["TimeoutStartSec"]) >= START_S
    assert service["KillMode"] == "process", "SIGTERM is for the controller alone: its workers serve the calls that go on; and SIGKILL too, see below"


CONTROLLER = """
import asyncio, sys
from voicebot.speech.tts.program import Program
from voicebot.speech.workers import Worker
from voicebot.telephony.keeper import Keeper

async def main():
    async with Keeper(), asyncio.TaskGroup() as scope:
        scope.create_task(Worker("stuck:engine", {}).run())
        scope.create_task(Program(sys.argv[1], package="none", out_option="-o", deadline_s=600).speak((), "hello"))
        await asyncio.Event().wait()

asyncio.run(main())
"""
STUCK = "import pathlib, time\n\ndef engine():\n    pathlib.Path(__file__).with_name('loading').touch()\n    time.sleep(600)\n"
STARTED = ("voicebot.telephony.keeper", "voicebot.speech.serving", "voice-program")


def children(pid: int) -> dict[int, str]:
    """Processes that `pid` started, with their command lines."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return {int(each): Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ").decode() for each in pids}


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def until(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_all_that_a_killed_controller_had_started_ends_by_itself(tmp_path: Path) -> None:
    """Nobody else ends it: `KillMode=process`. Worker and voice program are stuck, and see no end of a file."""
    (tmp_path / "stuck.py").write_text(STUCK, encoding="utf-8")
    program = tmp_path / "voice-program"
    program.write_text("#!/bin/sh\nwhile :; do sleep 0.1; done\n", encoding="utf-8")
    program.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), *sys.path))}
    with subprocess.Popen([sys.executable, "-c", CONTROLLER, str(program)], env=environment) as controller:
        try:
            until((tmp_path / "loading").exists)
            until(lambda: all(any(name in each for each in children(controller.pid).values()) for name in STARTED))
            started = children(controller.pid)
        finally:
            controller.kill()
    assert len(started) == len(STARTED)
    until(lambda: not any(map(runs, started)))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_it_may_do_little(unit: Path) -> None:
    service = service_of(unit)
    assert service["User"] == "voicebot"
    assert service["ProtectSystem"] == "strict"
    assert {service[name] for name in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictNamespaces")} == {"yes"}
    assert service["RestrictRealtime"] == service["RestrictSUIDSGID"] == service["LockPersonality"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
