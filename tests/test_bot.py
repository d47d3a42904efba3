"""Every sound a call can hear means one thing to the policy, and nothing of it is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.bot import Bench
from voicebot.bot import Tongue, understood
from voicebot.dialogue.decisions import Heard, Pressed, RecogniserFailed, Silent, Spoke
from voicebot.dialogue.decisions import NoAudio as NobodyThere
from voicebot.dialogue.intents import Intent
from voicebot.dialogue.matching import Match
from voicebot.values import Digit, NoAudio, Silence, Sound, Transcript, Unrecognised, Utterance


def tongue(folder: Path, language: str = "en") -> Tongue:
    return Bench(folder, language=language).bot.tongues[language]


def said(text: str, confidence: float = 1.0) -> Utterance:
    return Utterance(0, 900, Transcript(text, confidence))


@pytest.mark.parametrize(
    ("sound", "meaning"),
    [
        (Digit("7", 1_200), Pressed("7")),
        (Silence(6_000), Silent(6_000)),
        (Unrecognised("worker died"), RecogniserFailed()),
        (NoAudio(12_000), NobodyThere()),
    ],
)
def test_what_is_not_speech_keeps_its_meaning(sound: Sound, meaning: Heard, tmp_path: Path) -> None:
    assert understood(tongue(tmp_path), sound) == meaning


def test_words_come_with_the_entries_they_match_best_first_and_the_doubt_of_the_recogniser(tmp_path: Path) -> None:
    matches = (Match("bill-copy", 0.5), Match("bill-higher", 0.45))
    assert understood(tongue(tmp_path), said("my bill", 0.6)) == Spoke("my bill", 0.6, matches, frozenset({Intent.BILL}), "en")


def test_words_come_with_all_they_intend(tmp_path: Path) -> None:
    heard = understood(tongue(tmp_path), said("no thank you"))
    assert heard == Spoke("no thank you", 1.0, (), frozenset({Intent.NO, Intent.THANKS}), "en")


def test_an_utterance_without_words_is_still_speech(tmp_path: Path) -> None:
    assert understood(tongue(tmp_path), said("", 0.0)) == Spoke("", 0.0)


def test_without_a_matcher_words_still_have_what_they_intend(tmp_path: Path) -> None:
    heard = understood(replace(tongue(tmp_path), matcher=None), said("my bill give me a person"))
    assert heard == Spoke("my bill give me a person", 1.0, (), frozenset({Intent.PERSON}), "en")


def test_each_language_is_understood_by_its_own_rules(tmp_path: Path) -> None:
    heard = understood(tongue(tmp_path, "zh"), said("转人工"))
    assert heard == Spoke("转人工", 1.0, (), frozenset({Intent.PERSON}), "zh")
