"""The facts an offer's rules may ask of an account, and the one offer that fits it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import pytest

from voicebot.customers.demo import people
from voicebot.customers.directory import Account, Plan
from voicebot.customers.recommend import best, facts
from voicebot.dialogue.entry import Condition

PEOPLE = people(date(2026, 3, 14))
USUAL, HOME, HEAVY, PAID = (person.account for person in PEOPLE[:4])


@dataclass(frozen=True)
class Pack:
    id: str
    offer: str = "would you like it"
    recommend: tuple[Condition, ...] = (Condition("data_used_percent", ">=", 80),)


def test_who_uses_much_is_offered_more_and_nobody_else() -> None:
    assert best([Pack("data-pack")], HEAVY) == "data-pack"
    assert best([Pack("data-pack")], USUAL) == best([Pack("data-pack")], HOME) == ""


def test_the_first_that_fits_is_the_only_one() -> None:
    roaming = Pack("roaming", recommend=(Condition("roaming_cents", ">", 1_000),))
    assert best([roaming, Pack("data-pack")], HEAVY) == "data-pack"
    assert best([Pack("data-pack"), roaming], USUAL) == "roaming"


@pytest.mark.parametrize("pack", [Pack("a", offer=""), Pack("b", recommend=()), Pack("c", recommend=(Condition("shoe_size", ">", 1),))])
def test_without_words_rules_or_facts_there_is_no_offer(pack: Pack) -> None:
    assert best([pack], HEAVY) == ""


def test_the_facts_are_figures_of_the_account() -> None:
    assert facts(USUAL) | {"x": 0} == facts(USUAL) | {"x": 0.0}
    assert facts(HEAVY)["data_used_percent"] == pytest.approx(97)
    assert facts(HEAVY)["data_months_used_up"] == len(HEAVY.usages)
    assert facts(USUAL)["roaming_cents"] == 1_250
    assert facts(USUAL)["bill_rise_percent"] == pytest.approx(65.2)
    assert facts(HOME)["plans"] == 2
    assert facts(HOME)["open_tickets"] == 1


def test_what_is_not_known_is_not_there() -> None:
    empty = Account(USUAL.customer, (), (), (), ())
    assert facts(empty) == {"plans": 0, "open_tickets": 0, "months_left": 0}
    unlimited = replace(USUAL, plans=(Plan("p", "mobile", 1, None, None),))
    assert "data_used_percent" not in facts(unlimited)
    assert "data_used_percent" not in facts(replace(USUAL, usages=()))
    assert facts(replace(USUAL, bills=USUAL.bills[:1]))["bill_rise_percent"] == 0
