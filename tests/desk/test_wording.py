from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from voicebot.desk import wording
from voicebot.desk.duty import MISSED, PAUSES
from voicebot.desk.wording import LANGUAGES, saying, table, why
from voicebot.dialogue.decisions import Why
from voicebot.store.events import Outcome

CODE = Path(wording.__file__).parent


def test_every_language_has_the_same_words_with_the_same_gaps() -> None:
    first, *others = (table(language) for language in LANGUAGES)
    for other in others:
        assert other.keys() == first.keys()
        for key, text in first.items():
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", other[key])), key


def test_no_word_is_empty_or_left_in_another_language() -> None:
    chinese = re.compile(r"[\u4e00-\u9fff。]|–")
    for key, text in table("zh").items():
        assert text.strip(), key
        assert chinese.search(text) or key in {"frame.language", "pop.reasons_in"}, key


def test_every_word_the_code_asks_for_by_name_is_there() -> None:
    asked = {
        key for path in CODE.rglob("*.py") for key in re.findall(r"""(?:say|_say)\(["']([a-z_]+\.[a-z_-]+)["']""", path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 40
    assert asked <= table("en").keys()


@pytest.mark.parametrize("reason", [*PAUSES, MISSED])
def test_every_pause_has_words(reason: str) -> None:
    assert f"pauses.{reason}" in table("en")


@pytest.mark.parametrize("outcome", [*get_args(Outcome), "open"])
def test_every_outcome_has_words(outcome: str) -> None:
    assert f"outcome.{outcome}" in table("en")


@pytest.mark.parametrize("stage", ["bot", "leaving", "queue", "ringing", "briefing", "agent", "over"])
def test_every_stage_has_words(stage: str) -> None:
    assert f"stage.{stage}" in table("en")
    assert stage == "over" or f"side.{stage}" in table("en")


def test_gaps_are_filled_and_a_language_without_words_is_english() -> None:
    assert saying("en")("agent.phone", extension="6001") == "Phone 6001"
    assert saying("tlh")("agent.phone", extension="{x}") == "Phone {x}"


def test_a_key_that_is_in_no_table_is_an_error() -> None:
    with pytest.raises(KeyError):
        saying("en")("agent.nothing")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_for_a_person_has_words(language: str) -> None:
    told = {each: why(each.value, language) for each in Why}
    assert all(words and words != each.value for each, words in told.items())
    assert len(set(told.values())) == len(told)


def test_a_reason_that_no_table_knows_stays_as_it_stands() -> None:
    assert why("admission: too many calls", "zh") == "admission: too many calls"
    assert why("", "en") == ""
