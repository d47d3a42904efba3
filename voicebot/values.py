"""The values that flow through a call. Frozen, without behaviour beyond arithmetic on themselves; nothing here does I/O.

Times inside a call are milliseconds of audio since answer. `pcm` is always signed 16-bit little-endian mono.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SAMPLE_RATE_HZ = 16_000
FRAME_MS = 20
FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_MS // 1000
FRAME_BYTES = FRAME_SAMPLES * 2
SILENCE_FRAME = bytes(FRAME_BYTES)

SpeechKind = Literal["greeting", "prompt", "answer", "clarify", "menu", "filler", "goodbye", "handover"]
"""What a phrase of the bot is for."""


def duration_ms(pcm: bytes) -> int:
    """Length of 16 kHz `pcm` in whole milliseconds."""
    return len(pcm) * 1000 // (SAMPLE_RATE_HZ * 2)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recogniser made of an utterance. `confidence` is 0–1; `text` is lower case for English, empty for no words."""

    text: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of caller speech between two silences that endpointing took for turn ends.

    `end_ms` is the end of the last voiced frame, `taken_ms` when the turn was taken for over, `recognise_ms` how long the final transcript took.
    """

    start_ms: int
    end_ms: int
    transcript: Transcript
    taken_ms: int = 0
    recognise_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Digit:
    """One DTMF key: 0–9, *, #, A–D."""

    key: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody spoke for `ms` although the bot was waiting for it."""

    ms: int


@dataclass(frozen=True, slots=True)
class NoAudio:
    """No audio at all has come from the caller's phone for `ms`."""

    ms: int


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """The caller spoke, and the recogniser crashed, hung or refused; `why` names it."""

    why: str


Sound = Utterance | Digit | Silence | NoAudio | Unrecognised
"""What a call can hear, in the order it was heard."""
