"""Voices: text to pcm. Each adapter starts a synthesiser as its own program and shapes what it says for the telephone.

A voice keeps nothing: what was rendered once is kept by `voicebot.speech.phrases`.
"""

from __future__ import annotations

from typing import Protocol

from voicebot.speech.tts.espeak import Espeak
from voicebot.speech.tts.flite import Flite


class Voice(Protocol):
    """Anything that speaks one language."""

    @property
    def name(self) -> str:
        """Engine, version and settings: it changes whenever the sound would. Raises EngineError when the engine is not installed."""

    @property
    def language(self) -> str:
        """The language it speaks, as in the knowledge base: `en`, `zh`."""

    async def render(self, text: str) -> bytes:
        """16 kHz pcm of `text`, silence trimmed, at the common loudness. Raises EngineError."""


def embedded(language: str) -> Voice:
    """The voice that Debian alone provides for `language`. Raises EngineError when its program is not installed."""
    voice: Voice = Flite() if language == "en" else Espeak(language)
    _ = voice.name  # asks the program for its version: a missing one is named at start, not in a call
    return voice
