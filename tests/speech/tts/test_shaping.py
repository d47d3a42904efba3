"""Shaping: what a synthesiser says comes out at one rate, one loudness, without the silence around and inside it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import EngineError
from voicebot.speech.tts.manner import NEUTRAL
from voicebot.speech.tts.shaping import Samples, shape
from voicebot.values import duration_ms


def tone(ms: int, level: float = 0.1, rate_hz: int = 16_000) -> Samples:
    wave = level * math.sqrt(2) * np.sin(np.arange(ms * rate_hz // 1000) * 2 * np.pi * 400 / rate_hz)
    return np.asarray(wave, np.float32)


def silence(ms: int, rate_hz: int = 16_000) -> Samples:
    return np.zeros(ms * rate_hz // 1000, np.float32)


def heard(*parts: Samples, rate_hz: int = 16_000) -> Samples:
    return np.frombuffer(shape(np.concatenate(parts), rate_hz), "<i2").astype(np.float32) / np.float32(32_767)


def loudness_dbfs(pcm: Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(pcm**2))))


def quiet_ms(pcm: Samples) -> tuple[int, int]:
    """Silence before and after what can be heard."""
    audible = np.flatnonzero(np.abs(pcm) > 0.005)
    return int(audible[0]) // 16, (len(pcm) - int(audible[-1])) // 16


def test_silence_before_and_after_is_cut_to_what_an_ear_needs() -> None:
    before_ms, after_ms = quiet_ms(heard(silence(400), tone(300), silence(700)))
    assert before_ms <= 30
    assert 60 <= after_ms <= 100


def test_speech_that_starts_and_ends_at_the_edges_loses_nothing() -> None:
    assert duration_ms(shape(tone(500), 16_000)) == 500


def test_a_soft_onset_stays() -> None:
    soft = tone(50, level=0.1 * 10 ** (-30 / 20))
    assert duration_ms(shape(np.concatenate([silence(300), soft, tone(300), silence(300)]), 16_000)) >= 350


def test_the_noise_floor_of_a_synthesiser_counts_as_silence() -> None:
    floor = tone(400, level=0.1 * 10 ** (-55 / 20))
    assert duration_ms(shape(np.concatenate([floor, tone(300), floor]), 16_000)) <= 300 + 100


@pytest.mark.parametrize(
    ("pause_ms", "kept_ms"), [(100, 100), (NEUTRAL.pause_ms, NEUTRAL.pause_ms), (600, NEUTRAL.pause_ms), (3_000, NEUTRAL.pause_ms)]
)
def test_long_pauses_inside_are_shortened_and_short_ones_left(pause_ms: int, kept_ms: int) -> None:
    assert duration_ms(shape(np.concatenate([tone(300), silence(pause_ms), tone(300)]), 16_000)) == pytest.approx(600 + kept_ms, abs=20)


@pytest.mark.parametrize("level", [0.001, 0.02, 0.1, 0.5])
def test_every_voice_comes_out_equally_loud(level: float) -> None:
    assert loudness_dbfs(heard(tone(500, level))) == pytest.approx(-20.0, abs=0.2)


def test_pauses_do_not_make_speech_louder() -> None:
    voiced = heard(tone(300), silence(150), tone(300), silence(150), tone(300))
    assert loudness_dbfs(voiced[:4_000]) == pytest.approx(-20.0, abs=0.2)


def test_a_peak_is_never_clipped() -> None:
    click = tone(500)
    click[4_000] = 1.0
    pcm = heard(click)
    assert np.abs(pcm).max() <= 10 ** (-1 / 20) + 1e-3


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 48_000])
def test_every_rate_becomes_16_khz_at_the_same_pitch(rate_hz: int) -> None:
    pcm = heard(tone(1_000, rate_hz=rate_hz), rate_hz=rate_hz)
    assert len(pcm) / 16 == pytest.approx(1_000, abs=20)
    loudest_hz = np.argmax(np.abs(np.fft.rfft(pcm))) * 16_000 / len(pcm)
    assert loudest_hz == pytest.approx(400, abs=3)


@pytest.mark.parametrize("samples", [silence(0), silence(500), np.full(3_000, 1e-6, np.float32)])
def test_no_sound_at_all_is_an_error(samples: Samples) -> None:
    with pytest.raises(EngineError, match="no sound"):
        shape(samples, 16_000)


@given(
    st.lists(st.tuples(st.integers(1, 400), st.sampled_from([0.0, 1e-5, 0.01, 0.2, 0.9])), min_size=1, max_size=8),
    st.sampled_from([8_000, 16_000, 22_050]),
)
def test_any_speech_keeps_its_bounds(parts: list[tuple[int, float]], rate_hz: int) -> None:
    samples = np.concatenate([tone(ms, level, rate_hz) for ms, level in parts])
    try:
        pcm = shape(samples, rate_hz)
    except EngineError:
        assert max(level for _, level in parts) < 0.01
        return
    assert len(pcm) % 2 == 0
    assert duration_ms(pcm) <= sum(ms for ms, _ in parts) + 20
    assert np.abs(np.frombuffer(pcm, "<i2").astype(int)).max() <= 32_767 * 10 ** (-1 / 20) + 1
