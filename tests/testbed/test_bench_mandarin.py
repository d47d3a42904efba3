"""Mandarin questions over SIP: which are drawn, and what their answers come to. The calls themselves are in tests/e2e."""

from __future__ import annotations

from pathlib import Path

from voicebot.dialogue.knowledge import load
from voicebot.settings import Settings
from voicebot.settings.engines import Speech
from voicebot.testbed.bench_mandarin import LANGUAGE, UNSEEN_ZH, VOICES, chosen, settings, told
from voicebot.testbed.bench_runs import Turn
from voicebot.testbed.measure import Phrase
from voicebot.testbed.questions import Question, known, unanswerable, unseen

ENTRIES = load(Settings().kb.folder).language(LANGUAGE)


def test_the_other_wordings_have_answers_and_are_not_those_of_the_knowledge_base() -> None:
    others = unseen(UNSEEN_ZH)
    assert len(others) >= 20
    assert unanswerable(others, ENTRIES) == ()
    assert not {each.text for each in others} & {each.text for each in known(ENTRIES)}


def test_a_seed_draws_the_same_questions_each_once() -> None:
    wordings = known(ENTRIES)
    drawn = chosen(wordings, 40, 3)
    assert drawn == chosen(wordings, 40, 3) != chosen(wordings, 40, 4)
    assert len({question.text for question in drawn}) == 40
    assert {question.voice for question in drawn} == set(VOICES)
    assert {question.codec for question in drawn} == {"PCMU", "PCMA"}
    assert len(chosen(wordings[:3], 10, 1)) == 3


def test_the_model_folder_reaches_the_settings(tmp_path: Path) -> None:
    assert settings(tmp_path) == {"speech.pocketsphinx.zh": str(tmp_path)}
    assert Speech(pocketsphinx={"zh": tmp_path}).pocketsphinx["zh"] == tmp_path


def test_only_the_knowledge_base_wordings_have_a_bar() -> None:
    question = Question("puk", "问", VOICES[0], "PCMU")
    right, wrong = (Turn(question, (Phrase(name, 0.0, 1.0),), 500.0) for name in ("answer/puk", "answer/esim"))
    passed = told({"known": [right] * 8 + [wrong] * 2, "others": [wrong]})
    assert [figure.measured for figure in passed.figures] == [80.0, 0.0]
    assert passed.passed
    assert [row["set"] for row in passed.trials] == ["known"] * 10 + ["others"]
    assert not told({"known": [right] * 7 + [wrong] * 3}).passed
