"""Voices: text to pcm. Each adapter starts a synthesiser as its own program and shapes what it says for the telephone.

A voice keeps nothing: what was rendered once is kept by `voicebot.speech.phrases`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from voicebot.errors import EngineError
from voicebot.settings import Settings
from voicebot.speech.tts.espeak import Espeak
from voicebot.speech.tts.flite import Flite
from voicebot.speech.tts.ladder import Ladder, Voice
from voicebot.speech.tts.piper import Piper
from voicebot.weights import path_of

__all__ = ["Voice", "best", "embedded", "models"]

log = structlog.get_logger()


def embedded(language: str) -> Voice:
    """The voice that Debian alone provides for `language`. Raises EngineError when its program is not installed."""
    voice: Voice = Flite() if language == "en" else Espeak(language)
    _ = voice.name  # asks the program for its version: a missing one is named at start, not in a call
    return voice


async def best(stack: AsyncExitStack, voices: Mapping[str, Voice], models: Mapping[str, Path], command: str = "") -> dict[str, Voice]:
    """The best voice of each language, running until `stack` is left: Piper above the one given, where `models` has one that works; a model that
    does not is told of in the log."""
    return {language: await _climbed(stack, voice, models.get(language), command) for language, voice in voices.items()}


async def _climbed(stack: AsyncExitStack, last: Voice, model: Path | None, command: str) -> Voice:
    if model is None:
        return last
    piper = Piper(last.language, model, command)
    try:
        await stack.enter_async_context(piper)
    except EngineError as error:
        log.warning("Piper cannot speak", language=last.language, voice=last.name, why=str(error))
        return last
    return Ladder((piper, last))


def models(settings: Settings) -> dict[str, Path]:
    """The .onnx file that [speech] voices names for each language: a path, or the name of a model in the [models] folder."""
    return {language: path_of(named, settings.models.folder, ".onnx") for language, named in settings.speech.voices.items()}
