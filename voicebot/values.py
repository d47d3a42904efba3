"""The values that flow through a call. Frozen, without behaviour beyond arithmetic on themselves; nothing here does I/O.

Times inside a call are milliseconds of audio since answer. `pcm` is always signed 16-bit little-endian mono.
"""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE_RATE_HZ = 16_000
FRAME_MS = 20
FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_MS // 1000
FRAME_BYTES = FRAME_SAMPLES * 2
SILENCE_FRAME = bytes(FRAME_BYTES)


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
    """One stretch of caller speech between two silences that endpointing took for turn ends."""

    start_ms: int
    end_ms: int
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class Digit:
    """One DTMF key: 0–9, *, #, A–D."""

    key: str
    at_ms: int
