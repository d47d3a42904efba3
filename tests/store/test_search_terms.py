"""The terms of what is kept and of what is asked: the same words find each other, whatever their case, and Chinese without a dictionary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.store.search_terms import LONGEST_TERM, terms, wanted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("?! …", set()),
        ("My BILL, my bill!", {"my", "bill"}),
        ("don't", {"don", "t"}),
        ("５Ｇ", {"5g"}),
        ("Straße", {"strasse"}),
        ("account_number", {"account", "number"}),
        ("话", {"话"}),
        ("话费", {"话", "费", "话费"}),
        ("查话费", {"查", "话", "费", "查话", "话费"}),
        ("换5G套餐", {"换", "5g", "套", "餐", "套餐"}),
    ],
)
def test_what_is_kept_of_a_sentence(text: str, expected: set[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("话", {"话"}), ("查话费", {"查话", "话费"}), ("My bill", {"my", "bill"}), ("换5G套餐", {"换", "5g", "套餐"})],
)
def test_of_several_chinese_characters_only_the_pairs_are_asked_for(text: str, expected: set[str]) -> None:
    assert wanted(text) == expected


@given(st.text(max_size=80))
def test_every_sentence_is_found_by_itself(text: str) -> None:
    assert wanted(text) <= terms(text)


@given(st.text(max_size=200))
def test_a_term_is_one_word_that_no_database_cuts_or_reads_as_a_command(text: str) -> None:
    for term in terms(text):
        assert term.isalnum() or not term.isascii()
        assert not set(term) & set("\"'*:^()- \t\n")
        assert 0 < len(term) <= LONGEST_TERM


@given(st.text(alphabet="abcde 话费查套餐", max_size=40))
def test_case_makes_no_difference(text: str) -> None:
    assert terms(text.upper()) == terms(text)
