"""Digits by key and by word, whole or not, and nothing of them left in what is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.customers.verification import LENGTHS, Keys, spoken_digits


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("four eight two one", "4821"),
        ("it's four, eight, two one please", "4821"),
        ("double four oh one", "4401"),
        ("triple seven nine", "7779"),
        ("4821", "4821"),
        ("my pin is 48 21", "4821"),
        ("四八二一", "4821"),
        ("密码是幺零两三", "1023"),
        ("I do not know it", ""),
        ("", ""),
        ("someone phoned often", ""),
    ],
)
def test_spoken_digits(said: str, digits: str) -> None:
    assert spoken_digits(said) == digits


@given(st.lists(st.sampled_from("0123456789"), min_size=4, max_size=4))
def test_what_is_said_digit_by_digit_is_what_is_keyed(keys: list[str]) -> None:
    names = dict(zip("0123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True))
    assert spoken_digits(" ".join(names[key] for key in keys)) == "".join(keys)


def _pressed(keys: str, start: Keys | None = None) -> Keys:
    entered = start or Keys("pin")
    for key in keys:
        entered = entered.press(key)
    return entered


def test_a_pin_is_whole_with_its_last_digit() -> None:
    assert not _pressed("482").whole
    assert _pressed("4821") == Keys("pin", "4821")
    assert _pressed("4821").whole
    assert _pressed("40001237", Keys("number")).whole


def test_a_hash_ends_it_a_star_begins_anew_and_letters_mean_nothing() -> None:
    assert _pressed("48#").whole
    assert not _pressed("#").whole
    assert _pressed("99*4A821").digits == "4821"
    assert all(length >= 4 for length in LENGTHS.values())
