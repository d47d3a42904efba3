"""Example sentences of the intents: each is one the bot would understand, no alternative is left out, and they are the same each time."""

from __future__ import annotations

import pytest

from voicebot.dialogue import sayings as module
from voicebot.dialogue.intents import Intents
from voicebot.dialogue.sayings import sayings
from voicebot.errors import KnowledgeError


def said(phrase: str, spaced: bool = True, sets: dict[str, str] | None = None) -> list[str]:
    return list(module._of(phrase, sets or {}, spaced, "file"))


@pytest.mark.parametrize(
    ("phrase", "sentences"),
    [
        ("never mind", {"never mind"}),
        ("(yes|no) please", {"yes please", "no please"}),
        ("go [away]", {"go", "go away"}),
        ("i (dont|cant) (know|see|say)", None),
        ("to ... <who> .", {"to me", "to you"}),
        ("forget it", {"forget it"}),
    ],
)
def test_every_alternative_is_in_one_of_them(phrase: str, sentences: set[str] | None) -> None:
    found = set(said(phrase, sets={"who": "me|you"}))
    if sentences is None:
        assert {word for sentence in found for word in sentence.split()} == {"i", "don't", "can't", "know", "see", "say"}
    else:
        assert found == sentences


def test_a_script_without_spaces_has_none() -> None:
    assert set(said("(转|接) 人工", spaced=False)) == {"转人工", "接人工"}


def test_the_same_file_always_gives_the_same_sentences_and_none_twice() -> None:
    assert sayings("en") == sayings("en")
    assert len(sayings("en")) == len(set(sayings("en"))) > 500
    assert len(sayings("zh")) > 200


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nearly_all_of_them_are_understood(language: str) -> None:
    """Not those of which "never" takes a part away."""
    intents, sentences = Intents.load(language), sayings(language)
    assert sum(bool(intents.of(sentence)) for sentence in sentences) > 0.9 * len(sentences)


def test_what_the_bot_listens_for_is_among_them() -> None:
    words = {word for sentence in sayings("en") for word in sentence.split()}
    assert {"agent", "representative", "scammed", "dementia", "i'm", "don't", "slower", "goodbye"} <= words


def test_a_language_without_intents_has_none() -> None:
    assert sayings("xx") == []


def test_a_set_that_is_missing_is_named() -> None:
    with pytest.raises(KnowledgeError, match="no set <who>; the sets are: they"):
        said("talk to <who>", sets={"they": "he|she"})
