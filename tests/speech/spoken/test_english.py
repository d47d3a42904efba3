"""English figures as a person would say them on the telephone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.spoken import english, spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("¥58.50", "fifty-eight point five yuan"),
        ("$12", "twelve dollars"),
        ("$1", "one dollar"),
        ("$1.01", "one dollar and one cent"),
        ("£0.05", "five pence"),
        ("£0.00", "zero pounds"),
        ("€20 million", "twenty million euros"),
        ("50 USD", "fifty dollars"),
        ("$12.999", "twelve point nine nine nine dollars"),
        ("$1,234.50", "one thousand two hundred and thirty-four dollars and fifty cents"),
        ("-$5", "minus five dollars"),
        ("$12/month", "twelve dollars a month"),
        ("12 GBP, then", "twelve pounds, then"),
    ],
)
def test_money(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("14 March", "the fourteenth of March"),
        ("on the 14th of March", "on the fourteenth of March"),
        ("the 14 March", "the fourteenth of March"),
        ("March 3, 2026", "the third of March twenty twenty-six"),
        ("Sept 5 and 5 Sep", "Sept five and the fifth of September"),
        ("2026-11-22", "the twenty-second of November twenty twenty-six"),
        ("22/11/2026", "the twenty-second of November twenty twenty-six"),
        ("11/22/2026", "the twenty-second of November twenty twenty-six"),
        ("2026-13-45", "two zero two six, one three, four five"),
        ("99/99/2026", "nine nine, nine nine, two zero two six"),
        ("1 May 2005", "the first of May two thousand and five"),
        ("since 1905 and 1900", "since nineteen oh five and nineteen hundred"),
        ("in 2026", "in twenty twenty-six"),
    ],
)
def test_dates(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("9:00 to 18:30", "nine o'clock to six thirty in the evening"),
        ("9am-5pm", "nine in the morning to five in the afternoon"),
        ("09:05", "nine oh five in the morning"),
        ("2:30 p.m. sharp", "two thirty in the afternoon sharp"),
        ("2:30", "two thirty"),
        ("12:00", "noon"),
        ("12 am", "midnight"),
        ("12:15 am", "twelve fifteen in the morning"),
        ("22:45", "ten forty-five at night"),
        ("8:00-10:00", "eight o'clock to ten o'clock"),
        ("25:99", "two five, nine nine"),
        ("24/7", "twenty-four seven"),
    ],
)
def test_times(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("10086", "one zero zero eight six"),
        ("dial 121", "dial one two one"),
        ("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"),
        ("0800 123 456.", "zero eight zero zero, one two three, four five six."),
        ("400-800-1234", "four zero zero, eight zero zero, one two three four"),
        ("order 48213", "order four eight two one three"),
        ("order number: 4711", "order number: four seven one one"),
        ("AB-12345", "A B one two three four five"),
        ("PIN 0042", "PIN zero zero four two"),
        ("#7", "number seven"),
    ],
)
def test_what_is_dialled_or_quoted_goes_digit_by_digit(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("5G", "five G"),
        ("my 4g phone", "my four G phone"),
        ("3.5 GB", "three point five gigabytes"),
        ("1 GB and 1GB/month", "one gigabyte and one gigabyte a month"),
        ("10 Mbps", "ten megabits per second"),
        ("2.4 GHz", "two point four gigahertz"),
        ("20%", "twenty percent"),
        ("-5%", "minus five percent"),
        ("25°C", "twenty-five degrees Celsius"),
        ("1st 2nd 3rd 12th 20th 22nd", "first second third twelfth twentieth twenty-second"),
        ("1/2 of 3-5 days", "one half of three to five days"),
        ("7/9", "seven over nine"),
        ("1,234,567", "one million two hundred and thirty-four thousand five hundred and sixty-seven"),
        ("10000 customers", "ten thousand customers"),
        ("version 1.2.3", "version one point two point three"),
        ("iPhone15, Fibre500 and WiFi6", "iPhone fifteen, Fibre five hundred and WiFi six"),
        ("3x", "three times"),
        ("a + b & c @ d", "a plus b and c at d"),
        ("1:2", "one point two"),
        ("1234567890123456789", "one two three four five six seven eight nine zero one two three four five six seven eight nine"),
    ],
)
def test_plans_measures_and_counts(written: str, said: str) -> None:
    assert spoken(written, "en") == said


@given(st.integers(0, 10**15 - 1))
def test_each_cardinal_is_a_word_of_its_own(value: int) -> None:
    said = english.cardinal(value)
    assert said.replace("-", "").replace(" ", "").isalpha()
    assert said != english.cardinal(value + 1)


@given(st.integers(1, 9_999))
def test_an_ordinal_ends_like_one(value: int) -> None:
    assert english.ordinal(value).endswith(("first", "second", "third", "th"))


@given(st.text("0123456789", min_size=1))
def test_digits_are_one_word_each(text: str) -> None:
    assert len(english.digits(text).split()) == len(text)
