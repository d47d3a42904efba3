"""Pitch of known tones, and that two processes may come for the first time at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from voicebot.emotion import pitch


@pytest.mark.parametrize("hz", [90.0, 150.0, 220.0, 400.0])
def test_a_tone_has_its_pitch(hz: float) -> None:
    time_s = np.arange(pitch.RATE_HZ) / pitch.RATE_HZ
    track = pitch.pitch_hz(np.sin(2 * np.pi * hz * time_s).astype(np.float32))
    assert np.median(track) == pytest.approx(hz, rel=0.02)


def test_there_is_one_figure_each_ten_milliseconds() -> None:
    assert len(pitch.pitch_hz(np.ones(pitch.RATE_HZ, np.float32))) == 101


def test_mel_filters_lie_between_their_bounds() -> None:
    filters = pitch.mel_filters(26, 200.0, 3_600.0)
    heard = np.flatnonzero(filters.sum(axis=0)) * pitch.RATE_HZ / pitch.FRAME_SAMPLES
    assert filters.shape == (26, 257)
    assert heard.min() >= 200
    assert heard.max() <= 3_600


@pytest.mark.slow
def test_two_processes_that_compile_at_once_leave_a_cache_that_a_third_can_use(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from voicebot.emotion.pitch import pitch_hz; import numpy; print(len(pitch_hz(numpy.ones(800, 'float32'))))"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def started() -> subprocess.Popen[str]:
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    for process in (*[started(), started()], started()):
        out, complaint = process.communicate(timeout=250)
        assert (process.returncode, out.strip()) == (0, "11"), complaint
    assert list(tmp_path.rglob("*.nbi"))


def test_the_cache_is_ours_where_nobody_named_another() -> None:
    assert os.environ["NUMBA_CACHE_DIR"]
    assert (Path(os.environ["NUMBA_CACHE_DIR"]) / "lock").exists()
