"""A draft's file: what was not rewritten stays as it stood, and the knowledge base reads what was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.entry import Entry, Fault
from voicebot.dialogue.entry_file import read_entry
from voicebot.dialogue.knowledge import load
from voicebot.learning.draft import Draft, copied, diff, draft_of, written
from voicebot.settings import DEMO_KNOWLEDGE

FILE = """---
id: wifi-calls
language: en
# asked for by the shops
title: 'calls over wifi'
tags: [calls, wifi]

questions:
  - "can i call over wifi"   # the most frequent one
  # from the shops
  - wifi calling at home
menu: 4
short: >
  Yes, over any
  wifi.
---
Yes. Switch it on
under Calls.
"""
NEW = Draft("wifi-calls", "en", "calls over wifi", ("can i call over wifi", "do calls work: on wifi"), "Yes, at once.", "Yes.")


def read(text: str, place: str = "en/wifi-calls.md") -> Entry:
    faults: list[Fault] = []
    page = read_entry(Path(place), text.encode(), faults)
    assert page, faults
    return page.entry


def test_a_new_entry_is_one_that_the_knowledge_base_reads() -> None:
    entry = read(written(NEW))
    assert draft_of(entry) == NEW
    assert NEW.place == "en/wifi-calls.md"


def test_what_is_not_rewritten_stays_byte_for_byte() -> None:
    assert written(draft_of(read(FILE)), FILE) == FILE


@pytest.mark.parametrize("path", sorted(DEMO_KNOWLEDGE.glob("*/*.md")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_demo_entry_stays_as_it_is_and_one_question_more_is_one_line_more(path: Path) -> None:
    old = path.read_text(encoding="utf-8")
    draft = draft_of(read(old, f"{path.parent.name}/{path.name}"))
    assert written(draft, old) == old
    more = replace(draft, questions=(*draft.questions, "quite another question: this"))
    lines = diff(old, written(more, old), draft.place).splitlines()[2:]
    assert [line for line in lines if line.startswith(("+", "-"))] == ["+  - 'quite another question: this'"]


def test_one_wording_changes_one_line() -> None:
    old = read(FILE)
    text = written(replace(draft_of(old), questions=(*old.questions, "wlan calls"), short="Yes."), FILE)
    assert diff(FILE, text, NEW.place).splitlines()[3:] == [
        '   - "can i call over wifi"   # the most frequent one',
        "   # from the shops",
        "   - wifi calling at home",
        "+  - wlan calls",
        " menu: 4",
        "-short: >",
        "-  Yes, over any",
        "-  wifi.",
        "+short: Yes.",
        " ---",
        " Yes. Switch it on",
        " under Calls.",
    ]
    assert read(text).menu == old.menu


def test_a_question_that_is_taken_out_goes_with_its_comment() -> None:
    text = written(replace(draft_of(read(FILE)), questions=("can i call over wifi",)), FILE)
    assert "from the shops\n  -" not in text
    assert read(text).questions == ("can i call over wifi",)


def test_tests_are_added_and_taken_away() -> None:
    text = written(replace(draft_of(read(FILE)), tests=("on wlan",)), FILE)
    assert read(text).tests == ("on wlan",)
    assert written(draft_of(read(FILE)), text) == FILE


def test_a_list_in_brackets_becomes_one_of_lines() -> None:
    text = written(replace(NEW, tests=("b",)), written(NEW).replace("---\nYes", "tests: [a]\n---\nYes"))
    assert read(text).tests == ("b",)


def test_line_ends_of_windows_stay() -> None:
    old = FILE.replace("\n", "\r\n")
    text = written(replace(draft_of(read(old)), short="Yes."), old)
    assert text.count("\r\n") == text.count("\n")
    assert read(text).short == "Yes."


TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=40).map(lambda text: " ".join(text.split()))


@given(st.lists(TEXT.filter(bool), min_size=1, max_size=5, unique_by=str.casefold))
def test_any_question_comes_back_as_it_was_written(questions: list[str]) -> None:
    draft = replace(NEW, questions=tuple(questions))
    assert read(written(draft)).questions == draft.questions
    assert read(written(draft, written(NEW))).questions == draft.questions


@pytest.mark.parametrize(
    ("sentences", "found"),
    [
        (("do calls, work on WIFI",), ("do calls work: on wifi",)),
        (("yes at once",), ()),
        (("do calls work on wifi please",), ()),
        (("can i call over wifi",), ("can i call over wifi",)),
    ],
)
def test_a_callers_sentence_is_never_copied(sentences: tuple[str, ...], found: tuple[str, ...]) -> None:
    assert copied(NEW, None, sentences) == found


def test_what_the_entry_says_already_is_no_copy() -> None:
    assert copied(NEW, read(FILE), ("can i call over wifi",)) == ()


def test_mandarin_is_compared_by_its_words() -> None:
    draft = Draft("wifi", "zh", "无线网络通话", ("在家里可以用无线网络打电话吗",), "可以。", "可以。")
    assert copied(draft, None, ("在家里可以用无线网络打电话吗？",)) == draft.questions


def test_the_demo_knows_what_it_is_made_of() -> None:
    assert all(draft_of(entry).place == f"{entry.language}/{entry.id}.md" for entry in load(DEMO_KNOWLEDGE).entries)
