"""Numbers as callers read them out: the grammar holds just those of the right length, or one short, and the examples are of its kind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pocketsphinx
import pytest

from voicebot.customers.verification import LENGTHS, spoken_digits
from voicebot.speech.asr import digits
from voicebot.speech.asr.digits import COUNTS, SPELLINGS, examples, grammar


def test_the_lengths_are_those_that_are_asked_for() -> None:
    assert set(COUNTS) == set(LENGTHS.values())


@pytest.mark.parametrize("language", sorted(SPELLINGS))
@pytest.mark.parametrize("count", COUNTS)
def test_the_grammar_can_be_parsed(language: str, count: int, tmp_path: Path) -> None:
    path = tmp_path / "number.gram"
    path.write_text(grammar(language, count), encoding="utf-8")
    assert pocketsphinx.Jsgf(str(path)).get_rule("number.number") is not None


def test_an_unknown_language_has_no_grammar_and_no_examples() -> None:
    assert examples("xx") == []
    with pytest.raises(KeyError):
        grammar("xx", 4)


@pytest.mark.parametrize("language", sorted(SPELLINGS))
def test_the_examples_are_numbers_of_those_lengths(language: str) -> None:
    found = [spoken_digits(text) for text in examples(language)]
    assert {len(number) for number in found} == set(COUNTS)
    assert {digit for number in found for digit in number} == set("0123456789")
    assert examples(language) == examples(language)


@pytest.mark.parametrize(
    ("language", "text", "count"),
    [("en", "my pin is four oh eight", 3), ("en", "want to bring", 0), ("zh", "密码是四八二一", 4), ("zh", "账单多少钱", 0), ("en", "", 0)],
)
def test_digits_are_counted(language: str, text: str, count: int) -> None:
    assert SPELLINGS[language].count(text) == count


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed; run scripts/setup")
def test_all_words_of_the_english_grammar_are_in_the_general_dictionary() -> None:
    words = {line.split()[0] for line in Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines()}
    assert digits.words("en") <= words
