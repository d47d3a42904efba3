"""Temporary folders go with their block; those of a killed process go when they are swept, and nobody else's do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from voicebot.scratch import scratch, sweep

HOLDS = """
import sys
from pathlib import Path
from voicebot.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "said.txt").write_text("words of a caller")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_it_is_there_for_its_block_and_for_the_owner_alone(tmp_path: Path) -> None:
    with scratch(tmp_path) as folder:
        (folder / "x").write_text("x")
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ZeroDivisionError), scratch(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    with scratch(tmp_path) as ours:
        with subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            theirs = Path(process.stdout.readline().strip())
            assert sweep(tmp_path) == 0
            process.send_signal(signal.SIGKILL)
        assert (theirs / "said.txt").exists()
        assert sweep(tmp_path) == 1
        assert list(tmp_path.iterdir()) == [ours]


@pytest.mark.parametrize("name", ["voicebot-scratch-x-abc", "voicebot-scratch-", "voicebot-rig-99999999-abc", "other-99999999-x"])
def test_nothing_with_another_name_is_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert sweep(tmp_path) == 0
    assert (tmp_path / name).exists()


def test_nothing_of_another_owner_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "voicebot-scratch-99999999-abc").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 4_711)
    assert sweep(tmp_path) == 0


def test_a_folder_that_is_not_there_has_nothing_to_sweep(tmp_path: Path) -> None:
    assert sweep(tmp_path / "none") == 0
