"""What is written is said in words: no voice ever meets a digit, and plain words are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.spoken import LANGUAGES, spoken

PLAIN = st.text(st.characters(categories=("Ll", "Lu", "Lo", "Zs"), exclude_characters=""), max_size=80)
FIGURES = st.text(st.sampled_from("0123456789.,:-/+ %$¥£€#GgxMBap m月日年元个第°"), max_size=40)


@given(st.sampled_from(sorted(LANGUAGES)), st.text(max_size=120) | FIGURES)
def test_no_text_is_refused_and_no_digit_is_left(language: str, text: str) -> None:
    assert not any(character.isdigit() for character in spoken(text, language))


@pytest.mark.parametrize("text", ["{}", "${}", "{}%", "¥{}.50", "{}个", "a{}", "{} GB", "{}/{}", "#{}", "dial {}", "{}.{}.{}"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_even_figures_that_no_number_holds_are_said(language: str, text: str) -> None:
    said = spoken(text.replace("{}", "9" * 5_000), language)
    assert len(said) >= 5_000
    assert not any(character.isdigit() for character in said)


@given(st.sampled_from(sorted(LANGUAGES)), FIGURES)
def test_what_was_written_out_is_not_changed_again(language: str, text: str) -> None:
    said = spoken(text, language)
    assert spoken(said, language) == said


@given(st.sampled_from(sorted(LANGUAGES)), PLAIN)
def test_plain_words_stay_as_they_are(language: str, text: str) -> None:
    assert spoken(text, language) == text


@pytest.mark.parametrize("text", ["", "   ", "Hello, it's fine. (Really!)", "wi-fi - and e-mail", "您好，我是“客服”。"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_text_without_figures_comes_back_to_the_letter(language: str, text: str) -> None:
    assert spoken(text, language) == text


def test_a_language_without_rules_is_left_as_it_is_written() -> None:
    assert spoken("¥58,50 le 14 mars", "fr") == "¥58,50 le 14 mars"


@pytest.mark.parametrize(("written", "said"), [("٣ days", "three days"), ("x² + ①", "x two plus one"), ("５％", "five percent")])
def test_digits_of_other_scripts_are_digits(written: str, said: str) -> None:
    assert spoken(written, "en") == said
