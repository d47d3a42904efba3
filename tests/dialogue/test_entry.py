"""An entry has a wording for each variant, days on which it holds, and callers it suits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from voicebot.dialogue.entry import Condition, Entry, Variant

PACK = Entry("data-pack", "en", "a data pack", (), None, ("more data",), "Three gigabytes cost five.", "Five.")


@pytest.mark.parametrize(
    ("variant", "said"), [("full", "Three gigabytes cost five."), ("short", "Five."), ("calm", "I see. Five."), ("offer", "Want it?")]
)
def test_each_variant_has_its_wording(variant: Variant, said: str) -> None:
    assert replace(PACK, calm="I see. Five.", offer="Want it?").said(variant) == said


@pytest.mark.parametrize("variant", ["calm", "offer"])
def test_where_a_wording_is_missing_the_whole_answer_is_said(variant: Variant) -> None:
    assert PACK.said(variant) == PACK.answer


def test_everything_that_may_be_said_is_listed_once() -> None:
    assert replace(PACK, calm=PACK.answer, offer="Want it?").wordings() == (PACK.answer, "Five.", "Want it?")


@pytest.mark.parametrize(
    ("day", "holds"),
    [(date(2026, 11, 30), False), (date(2026, 12, 1), True), (date(2026, 12, 31), True), (date(2027, 1, 1), False)],
)
def test_both_ends_of_validity_are_days_on_which_it_holds(day: date, holds: bool) -> None:
    assert replace(PACK, valid_from=date(2026, 12, 1), valid_until=date(2026, 12, 31)).holds_on(day) is holds


def test_without_dates_it_always_holds() -> None:
    assert PACK.holds_on(date.min)
    assert PACK.holds_on(date.max)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition("used", ">=", 80), True),
        (Condition("used", ">", 80), False),
        (Condition("used", "<=", 80), True),
        (Condition("used", "<", 80), False),
        (Condition("used", "=", 80), True),
        (Condition("age", ">=", 0), False),
    ],
)
def test_a_condition_holds_only_for_what_is_known(condition: Condition, holds: bool) -> None:
    assert condition.holds({"used": 80.0}) is holds
