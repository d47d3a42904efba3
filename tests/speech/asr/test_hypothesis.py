"""Text is believed only where there was voice to say it, and comes back the way recognisers write it."""

from __future__ import annotations

import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.asr.hypothesis import NOTHING, Hypothesis, doubtful, invented, repetitive, spoken

QUESTION = "How do I reset my voicemail PIN?"
REPEATED = "thank you for watching " * 8


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (" How do I reset my PIN? ", "how do i reset my pin"),
        ("No, I'm fine — thanks!", "no i'm fine thanks"),
        ("It’s the 5G-plan.", "it's the 5g-plan"),
        ("It costs 12.50, doesn't it", "it costs 12.50 doesn't it"),
        ("at 10:30 or 1,000 times...", "at 10:30 or 1,000 times"),
        ("你好，我想查话费。", "你好 我想查话费"),
        ("[BLANK_AUDIO]", "blank audio"),
        ("'quoted' - and - dashed", "quoted and dashed"),
        ("...", ""),
        ("", ""),
    ],
)
def test_text_loses_its_punctuation_and_capitals(written: str, said: str) -> None:
    assert spoken(written) == said


@given(st.text())
def test_what_is_spoken_is_spoken_the_same_again(text: str) -> None:
    said = spoken(text)
    assert spoken(said) == said
    assert said == " ".join(said.split())


def test_confidence_is_the_mean_token_probability() -> None:
    assert Hypothesis("Yes.", math.log(0.8)).transcript.confidence == 0.8
    assert Hypothesis("Yes.", 0.001).transcript.confidence == 1.0, "rounding in the decoder must not pass 1"
    assert Hypothesis(" . ", -0.1).transcript == NOTHING


@pytest.mark.parametrize(
    ("heard", "doubt"),
    [
        (Hypothesis(QUESTION, -0.3), False),
        (Hypothesis(QUESTION, -1.2), True),
        (Hypothesis(QUESTION, -0.3, ended=False), True),
        (Hypothesis(REPEATED, -0.1), True),
        (Hypothesis("", -0.1), False),
        (Hypothesis(QUESTION, -1.2, no_speech=0.9), False),
        (Hypothesis(QUESTION, -1.2, no_speech=0.9, ended=False), False),
    ],
)
def test_a_weak_repeated_or_endless_pass_deserves_a_longer_window(heard: Hypothesis, doubt: bool) -> None:
    assert doubtful(heard) is doubt


@pytest.mark.parametrize(
    ("heard", "seconds", "refused"),
    [
        (Hypothesis(QUESTION, -0.3), 2.0, False),
        (Hypothesis(QUESTION, -0.3), 0.2, True),
        (Hypothesis(QUESTION, -0.3), 0.0, True),
        (Hypothesis("Yes.", -0.3), 0.12, False),
        (Hypothesis("Thank you for watching.", -0.3), 0.1, True),
        (Hypothesis("我的手机没有信号怎么办", -0.3), 2.0, False),
        (Hypothesis("我的手机没有信号怎么办", -0.3), 0.3, True),
        (Hypothesis(QUESTION, -1.4, no_speech=0.9), 2.0, True),
        (Hypothesis(QUESTION, -0.4, no_speech=0.9), 2.0, False),
        (Hypothesis(QUESTION, -1.4, no_speech=0.2), 2.0, False),
        (Hypothesis(REPEATED, -0.1), 30.0, True),
    ],
)
def test_text_that_nobody_can_have_said_is_refused(heard: Hypothesis, seconds: float, refused: bool) -> None:
    assert invented(heard, seconds) is refused


def test_repetition_is_told_from_speech() -> None:
    assert repetitive(REPEATED)
    assert not repetitive(QUESTION * 2)
    assert not repetitive("")


@given(st.text(string.ascii_lowercase + " ", max_size=400), st.floats(0, 30))
def test_more_voice_never_makes_text_less_believable(text: str, seconds: float) -> None:
    heard = Hypothesis(text, -0.2)
    assert not (invented(heard, seconds + 1) and not invented(heard, seconds))
