"""While a number is owed, its last digit ends the turn, and the recogniser expects so many."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voicebot.settings import Turns
from voicebot.speech.asr import Recogniser
from voicebot.speech.completeness import Completeness, SoFar
from voicebot.speech.dictation import dictated
from voicebot.speech.ear import Hearing

HEARING = Hearing("en", Turns(), lambda _so_far: Completeness.OPEN)


@pytest.mark.parametrize(
    ("text", "count", "verdict"),
    [
        ("four eight two one", 4, Completeness.COMPLETE),
        ("my pin is double four two one", 4, Completeness.COMPLETE),
        ("four eight two", 4, Completeness.OPEN),
        ("four eight two one", 8, Completeness.OPEN),
        ("how much is my bill", 4, Completeness.OPEN),
        ("", 4, Completeness.OPEN),
    ],
)
def test_the_last_digit_ends_the_turn_and_all_else_is_judged_as_ever(text: str, count: int, verdict: Completeness) -> None:
    assert dictated(HEARING, count).judge(SoFar(text, 900)) is verdict


def test_the_recogniser_expects_them_and_the_hotlines_own_does_not() -> None:
    own = Recogniser("any:service", {}, 1)
    heard = dictated(replace(HEARING, recogniser=own), 8).recogniser
    assert heard is not None
    assert (heard._digits, own._digits) == (8, 0)
    assert heard.workers is own.workers


def test_where_nothing_is_recognised_keys_alone_are_heard() -> None:
    assert dictated(HEARING, 4).recogniser is None
