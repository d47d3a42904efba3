"""Another manner: slower or faster by its stretch, pauses as long as it says, the pitch unchanged, and odd sound breaks nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.speech.tts.manner import MANNERS, NEUTRAL, Manner
from voicebot.speech.tts.mannered import mannered
from voicebot.values import SAMPLE_RATE_HZ

CHANGED = [MANNERS[style] for style in ("warm", "brief", "calming")]
SPOKEN_MS = 600


def tone(ms: int) -> bytes:
    at = np.arange(SAMPLE_RATE_HZ * ms // 1000) / SAMPLE_RATE_HZ
    return (8_000 * np.sin(2 * np.pi * 220 * at)).astype("<i2").tobytes()


def silence(ms: int) -> bytes:
    return bytes(2 * SAMPLE_RATE_HZ * ms // 1000)


def quiet_ms(pcm: bytes) -> int:
    """The longest stretch inside in which nothing is heard."""
    heard = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(int)) > 200)
    return int(np.diff(heard).max()) * 1000 // SAMPLE_RATE_HZ


def pitch_hz(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(samples)))) * SAMPLE_RATE_HZ / len(samples)


def test_the_neutral_manner_changes_nothing() -> None:
    pcm = tone(300) + silence(160) + tone(300)
    assert mannered(pcm, NEUTRAL) == pcm


@pytest.mark.parametrize("manner", CHANGED)
def test_speech_is_stretched_at_its_pitch(manner: Manner) -> None:
    said = mannered(tone(SPOKEN_MS), manner)
    assert len(said) == pytest.approx(len(tone(SPOKEN_MS)) * manner.stretch, abs=4)
    assert pitch_hz(said) == pytest.approx(220, rel=0.03)


@pytest.mark.parametrize("manner", CHANGED)
def test_a_pause_is_as_long_as_the_manner_says_and_a_consonant_stays_one(manner: Manner) -> None:
    said = mannered(tone(SPOKEN_MS) + silence(NEUTRAL.pause_ms) + tone(SPOKEN_MS), manner)
    assert quiet_ms(said) == pytest.approx(manner.pause_ms, abs=25)
    consonant = mannered(tone(SPOKEN_MS) + silence(90) + tone(SPOKEN_MS), manner)
    assert quiet_ms(consonant) == pytest.approx(90 * manner.stretch, abs=25)


@given(st.binary(max_size=6_000).map(lambda data: data[: len(data) // 2 * 2]), st.sampled_from(CHANGED))
@settings(max_examples=40, deadline=None)
def test_any_pcm_is_pcm(pcm: bytes, manner: Manner) -> None:
    assert len(mannered(pcm, manner)) % 2 == 0
