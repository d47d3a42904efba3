"""flite speaks English text of any kind, starting at once, at the common loudness."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from voicebot.errors import EngineError
from voicebot.speech.tts.flite import FLITE, Flite, _ascii
from voicebot.values import duration_ms

Run = Callable[[Any], Any]
installed = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed: apt-get install flite")


@installed
def test_a_sentence_is_spoken_at_a_brisk_pace(run: Run) -> None:
    assert 700 < duration_ms(run(Flite().render("Connecting you now."))) < 1_300


@installed
def test_longer_text_is_longer_speech(run: Run) -> None:
    assert len(run(Flite().render("One two three four five six."))) > 2 * len(run(Flite().render("One.")))


@installed
@pytest.mark.parametrize("text", ["-o evil.wav", "--help", "hello -voice kal", "[[x]] <b>bold</b>"])
def test_text_like_options_is_just_spoken(run: Run, text: str) -> None:
    assert duration_ms(run(Flite().render(text))) > 200


@installed
@pytest.mark.parametrize("voice", ["slt", "rms", "awb", "kal16"])
def test_every_voice_named_is_really_there(run: Run, voice: Any) -> None:
    """flite takes an unknown voice for its default one without a word, so they must differ from each other."""
    slow = run(Flite("slt", stretch=1.5).render("hello there"))
    assert len(run(Flite(voice).render("hello there"))) < len(slow)
    assert voice == "slt" or run(Flite(voice).render("hello there")) != run(Flite().render("hello there"))


@installed
def test_the_name_changes_with_whatever_changes_the_sound() -> None:
    names = {Flite().name, Flite("rms").name, Flite(stretch=0.9).name}
    assert len(names) == 3
    assert all(name.startswith("flite 2.") for name in names)


def test_a_missing_flite_names_its_package(run: Run) -> None:
    gone = Flite(program=replace(FLITE, command="flite-is-gone"))
    with pytest.raises(EngineError, match="apt-get install flite"):
        run(gone.render("hello"))
    with pytest.raises(EngineError, match="apt-get install flite"):
        _ = gone.name


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("don’t", "don't"),
        ("wait… then “go”", "wait. then go"),
        ("nine – five", "nine , five"),
        ("£5 & €6", "pounds 5 and euros 6"),
        ("café Zoë", "cafe Zoe"),
    ],
)
def test_typographic_text_reaches_flite_in_plain_characters(written: str, read: str) -> None:
    assert _ascii(written) == read


def test_text_without_a_latin_letter_is_refused_rather_than_swallowed() -> None:
    with pytest.raises(EngineError, match="nothing to say"):
        _ascii("您好")
