"""The generated utterances: both kinds, both languages; a planted leak is found."""

from __future__ import annotations

import random

import pytest

from voicebot.evaluate import redaction
from voicebot.evaluate.redaction import digits_in, generated, measured
from voicebot.privacy.redact import Redacted


def test_nothing_leaks_and_little_is_lost() -> None:
    outcome = measured(5_000, seed=11)
    assert (outcome.secrets, outcome.harmless) == (2_500, 2_500)
    assert outcome.leaked == ()
    assert len(outcome.lost) < 25


def test_a_leak_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "redact", Redacted)
    outcome = measured(200, seed=1)
    assert len(outcome.leaked) == outcome.secrets


def test_a_loss_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "redact", lambda _text: Redacted(""))
    outcome = measured(200, seed=1)
    assert len(outcome.lost) == outcome.harmless


def test_both_languages_and_all_kinds_are_drawn() -> None:
    drawn = list(generated(600, random.Random(3)))
    assert {case.language for case in drawn} == {"en", "zh"}
    assert len({case.text for case in drawn if case.secret}) > 200


def test_the_same_seed_draws_the_same() -> None:
    assert list(generated(50, random.Random(5))) == list(generated(50, random.Random(5)))


def test_digits_are_counted_in_figures_and_words() -> None:
    assert digits_in("my pin is 1234 and one two") == 6
