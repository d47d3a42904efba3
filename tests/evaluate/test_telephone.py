"""A telephone line in numbers: band, gain, noise and loss are what was asked for, and the same file always sounds the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tests.kit.voices import noise, spoken
from voicebot.errors import EvaluationError
from voicebot.evaluate.telephone import Line, read, through
from voicebot.testbed.g711 import Codec


def recording(folder: Path, pcm: bytes, name: str = "a.wav") -> Path:
    soundfile.write(folder / name, np.frombuffer(pcm, "<i2"), 16_000)
    return folder / name


def level_db(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2") / 32_768
    return float(10 * np.log10(np.mean(samples**2)))


def tone(hz: float) -> bytes:
    wave: NDArray[np.float64] = 8_000 * np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000)
    return wave.astype("<i2").tobytes()


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_speech_keeps_its_length_and_nearly_its_level(tmp_path: Path, codec: Codec) -> None:
    pcm = spoken(hz=300)
    heard = through(Line(codec), recording(tmp_path, pcm))
    assert abs(len(heard) - len(pcm)) <= 4
    assert level_db(heard) == pytest.approx(level_db(pcm), abs=2)


@pytest.mark.parametrize(("hz", "passes"), [(60, False), (1_000, True), (3_000, True), (5_000, False)])
def test_only_the_telephone_band_passes(tmp_path: Path, hz: float, passes: bool) -> None:
    lost_db = level_db(tone(hz)) - level_db(through(Line(), recording(tmp_path, tone(hz))))
    assert lost_db < 1.5 if passes else lost_db > 25


def test_gain_comes_before_the_codec(tmp_path: Path) -> None:
    path = recording(tmp_path, spoken())
    plain = level_db(through(Line(), path))
    assert level_db(through(Line(gain_db=-12), path)) == pytest.approx(plain - 12, abs=0.3)


def test_noise_lies_below_the_speech_by_what_was_asked(tmp_path: Path) -> None:
    path, behind = recording(tmp_path, spoken()), recording(tmp_path, noise(duration_s=0.5), "noise.wav")
    clean, noisy = (np.frombuffer(through(line, path), "<i2").astype(float) for line in (Line(), Line(noise=behind, snr_db=20)))
    added_db = 10 * np.log10(np.mean((noisy - clean) ** 2) / np.mean(clean**2))
    assert added_db == pytest.approx(-20, abs=3)


def test_lost_packets_are_silent_and_as_many_as_asked(tmp_path: Path) -> None:
    path = recording(tmp_path, noise(duration_s=10))
    heard = np.frombuffer(through(Line(loss=0.2), path), "<i2")
    silent = [np.abs(heard[start + 40 : start + 280]).max() < 200 for start in range(0, len(heard) - 320, 320)]
    assert np.mean(silent) == pytest.approx(0.2, abs=0.06)


def test_the_same_recording_always_sounds_the_same(tmp_path: Path) -> None:
    path, behind = recording(tmp_path, spoken()), recording(tmp_path, noise(), "noise.wav")
    line = Line("PCMA", -6, behind, 10, 0.1)
    assert through(line, path) == through(line, path)


def test_two_channels_become_one_and_raw_files_are_eight_kilohertz(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "two.wav", np.zeros((16_000, 2)), 16_000)
    (tmp_path / "noise.raw").write_bytes(bytes(16_000))
    assert len(read(tmp_path / "two.wav")) == len(read(tmp_path / "noise.raw")) == 8_000


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    for name in ("text.wav", "none.wav", "none.raw"):
        with pytest.raises(EvaluationError, match=name):
            read(tmp_path / name)


def burst(folder: Path, name: str = "burst.wav", hz: float = 1_000) -> Path:
    """A tenth of a second of tone, then silence up to a second."""
    return recording(folder, tone(hz)[:3_200] + bytes(28_800), name)


def part_db(pcm: bytes, from_ms: int, to_ms: int) -> float:
    return level_db(pcm[from_ms * 32 : to_ms * 32] + b"\x01\x00")


def test_an_echo_comes_as_late_and_as_faint_as_asked(tmp_path: Path) -> None:
    heard = through(Line(echo_db=-15, echo_ms=300), burst(tmp_path))
    spoken_db, echo_db = part_db(heard, 20, 80), part_db(heard, 320, 380)
    assert echo_db == pytest.approx(spoken_db - 15, abs=0.5)
    assert part_db(heard, 180, 280) < echo_db - 20


def test_the_echo_of_something_else_is_of_that(tmp_path: Path) -> None:
    bot = burst(tmp_path, "bot.wav")
    heard = through(Line(echo_db=-6, echo_ms=500, echo_of=bot), recording(tmp_path, bytes(32_000), "silent.wav"))
    assert part_db(heard, 520, 580) > part_db(heard, 100, 400) + 20


def test_no_echo_where_none_is_asked_or_none_fits(tmp_path: Path) -> None:
    path = burst(tmp_path)
    assert through(Line(echo_db=-3, echo_ms=2_000), path) == through(Line(), path)


def test_the_seed_decides_what_is_lost(tmp_path: Path) -> None:
    path = recording(tmp_path, spoken())
    first, again, other = (through(Line(loss=0.3, seed=seed), path) for seed in (1, 1, 2))
    assert first == again != other
