"""Words are split and folded so that what sounds or means the same looks the same, in any view."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue import words


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("My Bill, please!", ["my", "bill", "please"]),
        ("wi-fi, Wi Fi and WIFI", ["wifi", "wifi", "and", "wifi"]),
        ("an e sim on 5G", ["an", "esim", "on", "fiveg"]),
        ("five g", ["fiveg"]),
        ("I can’t log in", ["i", "can't", "login"]),
        ("topping up", ["topup"]),
        ("cell phone", ["phone"]),
        ("", []),
    ],
)
def test_english_is_split_and_compounds_joined(text: str, split: list[str]) -> None:
    assert words.split(text, "en") == split


def test_mandarin_is_segmented_and_latin_words_in_it_kept() -> None:
    assert words.split("我的账单，5G", "zh") == ["我", "的", "账单", "5g"]


@pytest.mark.parametrize(
    "alike", [["bill", "bills", "invoice"], ["stolen", "theft", "nicked"], ["wife", "husband"], ["spain", "abroad"], ["cancelling", "terminate"]]
)
def test_words_for_one_thing_are_folded_to_one(alike: list[str]) -> None:
    assert len({tuple(words.content([word], "en")) for word in alike}) == 1


def test_words_without_meaning_are_left_out_and_the_rest_named_once() -> None:
    assert words.content(["i", "want", "the", "router", "router", "please"], "en") == words.content(["want", "router"], "en")


def test_phrases_know_the_order_and_the_first_word() -> None:
    assert words.phrases(["when", "due"], "en") == ["when", "due", "^ when", "when due"]


def test_pairs_do_not_know_the_order() -> None:
    assert set(words.pairs(["lost", "simcard"], "en")) == set(words.pairs(["simcard", "lost"], "en"))


def test_pairs_reach_over_a_word_between() -> None:
    assert "lost|sim" in words.pairs(["lost", "black", "sim"], "en")


def test_letters_survive_a_misheard_word() -> None:
    shared = set(words.letters(["roaming"], "en")) & set(words.letters(["roman"], "en"))
    assert " roam"[:3] in shared


def test_letters_of_mandarin_run_across_words() -> None:
    assert "单到" in words.letters(["账单", "到期"], "zh")


def test_mandarin_words_for_one_thing_are_one_word() -> None:
    assert words.content(["我", "要", "退订"], "zh") == words.content(["取消"], "zh") == ["取消"]


def test_words_of_one_sound_are_one_sound() -> None:
    assert words.sounds(["账单"], "zh") == words.sounds(["帐单"], "zh") == ["zhang", "dan", "zhang dan"]


def test_crossings_do_not_care_where_a_word_is_cut() -> None:
    cut = set(words.crossings(["voice", "mail", "pin"], "en"))
    assert {" voic", "voice", "ce ma", " pin "} <= cut


def test_another_language_is_left_as_it_is() -> None:
    assert words.content(["the", "bills"], "fr") == ["the", "bills"]
    assert words.pairs(["the", "bills"], "fr") == ["the", "bills", "bills|the"]


@given(st.text(max_size=80), st.sampled_from(["en", "zh", "fr"]))
def test_any_text_can_be_laid_out_in_every_view(text: str, language: str) -> None:
    split = words.split(text, language)
    assert all(word == word.strip() and word for word in split)
    for view, *weights in words.views(language):
        assert all(weight > 0 for weight in weights)
        assert all(view(split, language))
