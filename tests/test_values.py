"""The values of a call: lengths of audio, and that nothing can change them."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.values import (
    FRAME_BYTES,
    FRAME_MS,
    FRAME_SAMPLES,
    SAMPLE_RATE_HZ,
    SILENCE_FRAME,
    Digit,
    NoAudio,
    Silence,
    Sound,
    Transcript,
    Unrecognised,
    Utterance,
    duration_ms,
)

SOUNDS = (Utterance(0, 500, Transcript("hello")), Digit("0", 20), Silence(6_000), NoAudio(15_000), Unrecognised("worker ended"))


def test_a_frame_is_20_ms_of_16_khz_mono() -> None:
    assert (FRAME_SAMPLES, FRAME_BYTES) == (320, 640)
    assert FRAME_SAMPLES * 1000 == SAMPLE_RATE_HZ * FRAME_MS
    assert bytes(640) == SILENCE_FRAME
    assert duration_ms(SILENCE_FRAME) == FRAME_MS


@given(st.integers(0, 500))
def test_frames_add_up(frames: int) -> None:
    assert duration_ms(SILENCE_FRAME * frames) == frames * FRAME_MS


@given(st.integers(0, 5_000))
def test_a_length_is_never_rounded_up(samples: int) -> None:
    length_ms = duration_ms(bytes(samples * 2))
    assert length_ms * SAMPLE_RATE_HZ <= samples * 1000 < (length_ms + 1) * SAMPLE_RATE_HZ


@pytest.mark.parametrize("sound", [*SOUNDS, Transcript("hello")])
def test_no_value_can_be_changed(sound: object) -> None:
    field = dataclasses.fields(sound)[0].name  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(sound, field, "other")
    assert not hasattr(sound, "__dict__")


def test_a_call_can_hear_exactly_these() -> None:
    assert {type(sound) for sound in SOUNDS} == set(get_args(Sound))


def test_what_is_not_said_is_certain_and_took_no_time() -> None:
    assert Transcript("hello").confidence == 1.0
    utterance = Utterance(0, 500, Transcript("hello"))
    assert (utterance.taken_ms, utterance.recognise_ms) == (0, 0.0)
