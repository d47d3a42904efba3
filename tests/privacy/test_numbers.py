"""Numbers are found however they are said, and counted by their digits."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.privacy.numbers import runs, tokens


def counted(text: str) -> list[int]:
    return [run.digits for run in runs(tokens(text))]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("", []),
        ("no number here", []),
        ("4532", [4]),
        ("4532 1111-2222, 3333", [16]),
        ("four five three two", [4]),
        ("forty five thirty two", [4]),
        ("twenty one", [2]),
        ("twelve thirty four", [4]),
        ("double five triple oh", [5]),
        ("four five uh three two", [4]),
        ("一二三四", [4]),
        ("幺三八零零", [5]),
        ("一二，三四", [4]),
        ("8 apples and 9 pears", [1, 1]),
        ("一个 two", [1, 1]),
        ("point taken", []),
        ("2026-11-22", [8]),
        ("$1,234.50", [6]),
    ],
)
def test_digits_are_counted(text: str, digits: list[int]) -> None:
    assert counted(text) == digits


@pytest.mark.parametrize(
    ("text", "amount"), [("45.60", True), ("$45", True), ("two hundred", True), ("三百", True), ("12:30", True), ("4532", False)]
)
def test_an_amount_is_told_from_a_row_of_digits(text: str, amount: bool) -> None:
    assert [run.amount for run in runs(tokens(text))] == [amount]


def test_two_fillers_in_a_row_do_not_join_numbers() -> None:
    assert counted("12 uh um er then dash 34") == [2, 2]


@given(st.text())
def test_any_text_is_cut_into_tokens_that_stand_in_it(text: str) -> None:
    for token in tokens(text):
        assert text[token.start : token.end].lower() == token.text


@given(st.text(alphabet="0123456789 -,一二三uh onetwdubl", max_size=60))
def test_runs_follow_each_other_without_overlap(text: str) -> None:
    found = list(runs(tokens(text)))
    for run, following in pairwise(found):
        assert run.first < run.last <= following.first
