"""Months and plans in what callers say, and what corrects the question before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.errand import Topic, Want
from voicebot.dialogue.slots import back, corrected, filled, month, plan

BILL = Want(Topic.BILL)


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("my bill in March", "en", 3),
        ("the may bill", "en", 5),
        ("may i see my bill", "en", None),
        ("it may be wrong, may i ask", "en", None),
        ("my bill", "en", None),
        ("三月的账单", "zh", 3),
        ("十二月", "zh", 12),
        ("11月的话费", "zh", 11),
        ("这个月", "zh", None),
        ("in march", "fr", None),
    ],
)
def test_month(text: str, language: str, found: int | None) -> None:
    assert month(text, language) == found


@pytest.mark.parametrize(
    ("text", "language", "bills"),
    [
        ("no the month before", "en", 1),
        ("last month", "en", 1),
        ("the month before last", "en", 2),
        ("上个月的", "zh", 1),
        ("上上个月", "zh", 2),
        ("my bill", "en", 0),
        ("le mois dernier", "fr", 0),
    ],
)
def test_back(text: str, language: str, bills: int) -> None:
    assert back(text, language) == bills


@pytest.mark.parametrize(
    ("text", "language", "kind"),
    [
        ("my mobile plan", "en", "mobile"),
        ("the home internet", "en", "home"),
        ("the second", "en", "home"),
        ("my phone and my broadband", "en", None),
        ("手机", "zh", "mobile"),
        ("家里的宽带", "zh", "home"),
        ("套餐", "zh", None),
        ("mobile", "fr", None),
    ],
)
def test_plan(text: str, language: str, kind: str | None) -> None:
    assert plan(text, language) == kind


def test_a_question_is_filled_from_its_own_words() -> None:
    text = "why was my bill for my phone so high in january"
    assert filled(BILL, text, "en") == Want(Topic.BILL, month=1, plan="mobile", words=text)
    assert filled(BILL, "my bill of last month", "en").back == 0  # the newest bill is last month's
    assert filled(BILL, "my bill of the month before last", "en").back == 1


def test_a_correction_changes_what_it_names_and_nothing_else() -> None:
    assert corrected(BILL, "no, the month before", "en") == Want(Topic.BILL, back=1)
    assert corrected(Want(Topic.BILL, back=1), "and the previous one", "en") == Want(Topic.BILL, back=2)
    assert corrected(Want(Topic.BILL, back=2), "no, december", "en") == Want(Topic.BILL, month=12)
    assert corrected(Want(Topic.PLAN, plan="home"), "no my mobile", "en") == Want(Topic.PLAN, plan="mobile")
    assert corrected(Want(Topic.PLAN, plan="home"), "my home", "en") is None
    assert corrected(BILL, "no", "en") is None


@given(st.text(), st.sampled_from(["en", "zh", "fr"]))
def test_any_text_is_read(text: str, language: str) -> None:
    named = month(text, language)
    assert named is None or 1 <= named <= 12
    assert filled(BILL, text, language).back in {0, 1}
