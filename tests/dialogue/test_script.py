"""Typed lines become approved words, and only those."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.decisions import Answer, MenuItem, Prompt
from voicebot.dialogue.knowledge import Entry, Knowledge
from voicebot.dialogue.prompts import Prompts
from voicebot.dialogue.script import Script, heard_part, kind

TEXTS = {field.name: f"[{field.name}]" for field in fields(Prompts)} | {
    "language": "en",
    "did_you_mean": "Did you mean {a}, or {b}?",
    "did_you_mean_this": "Did you mean {a}?",
    "menu_item": "For {title}, press {key}.",
}
HOURS = Entry("hours", "en", "our hours", (), 2, ("when are you open",), "Nine to five, every day.", "Nine to five.")
BILL = Entry("bill", "en", "your bill", (), None, ("my bill",), "It is in the app.", "In the app.")
SCRIPT = Script("en", Prompts(**TEXTS), Knowledge((HOURS, BILL), "v1"))


@pytest.mark.parametrize(
    ("line", "text", "named"),
    [
        (Prompt("greeting"), "[greeting]", "greeting"),
        (Prompt("goodbye"), "[goodbye]", "goodbye"),
        (Prompt("did_you_mean", ("hours", "bill")), "Did you mean our hours, or your bill?", "clarify"),
        (Prompt("did_you_mean_this", ("bill",)), "Did you mean your bill?", "clarify"),
        (Prompt("say_again"), "[say_again]", "prompt"),
        (Prompt("one_moment"), "[one_moment]", "filler"),
        (Prompt("connecting_fraud"), "[connecting_fraud]", "handover"),
        (Prompt("menu_intro"), "[menu_intro]", "menu"),
        (MenuItem("2", "hours"), "For our hours, press 2.", "menu"),
        (Answer("hours"), "Nine to five, every day.", "answer"),
        (Answer("hours", "short"), "Nine to five.", "answer"),
    ],
)
def test_each_line_has_its_words_and_kind(line: Prompt | Answer | MenuItem, text: str, named: str) -> None:
    assert (SCRIPT.text(line), kind(line)) == (text, named)


def test_an_entry_that_is_gone_is_no_fault_at_call_time() -> None:
    assert SCRIPT.text(Answer("gone")) == "[say_again]"
    assert SCRIPT.title("gone") == "gone"


def test_everything_fixed_can_be_rendered_before_the_first_call() -> None:
    fixed = SCRIPT.fixed()
    assert {"[greeting]", "For our hours, press 2.", "Nine to five, every day.", "In the app."} <= set(fixed)
    assert not any("{" in text for text in fixed)


@pytest.mark.parametrize(
    ("heard_ms", "part"), [(0, ""), (400, "Nine to"), (999, "Nine to five, every"), (1_000, "Nine to five, every day."), (300, "Nine")]
)
def test_what_was_heard_ends_with_a_whole_word(heard_ms: int, part: str) -> None:
    assert heard_part("Nine to five, every day.", heard_ms, 1_000) == part


def test_where_words_are_not_spaced_a_character_is_the_unit() -> None:
    assert heard_part("我们每天九点开门", 500, 1_000) == "我们每天"


@given(st.text(max_size=60), st.integers(0, 5_000), st.integers(0, 5_000))
def test_what_was_heard_is_always_a_beginning(text: str, heard_ms: int, length_ms: int) -> None:
    assert text.startswith(heard_part(text, min(heard_ms, length_ms), length_ms))
