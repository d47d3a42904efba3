"""What must not be kept goes, what may be kept stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.customers.verification import spoken_digits
from voicebot.privacy.redact import MARK, redact, struck

GONE = [
    ("my pin is 1234", f"my pin is {MARK}"),
    ("pin four two seven one", f"pin {MARK}"),
    ("my pin's 9 9 0 0 ok", f"my pin's {MARK} ok"),
    ("1234 is my pin", f"{MARK} is my pin"),
    ("the last four of my card are 8 8 1 2", f"the last four of my card are {MARK}"),
    ("4532 1111 2222 3333", MARK),
    ("it was four five three two one one one one double two double two three three three three", f"it was {MARK}"),
    ("forty five thirty two eleven eleven twenty two twenty two thirty three thirty three", MARK),
    ("the number on the card's front is 4532 uh 1111 uh 2222 3333", f"the number on the card's front is {MARK}"),
    ("sort code 20 11 05", f"sort code {MARK}"),
    ("我的密码是八八六六", f"我的密码是{MARK}"),
    ("我的身份证号是110101199003071234", f"我的身份证号是{MARK}"),
    ("卡号六二二二，零二零零，一一二二，三三四四", f"卡号{MARK}"),
    ("验证码 九 五 二 七", f"验证码 {MARK}"),
]
KEPT = [
    "i paid with my card 45 dollars",
    "my card was charged $1,234.50",
    "hundred and twenty dollars on my card",
    "my card arrived on the 3rd of march 2024",
    "i changed my pin on 2026-11-22",
    "they told me to call 10086 about my card",
    "call me back on 07700 900123",
    "i have waited 400 minutes",
    "2,345,678,901,234 dollars",
    "how do i change my pin",
    "我用信用卡交了三百块",
    "我打了10086没人接",
    "我的手机号是13800138000",
]


@pytest.mark.parametrize(("said", "kept"), GONE)
def test_a_secret_goes(said: str, kept: str) -> None:
    assert redact(said).text == kept
    assert redact(said).removed == 1


@pytest.mark.parametrize("said", KEPT)
def test_what_is_no_secret_stays(said: str) -> None:
    assert redact(said).text == said


def test_a_card_read_out_in_pieces_goes_piece_by_piece() -> None:
    expecting, kept = False, []
    for said in ("yes my card number is", "4532", "one one one one", "uh", "2222", "3333"):
        done = redact(said, expecting)
        kept.append(done.text)
        expecting = done.expecting
    assert kept == ["yes my card number is", MARK, MARK, "uh", MARK, MARK]


def test_what_the_bot_asked_for_goes_without_its_name() -> None:
    assert redact("it is 4 7 1 1", expecting=True).text == f"it is {MARK}"


ANSWERS = ["four eight two one", "48 21", "eighty four twenty one", "double four niner oh", "四八二一", "四千八百二十一", "4821"]


@pytest.mark.parametrize("said", ANSWERS)
def test_no_number_stays_of_an_answer_to_the_question_for_a_secret(said: str) -> None:
    assert struck(f"it is {said} thanks") == f"it is {MARK} thanks"


SPOKEN = ["zero", "oh", "one", "nine", "niner", "double", "triple", "12", "四", "零", "幺", "两", "twenty", "eleven", "okay", "那个", ",", " "]


@given(st.lists(st.sampled_from(SPOKEN)))
def test_no_digit_can_be_read_out_of_what_is_struck(words: list[str]) -> None:
    assert spoken_digits(struck(" ".join(words))) == ""


def test_an_amount_stays_even_where_a_secret_is_expected() -> None:
    assert redact("it was 120 dollars", expecting=True).text == "it was 120 dollars"


def test_talk_of_a_card_without_a_number_leads_to_nothing() -> None:
    assert not redact("my card was lost when i travelled to the coast last week").expecting


@given(st.text(alphabet=st.sampled_from("pin card密码卡号0123456789 ,.-$年元 onetwdubl")), st.booleans())
def test_doing_it_twice_changes_nothing(text: str, expecting: bool) -> None:
    once = redact(text, expecting).text
    assert redact(once, expecting).text == once


@given(st.text(), st.booleans())
def test_any_text_can_be_redacted(text: str, expecting: bool) -> None:
    done = redact(text, expecting)
    assert (done.removed == 0) == (done.text == text)


@given(st.text(alphabet="0123456789", min_size=13, max_size=19))
def test_no_card_number_stays(digits: str) -> None:
    assert redact(f"here {digits} there").text == f"here {MARK} there"
