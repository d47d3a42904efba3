"""The telephone sentences: enough of each kind, families kept together, wrong files named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from voicebot.errors import EvaluationError
from voicebot.evaluate.sentences import ANGRY_KINDS, KINDS, sentences, training


@pytest.mark.parametrize("language", ["en", "zh"])
def test_there_are_enough_of_every_kind_on_both_sides(language: str) -> None:
    found = sentences(language)
    assert len(found) >= 300
    assert len({sentence.text for sentence in found}) == len(found)
    for held_out in (True, False):
        counts = Counter(sentence.kind for sentence in found if sentence.held_out == held_out)
        assert set(counts) == set(KINDS)
        assert min(counts.values()) >= 12


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_family_is_never_split(language: str) -> None:
    sides = {(sentence.family, sentence.held_out) for sentence in sentences(language)}
    assert len(sides) == len({family for family, _ in sides})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_trains_and_what_is_held_out_have_no_sentence_in_common(language: str) -> None:
    trains = [sentence.text for sentence in training(language)]
    assert len(trains) > 500
    assert len(set(trains)) == len(trains)
    assert not set(trains) & {sentence.text for sentence in sentences(language) if sentence.held_out}
    assert {sentence.kind for sentence in training(language)} == set(KINDS)


@pytest.mark.parametrize("content", ["angry = 3", "odd = ['x']", "angry = ["])
def test_a_wrong_file_of_more_sentences_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('[[families]]\nname = "a"\nkind = "angry"\nsentences = ["x"]', "utf-8")
    (tmp_path / "more-en.toml").write_text(content, "utf-8")
    with pytest.raises(EvaluationError, match=r"more-en\.toml"):
        training("en", tmp_path)


def test_polite_anger_is_anger_and_quoted_anger_is_not() -> None:
    found = {sentence.kind: sentence.angry for sentence in sentences("en")}
    assert {kind for kind, angry in found.items() if angry} == set(ANGRY_KINDS)


@pytest.mark.parametrize(
    "content",
    ["", "families = 3", '[[families]]\nname = "a"\nkind = "odd"\nsentences = ["x"]', '[[families]]\nname = "a"\nsentences = ["x"]'],
)
def test_a_wrong_file_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text(content, "utf-8")
    with pytest.raises(EvaluationError, match=r"en\.toml"):
        sentences("en", tmp_path)
    with pytest.raises(EvaluationError, match=r"fr\.toml"):
        sentences("fr", tmp_path)
