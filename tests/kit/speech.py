"""Speech for tests: words as audio that a scripted recogniser can read back, a scripted ear for voice, and a voice that only lasts.

Each sample of a word's frames is the word's number, so what a recogniser stream was given is what it understands: a lost syllable is a lost word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from voicebot.errors import EngineError
from voicebot.values import FRAME_MS, FRAME_SAMPLES, SILENCE_FRAME, Transcript

WORD_MS = 240
NOISE = ""


class Speech:
    """Numbers words, and knows them again."""

    def __init__(self) -> None:
        self._words = [NOISE]

    def frames(self, text: str, word_ms: int = WORD_MS) -> list[bytes]:
        """20 ms frames of `text`; NOISE gives one voiced stretch without a word in it."""
        return [frame for word in text.split() or [NOISE] for frame in [self._frame(word)] * (word_ms // FRAME_MS)]

    def words(self, pcm: bytes) -> str:
        """The words in `pcm`, in order."""
        numbers = dict.fromkeys(np.frombuffer(pcm, "<i2").tolist())
        return " ".join(word for number in numbers if (word := self._words[number]))

    def _frame(self, word: str) -> bytes:
        self._words.append(word)
        return np.full(FRAME_SAMPLES, len(self._words) - 1, "<i2").tobytes()


class ScriptedStream:
    """One utterance; `pcm` is all it was fed."""

    def __init__(self, recogniser: ScriptedRecogniser) -> None:
        self._recogniser = recogniser
        self.pcm = b""
        self.closed = False

    def feed(self, pcm: bytes) -> None:
        assert not self.closed, "a closed stream was fed"
        self.pcm += pcm

    async def settle(self) -> Transcript:
        words = self._recogniser.speech.words(self.pcm)
        await asyncio.sleep(self._recogniser.takes_s(words))
        if self._recogniser.broken or self.closed:
            raise EngineError("recogniser worker ended with status -11" if self._recogniser.broken else "recogniser stream is closed")
        return Transcript(words, self._recogniser.confidence)

    def close(self) -> None:
        self.closed = True


class ScriptedRecogniser:
    """Understands each word it was given, after `takes_s(words)`; nothing when `broken`."""

    def __init__(self, speech: Speech, takes_s: Callable[[str], float] = lambda _words: 0.04) -> None:
        self.speech = speech
        self.takes_s = takes_s
        self.broken = False
        self.confidence = 0.9
        self.streams: list[ScriptedStream] = []

    def stream(self) -> ScriptedStream:
        self.streams.append(ScriptedStream(self))
        return self.streams[-1]


class ScriptedGate:
    """Stands for `vad.Gate`: any frame that is not silence is voice, heard `late_ms` after its onset."""

    PREROLL_MS = 300
    late_ms = 80

    def __init__(self) -> None:
        self.wants_silero = self.stirring = False
        self._loud_ms = 0

    def frame(self, pcm: bytes) -> bool:
        self._loud_ms = self._loud_ms + FRAME_MS if pcm != SILENCE_FRAME else 0
        return self._loud_ms > self.late_ms

    def probability(self, end_ms: int, p: float) -> None: ...


class ScriptedPhrases:
    """Stands for `Phrases`: audio of a known length for any text. Texts in `unspeakable` raise EngineError."""

    def __init__(self, lengths_ms: dict[str, int] | None = None) -> None:
        self.lengths_ms = lengths_ms or {}
        self.unspeakable: Callable[[str], bool] = lambda _text: False
        self.takes: Callable[[str], float] = lambda _text: 0.0

    def length_ms(self, text: str) -> int:
        return self.lengths_ms.get(text, 1_000)

    async def audio(self, text: str, language: str) -> bytes:
        await asyncio.sleep(self.takes(text))
        if self.unspeakable(text):
            raise EngineError(f"no voice for language {language!r}")
        return b"\x01\x01" * (self.length_ms(text) * 16)

    def cached(self, text: str, language: str) -> bytes | None:
        return None

    async def prepare(self, texts: Any, language: str, on_progress: Any = None) -> None: ...
