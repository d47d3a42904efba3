"""The breakable command is the `voicebot` command, but for a loop that can be blocked and a port that Asterisk can be sent to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from voicebot.settings import Pbx, Settings
from voicebot.telephony.pbx_plan import PbxPlan
from voicebot.testbed import launch
from voicebot.testbed.launch import Breakable

LAUNCH = (sys.executable, "-m", "voicebot.testbed.launch", "voicebot")


def test_it_is_the_voicebot_command(tmp_path: Path) -> None:
    answer = subprocess.run(
        [*LAUNCH, "kb", "ask", "what is my puk", "--json"], capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False
    )
    assert "puk" in answer.stdout, answer.stderr


def test_the_controller_is_launched_breakable_too() -> None:
    command = Breakable("127.0.0.1", 1, Path("voicebot.toml"))._command
    assert command[1:5] == ["-m", "voicebot.testbed.launch", "voicebot", "serve"]
    assert command[-2:] == ["--settings", "voicebot.toml"]
    assert " voicebot serve " in " ".join(command), "by this the rig knows the controller"


@pytest.mark.parametrize(("via", "port"), [("4711", 4711), (None, 4000)])
def test_asterisk_is_sent_through_the_port_it_is_told(
    *, via: str | None, port: int, asterisk_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if via:
        monkeypatch.setenv(launch.VIA, via)
    found: PbxPlan = launch._planned(Settings(secrets=tmp_path, pbx=Pbx(tree=asterisk_tree, run=tmp_path)), controller_port=4000)
    assert found.control_url == f"ws://127.0.0.1:{port}/ari"
    assert found.floor_url == f"ws://127.0.0.1:{port}/floor"
    assert list(found.media.values()) == [f"ws://127.0.0.1:{port}/media"]


def test_a_signal_blocks_the_loop() -> None:
    """A task that says each tenth of a second that it runs falls silent."""
    program = """
import asyncio, sys
from voicebot.testbed import launch
launch.BLOCK_S = 1.5
async def beat():
    for _ in range(100):
        print("beat", flush=True)
        await asyncio.sleep(0.05)
launch.runpy.run_module = lambda *_, **__: asyncio.run(beat())
launch.main()
"""
    with subprocess.Popen([sys.executable, "-c", program, "voicebot"], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        os.kill(running.pid, signal.SIGUSR1)
        longest_s, last_s = 0.0, time.monotonic()
        while running.stdout.readline():
            longest_s, last_s = max(longest_s, time.monotonic() - last_s), time.monotonic()
    assert longest_s > 1.0
