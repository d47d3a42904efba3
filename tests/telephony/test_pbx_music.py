from __future__ import annotations

import numpy as np
import pytest

from voicebot.telephony.pbx_music import PEAK, hold_music
from voicebot.values import SAMPLE_RATE_HZ, duration_ms


@pytest.fixture(scope="module")
def loop() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.frombuffer(hold_music(), dtype="<i2").astype(np.float64) / 32_768


def test_it_lasts_sixteen_seconds_and_is_the_same_each_time() -> None:
    assert duration_ms(hold_music()) == 16_000
    assert hold_music() == hold_music()


def test_it_stays_below_speech_level_and_is_never_silent(loop: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    assert np.abs(loop).max() == pytest.approx(PEAK, abs=0.001)
    level = np.sqrt((loop.reshape(-1, SAMPLE_RATE_HZ // 5) ** 2).mean(axis=1))
    assert level.min() > 0.005


def test_it_loops_without_a_click(loop: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    seam = abs(loop[0] - loop[-1])
    assert seam <= np.abs(np.diff(loop)).max()
    assert np.abs(np.diff(loop)).max() < 0.05


def test_it_is_a_chord_and_not_a_beep(loop: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    spectrum = np.abs(np.fft.rfft(loop[: 4 * SAMPLE_RATE_HZ] * np.hanning(4 * SAMPLE_RATE_HZ)))
    peaks = (spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:]) & (spectrum[1:-1] > spectrum.max() / 10)
    assert peaks.sum() >= 4
