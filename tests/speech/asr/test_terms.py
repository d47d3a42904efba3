"""What is told to a recogniser beforehand is what it could not guess, and little of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.asr.terms import TERMS, terms


def test_rare_words_are_expected_before_frequent_ones_of_general_speech() -> None:
    wordings = ["How do I get my esim?", "my eSIM is not working", "what is the voicemail pin of harbourline", "is harbourline here", "esim"]
    found = terms(wordings, "en")
    assert found[:2] == ["esim", "harbourline"]
    assert not {"how", "the", "my", "is"} & set(found)
    assert len(terms([f"word{n}" for n in range(100)], "en")) == TERMS


def test_in_mandarin_short_wordings_are_the_terms() -> None:
    assert terms(["携号转网", "怎么办理携号转网？", "携号转网", "我" * 20, "卡"], "zh") == ["携号转网", "怎么办理携号转网"]


@given(st.lists(st.text(max_size=40), max_size=60), st.sampled_from(["en", "zh"]))
def test_whatever_the_wordings_terms_are_few_short_and_told_once(wordings: list[str], language: str) -> None:
    found = terms(wordings, language)
    assert len(found) == len(set(found)) <= TERMS
    assert all(2 <= len(term) <= 16 for term in found)
    assert found == terms(list(reversed(wordings)), language)
