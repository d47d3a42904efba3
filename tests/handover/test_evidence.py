"""Reasons in few words, in the agent's language: every one that the judges of anger have, and nothing else is touched."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.emotion.behaviour import Deeds, weighed
from voicebot.emotion.voice import WORDING, Evidence
from voicebot.emotion.words import Said
from voicebot.handover.evidence import short, whole

VOICE = [str(Evidence(feature, difference, unit, 1.0)) for feature, (*_, unit) in WORDING.items() for difference in (-4.2, 1.26)]
DEEDS = [
    str(deed)
    for repeats in range(5)
    for interrupted, louder_db in ((True, 0.0), (True, 9.0))
    for deed in weighed(Deeds(interrupted, louder_db, repeats, failures=2, rising=3))
]


@pytest.mark.parametrize("reason", sorted({*VOICE, *DEEDS}))
def test_every_reason_is_short_and_has_a_mandarin_wording(reason: str) -> None:
    assert not re.search(r"[+-]\d|dB|Hz|semitones|:", short(reason, "en"))
    assert re.search(r"[\u4e00-\u9fff]", short(reason, "zh"))
    assert not re.search(r"[a-z]", short(reason, "zh"))


@pytest.mark.parametrize("reason", sorted({*VOICE, *DEEDS}))
def test_every_reason_is_told_whole_in_mandarin_and_as_it_stands_in_english(reason: str) -> None:
    told = whole(reason, "zh")
    assert whole(reason, "en") == reason
    assert not re.search(r"[A-Za-z]", told)
    assert re.findall(r"[+-][\d.]+", told) == re.findall(r"[+-][\d.]+", reason)


def test_a_figure_keeps_its_unit_in_mandarin() -> None:
    assert whole("louder than expected: +6 dB", "zh") == "比预期大声：+6 分贝"
    assert whole("said 'ridiculous'", "zh") == "说“ridiculous”"
    assert whole("something new: +6 dB", "zh") == "something new: +6 dB"
    assert whole("louder than expected: +6 dB", "tlh") == "louder than expected: +6 dB"


def test_quoted_words_stay_as_they_were_said() -> None:
    assert short(str(Said("complaint", "ridiculous", 1.0)), "en") == "said 'ridiculous'"
    assert short(str(Said("complaint", "太过分了", 1.0)), "zh") == "说“太过分了”"


def test_a_figure_is_left_out_only_where_one_stands() -> None:
    assert short("louder than expected: +6 dB", "en") == "louder than expected"
    assert short("said 'it is: +6 dB louder'", "en") == "said 'it is"  # never longer than it was
    assert short("something new", "zh") == "something new"


@given(st.text(max_size=100), st.sampled_from(["en", "zh", "", "tlh"]))
def test_any_text_is_told(reason: str, language: str) -> None:
    assert len(short(reason, language)) <= len(reason) + 10
    assert language == "zh" or whole(reason, language) == reason
