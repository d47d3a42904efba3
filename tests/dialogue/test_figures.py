"""One figure however it is written, and never another one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.figures import Figure, Word, tokens

ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def english(number: int) -> str:
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f" {ONES[number % 10]}" if number % 10 else "")
    if number < 1_000:
        return f"{ONES[number // 100]} hundred" + (f" and {english(number % 100)}" if number % 100 else "")
    return f"{english(number // 1_000)} thousand" + (f" {english(number % 1_000)}" if number % 1_000 else "")


def mandarin(number: int) -> str:
    digits, scales = "零一二三四五六七八九", ((10_000, "万"), (1_000, "千"), (100, "百"), (10, "十"))
    if number < 10:
        return digits[number]
    size, name = next(each for each in scales if number >= each[0])
    rest = number % size
    gap = "零" if 0 < rest < size // 10 else ""
    return mandarin(number // size) + name + (gap + mandarin(rest) if rest else "")


def figures(text: str) -> list[str]:
    return [f"{token.value}{token.unit}" for token in tokens(text) if isinstance(token, Figure)]


@given(st.integers(0, 999_999))
def test_a_number_is_the_same_in_digits_and_in_words(number: int) -> None:
    assert figures(str(number)) == figures(f"{number:,}") == figures(english(number)) == figures(english(number).title()) == [str(number)]


@given(st.integers(0, 99_999))
def test_and_in_mandarin(number: int) -> None:
    assert figures(mandarin(number)) == [str(number)]


@given(
    st.integers(2, 999),
    st.sampled_from([("{} days", "{}天"), ("${}", "{}美元"), ("{} per cent", "百分之{}"), ("{}%", "{}%"), ("{} months", "{}个月")]),
)
def test_a_unit_is_the_same_however_it_is_written(number: int, forms: tuple[str, str]) -> None:
    form, chinese = forms
    assert figures(form.format(number)) == figures(form.format(english(number)) if "$" not in form else f"{english(number)} dollars")
    if "美" not in chinese:
        assert figures(chinese.format(number)) == figures(chinese.format(mandarin(number))) == figures(form.format(number))


@given(st.integers(0, 9_999), st.integers(0, 9_999))
def test_two_numbers_are_never_taken_for_one_another(one: int, other: int) -> None:
    for spell in (str, english, mandarin):
        assert (figures(spell(one)) == figures(spell(other))) == (one == other)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("two to four working weeks", ["2week", "4week"]),
        ("ten cents a minute", ["10cent"]),
        ("12.50 euros, or 12.5 EUR", ["12.5€", "12.5€"]),
        ("£5 and 5 pounds", ["5£", "5£"]),
        ("dial star two one star", ["21"]),
        ("text to one two three or 1 2 3", ["123", "123"]),
        ("zero zero, then 0800", ["00", "0800"]),
        ("since twenty nineteen", ["2019"]),
        ("two hundred and five", ["205"]),
        ("nine and five", ["9", "5"]),
        ("the 14th of March, the fourteenth", ["14", "14"]),
        ("9:30 am", ["9:30am"]),
        ("from nine in the morning", ["9"]),
        ("Five G", ["5"]),
        ("twenty-five gigabytes, 25 GB", ["25GB", "25GB"]),
        ("一千兆四元，五千兆十二元", ["1000MB", "4¥", "5000MB", "12¥"]),
        ("二零一九年", ["2019year"]),
        ("两到四周", ["2week", "4week"]),
        ("先拨零零", ["00"]),
        ("一百二", ["120"]),
        ("五点五元", ["5.5¥"]),
        ("3.5万元", ["35000¥"]),
        ("第五代", ["5"]),
        ("看一下，一起，一般，统一", []),
        ("请等一等", ["1"]),
        ("no figures here", []),
    ],
)
def test_figures_as_people_write_them(text: str, found: list[str]) -> None:
    assert figures(text) == found


def test_the_words_between_are_kept_in_order() -> None:
    assert tokens("Dial two one, then hash") == (Word("Dial"), Figure("21"), Word("then"), Word("hash"))
    assert tokens("先拨零零再拨") == (Word("先拨"), Figure("00"), Word("再拨"))


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    for token in tokens(text):
        assert token.text if isinstance(token, Word) else token.value
