"""The Mandarin demo knowledge base: the same entries as the English one, in words that the embedded voice can say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import voicebot
from voicebot.dialogue import knowledge
from voicebot.dialogue.knowledge import Entry

KB = knowledge.load(Path(voicebot.__file__).parent / "demo" / "kb")
ENGLISH = {entry.id: entry for entry in KB.language("en")}
CHINESE = KB.language("zh")


def test_both_languages_hold_the_same_entries() -> None:
    assert {entry.id for entry in CHINESE} == set(ENGLISH)
    assert len(CHINESE) >= 44


@pytest.mark.parametrize("entry", CHINESE, ids=lambda entry: entry.id)
def test_an_entry_matches_its_english_one_and_can_be_spoken(entry: Entry) -> None:
    assert (entry.menu, entry.tags) == (ENGLISH[entry.id].menu, ENGLISH[entry.id].tags)
    assert len(entry.answer) <= 90
    assert len(entry.short) < len(entry.answer)
    for text in (entry.answer, entry.short, entry.title):
        assert not re.search(r"[A-Za-z0-9]", text), "the voice would spell Latin letters in English"


@pytest.mark.parametrize("entry", CHINESE, ids=lambda entry: entry.id)
def test_questions_are_many_and_as_a_recogniser_writes_them(entry: Entry) -> None:
    assert len(entry.questions) >= 8
    for question in entry.questions:
        assert re.fullmatch(r"[\u4e00-\u9fffa-z0-9]+", question, re.IGNORECASE)
