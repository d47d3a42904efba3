"""Wordings: read whole or refused by line; drawn by seed; honest, that is, not the knowledge base's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.knowledge import Entry, load
from voicebot.errors import KnowledgeError
from voicebot.settings import DEMO_KNOWLEDGE
from voicebot.testbed import questions
from voicebot.testbed.questions import VOICES, Wording, routine

FEW = tuple(Wording(f"entry-{number}", f"question number {number} of a few") for number in range(5))


def demo() -> tuple[Entry, ...]:
    return load(DEMO_KNOWLEDGE).language("en")


def test_the_unseen_wordings_are_many_and_each_has_its_entry() -> None:
    unseen = questions.unseen()
    assert len(unseen) >= 60
    assert len({wording.text for wording in unseen}) == len(unseen)
    assert questions.unanswerable(unseen, demo()) == ()


def test_no_unseen_wording_is_one_of_the_knowledge_base() -> None:
    def plain(text: str) -> str:
        return "".join(char for char in text.lower() if char.isalpha())

    known = {plain(wording.text) for wording in questions.known(demo())}
    assert [wording.text for wording in questions.unseen() if plain(wording.text) in known] == []


def test_known_wordings_are_all_questions_of_all_entries() -> None:
    assert len(questions.known(demo())) == sum(len(entry.questions) for entry in demo())


def test_an_entry_that_is_gone_is_named() -> None:
    assert questions.unanswerable((*FEW, Wording("opening-hours", "when")), demo()) == tuple(f"entry-{number}" for number in range(5))


def test_a_file_is_read_in_its_order(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text('entry_id,wording\nbill,"well, where is it"\ndata,how much\n', encoding="utf-8")
    assert questions.unseen(file) == (Wording("bill", "well, where is it"), Wording("data", "how much"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("entry_id,wording\nbill,well, where is it\n", r"mine\.csv:2: .*quote"),
        ("entry_id,wording\nbill,where\ndata,\n", r"mine\.csv:3: "),
        ("id,text\nbill,where\n", r"mine\.csv:2: write two columns"),
        ("entry_id,wording\nbill\n", r"mine\.csv:2: "),
        ('entry_id,wording\nbill,"where\n', r"mine\.csv: cannot be read as CSV"),
    ],
)
def test_a_broken_file_is_refused_by_line(content: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=told):
        questions.unseen(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"none\.csv"):
        questions.unseen(tmp_path / "none.csv")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_bytes(b"entry_id,wording\nbill,\xff\xfe\n")
    with pytest.raises(KnowledgeError, match="cannot be read as CSV"):
        questions.unseen(file)


def test_the_same_seed_draws_the_same_questions_and_another_others() -> None:
    assert questions.choose(FEW, 5, 7) == questions.choose(FEW, 5, 7)
    assert questions.choose(questions.unseen(), 10, 7) != questions.choose(questions.unseen(), 10, 8)


@given(st.integers(0, 30), st.integers())
def test_every_wording_comes_once_before_any_comes_twice(count: int, seed: int) -> None:
    drawn = [question.entry_id for question in questions.choose(FEW, count, seed)]
    assert len(drawn) == count
    for first in range(0, count - 4, 5):
        assert len(set(drawn[first : first + 5])) == 5


def test_voices_and_codecs_are_mixed_unless_one_is_asked_for() -> None:
    many = questions.choose(FEW, 100, 1)
    assert {question.voice for question in many} == set(VOICES)
    assert {question.codec for question in many} == {"PCMU", "PCMA"}
    assert {question.codec for question in questions.choose(FEW, 100, 1, codecs=("PCMA",))} == {"PCMA"}


def test_nothing_to_ask_is_said_so() -> None:
    with pytest.raises(KnowledgeError, match="no wording"):
        questions.choose((), 1, 1)
    assert questions.choose((), 0, 1) == ()


@given(st.integers())
def test_a_pause_lies_between_two_words(seed: int) -> None:
    asked = questions.choose(questions.unseen(), 20, 1)
    for question, after in zip(asked, questions.pause_places(asked, seed), strict=True):
        assert 1 <= after <= len(question.text.split()) - 1


def test_pauses_are_anywhere_in_the_question() -> None:
    asked = questions.choose([Wording("bill", "one two three four five")], 200, 1)
    assert set(questions.pause_places(asked, 1)) == {1, 2, 3, 4}


def test_what_is_for_a_person_at_once_is_no_routine_question() -> None:
    asked = (
        Wording("puk", "what is my puk"),
        Wording("complaint", "i want to make a complaint"),
        Wording("complaint", "where do i write to"),
    )
    assert [wording.text for wording in routine(asked, "en")] == ["what is my puk", "where do i write to"]
