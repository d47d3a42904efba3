"""The embedded voices: one for each language, missing ones named at start."""

from __future__ import annotations

import shutil

import pytest

from voicebot.errors import EngineError
from voicebot.speech import tts
from voicebot.speech.tts.espeak import Espeak
from voicebot.speech.tts.flite import Flite

installed = pytest.mark.skipif(not (shutil.which("flite") and shutil.which("espeak-ng")), reason="flite or espeak-ng is not installed")


@installed
@pytest.mark.parametrize(("language", "kind"), [("en", Flite), ("zh", Espeak), ("fr", Espeak)])
def test_each_language_has_its_embedded_voice(language: str, kind: type) -> None:
    voice = tts.embedded(language)
    assert isinstance(voice, kind)
    assert voice.language == language


@pytest.mark.parametrize(("language", "package"), [("en", "flite"), ("zh", "espeak-ng")])
def test_a_missing_program_is_named_at_start(language: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    tts.program._version.cache_clear()
    with pytest.raises(EngineError, match=f"apt-get install {package}$"):
        tts.embedded(language)
