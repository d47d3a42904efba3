"""Slower speech: longer by the stretch, at the same pitch, about as loud, and never broken by odd input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.slower import STRETCH, slowed
from voicebot.values import SAMPLE_RATE_HZ


def tone(hz: float, s: float = 1.0) -> bytes:
    at = np.arange(int(SAMPLE_RATE_HZ * s)) / SAMPLE_RATE_HZ
    return (8_000 * np.sin(2 * np.pi * hz * at)).astype("<i2").tobytes()


def pitch_hz(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * SAMPLE_RATE_HZ / len(samples)


@pytest.mark.parametrize("hz", [110.0, 220.0, 440.0, 1_000.0])
def test_it_is_longer_at_the_same_pitch_and_loudness(hz: float) -> None:
    pcm = tone(hz)
    slow = slowed(pcm)
    assert len(slow) == pytest.approx(len(pcm) * STRETCH, abs=2)
    assert pitch_hz(slow) == pytest.approx(hz, rel=0.02)
    before, after = (np.frombuffer(each, "<i2").astype(float)[1_000:-1_000].std() for each in (pcm, slow))
    assert after == pytest.approx(before, rel=0.1)


def test_an_unstretched_voice_has_its_length() -> None:
    assert len(slowed(tone(220), 1.0)) == len(tone(220))


@given(st.binary(max_size=8_000).map(lambda data: data[: len(data) // 2 * 2]), st.floats(1.0, 2.0))
def test_any_pcm_is_pcm(pcm: bytes, stretch: float) -> None:
    assert len(slowed(pcm, stretch)) % 2 == 0


def test_what_is_too_short_stays() -> None:
    assert slowed(b"") == b""
    assert slowed(b"\x01\x00" * 100) == b"\x01\x00" * 100
