"""Speech for tests: words as audio that a scripted recogniser can read back, a scripted ear for voice, and a voice that only lasts.

Each sample of a word's frames is the word's number, so what a recogniser stream was given is what it understands: a lost syllable is a lost word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pytest

from voicebot.errors import EngineError
from voicebot.speech import ear
from voicebot.speech.tts.manner import NEUTRAL, Manner
from voicebot.speech.vad import SILENT_DB
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


Trouble = Literal["fails", "hangs", "garbage"]
"""What may befall a call of an engine: it raises its error, gives no answer until its own deadline is over, or answers nonsense."""
HANGS_S = 5.0
NONSENSE = "\x1b[2J\x00 \u202e你好 \ufffd"


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
        self._recogniser.asked += 1
        trouble = self._recogniser.troubles.get(self._recogniser.asked)
        await asyncio.sleep(HANGS_S if trouble == "hangs" else self._recogniser.takes_s(words))
        if trouble == "garbage":
            return Transcript(NONSENSE, 7.5)
        if self._recogniser.broken or self.closed or trouble:
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
        self.asked = 0
        self.troubles: Mapping[int, Trouble] = {}
        """What befalls the n-th settle."""
        self.workers: tuple[Any, ...] = ()
        self.healthy = True

    def expecting(self, _digits: int) -> ScriptedRecogniser:
        """It hears what the script says, whatever is expected."""
        return self

    def stream(self) -> ScriptedStream:
        self.streams.append(ScriptedStream(self))
        return self.streams[-1]


class ScriptedGate:
    """Stands for `vad.Gate`: any frame that is not silence is voice, heard `late_ms` after its onset."""

    PREROLL_MS = 300
    late_ms = 80

    def __init__(self) -> None:
        self.wants_silero = self.stirring = False
        self.level_db = SILENT_DB
        self._loud_ms = 0

    def frame(self, pcm: bytes, lost: bool = False) -> bool:
        self._loud_ms = self._loud_ms + FRAME_MS if pcm != SILENCE_FRAME else 0
        self.level_db = -20.0 if self._loud_ms else SILENT_DB
        return self._loud_ms > self.late_ms

    def probability(self, end_ms: int, p: float) -> None: ...


class NoEcho:
    """Stands for `echo.Echo`: scripted frames are numbers, not sound, and all alike."""

    back = False

    def frame(self, heard: bytes, played: bytes) -> None: ...


def scripted_ears(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls hear scripted frames: any that is not silence is voice, and none an echo."""
    monkeypatch.setattr(ear, "Gate", ScriptedGate)
    monkeypatch.setattr(ear, "Echo", NoEcho)


class ScriptedPhrases:
    """Stands for `Phrases`: audio of a known length for any text. Texts in `unspeakable` raise EngineError."""

    def __init__(self, lengths_ms: dict[str, int] | None = None, usual_ms: int = 1_000) -> None:
        self.lengths_ms = lengths_ms or {}
        self.usual_ms = usual_ms
        self.asked = 0
        self.manners: list[Manner] = []
        """In which each phrase was asked for."""
        self.troubles: Mapping[int, Trouble] = {}
        """What befalls the n-th phrase."""
        self.unspeakable: Callable[[str], bool] = lambda _text: False
        self.takes: Callable[[str], float] = lambda _text: 0.0

    def length_ms(self, text: str) -> int:
        return self.lengths_ms.get(text, self.usual_ms)

    async def audio(self, text: str, language: str, manner: Manner = NEUTRAL) -> bytes:
        self.asked += 1
        self.manners.append(manner)
        trouble = self.troubles.get(self.asked)
        await asyncio.sleep(HANGS_S if trouble == "hangs" else self.takes(text))
        if trouble == "garbage":
            return b"\x7f"
        if self.unspeakable(text) or trouble:
            raise EngineError(f"no voice for language {language!r}")
        return b"\x01\x01" * (self.length_ms(text) * 16)

    async def once(self, text: str, language: str, manner: Manner = NEUTRAL) -> bytes:
        return await self.audio(text, language, manner)

    def cached(self, text: str, language: str) -> bytes | None:
        return None

    def sweep(self) -> int:
        return 0

    async def prepare(self, texts: Any, language: str, on_progress: Any = None) -> None: ...
