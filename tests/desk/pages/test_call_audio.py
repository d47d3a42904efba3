"""A recording as a picture: peaks where the voices are, a file that is no recording refused, and only files of the recordings' folder."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.desk.pages.call_audio import BLOCK_BYTES, COLUMNS, RATE_HZ, AudioError, Peaks, inside, peaks, wave
from voicebot.handover.story import Felt
from voicebot.telephony.recording import header


def recording(path: Path, caller: np.ndarray, bot: np.ndarray) -> Path:
    pcm = np.stack([caller, bot], axis=1).astype("<i2").tobytes()
    path.write_bytes(header(len(pcm)) + pcm)
    return path


def test_the_header_is_the_recorders() -> None:
    assert (len(header(0)), BLOCK_BYTES) == (44, 4)


def test_peaks_stand_where_each_side_speaks(tmp_path: Path) -> None:
    caller, bot = np.zeros(10 * RATE_HZ), np.zeros(10 * RATE_HZ)
    caller[2 * RATE_HZ : 3 * RATE_HZ] = -16_384
    bot[5 * RATE_HZ : 6 * RATE_HZ] = 32_767
    found = peaks(recording(tmp_path / "c.wav", caller, bot))
    assert found.length_ms == 10_000
    loud = [[at * 10_000 // COLUMNS for at, share in enumerate(side) if share > 0.1] for side in (found.caller, found.bot)]
    assert (loud[0][0], loud[0][-1]) == (2_000, 2_980)
    assert (loud[1][0], loud[1][-1]) == (5_000, 5_980)
    assert max(found.caller) == pytest.approx(0.5)
    assert max(found.bot) == pytest.approx(1, abs=1e-3)


@given(cut=st.integers(0, 400))
@settings(max_examples=30, deadline=None)
def test_a_recording_that_broke_off_anywhere_is_drawn(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = recording(tmp_path_factory.mktemp("r") / "c.wav", np.full(80, 900), np.full(80, 900))
    path.write_bytes(path.read_bytes()[: cut or None])
    assert len(peaks(path).caller) == COLUMNS


def test_what_is_gone_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.wav: cannot be read"):
        peaks(tmp_path / "gone.wav")


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/passwd", "c.txt", "sub", "missing.wav", "link.wav"])
def test_only_recordings_of_the_folder_are_served(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "recordings"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (folder / "c.txt").write_bytes(b"text")
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(AudioError):
        inside(folder / name, folder)
    (folder / "c.wav").write_bytes(b"RIFF")
    assert inside(folder / "sub" / ".." / "c.wav", folder) == (folder / "c.wav").resolve()


def test_the_picture_is_made_of_numbers_and_holds_the_anger_of_its_stretch() -> None:
    found = Peaks((0.5,) * COLUMNS, (0.0,) * COLUMNS, 10_000)
    drawn = wave(found, (Felt(100, 0.9), Felt(2_000, 0.0), Felt(7_000, 1.0), Felt(99_000, 0.2)), 2_000, "Sound")
    (points,) = re.findall(r'points="([^"]*)"', drawn)
    assert points == "0.0,96.0 500.0,0.0"
    assert drawn.count('class="caller"') == COLUMNS
    assert 'class="bot"' not in drawn, "silence is not drawn"


def test_one_score_is_no_line() -> None:
    assert "polyline" not in wave(Peaks((0.0,), (0.0,), 10), (Felt(1, 0.5),), 0, "Sound")
