"""Speech that was rendered once, said in another manner: stretched in time, its pauses set to another length. Pure.

So every voice has every manner, without a second copy of its model; the pitch stays.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebot.speech.slower import slowed
from voicebot.speech.tts.manner import NEUTRAL, Manner
from voicebot.values import SAMPLE_RATE_HZ

LONG: Final = 0.75
"""A quiet stretch of this share of the longest that `shaping` leaves is a pause; a shorter one is a consonant."""
QUIET_DB: Final = -36.0
"""Below the loudest 10 ms, as in `shaping`."""
_STEP_MS = 10
_STEP = SAMPLE_RATE_HZ * _STEP_MS // 1000
Samples = NDArray[np.int16]


def mannered(pcm: bytes, manner: Manner) -> bytes:
    """16 kHz `pcm` of the neutral manner, in `manner`."""
    if manner == NEUTRAL:
        return pcm
    samples = np.frombuffer(slowed(pcm, manner.stretch), "<i2")
    return _paused(samples, manner.pause_ms, LONG * NEUTRAL.pause_ms * manner.stretch).tobytes()


def _paused(samples: Samples, pause_ms: int, long_ms: float) -> Samples:
    """Every quiet stretch of `long_ms` or more made `pause_ms` long, in its middle."""
    pieces, at = list[Samples](), 0
    for first, end in _quiet(samples, long_ms):
        half = min(end - first, pause_ms // _STEP_MS) // 2 * _STEP
        silence = np.zeros(pause_ms // _STEP_MS * _STEP - 2 * half, np.int16)
        pieces += [samples[at : first * _STEP + half], silence]
        at = end * _STEP - half
    return np.concatenate([*pieces, samples[at:]]).astype("<i2")


def _quiet(samples: Samples, long_ms: float) -> list[tuple[int, int]]:
    """Quiet stretches between what is heard, as first step and the one after the last."""
    steps = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP).astype(np.float64)
    levels = np.sqrt(np.mean(steps**2, axis=1))
    heard = np.flatnonzero(levels > levels.max(initial=0.0) * 10 ** (QUIET_DB / 20))
    return [(int(before) + 1, int(after)) for before, after in pairwise(heard) if (after - before - 1) * _STEP_MS >= long_ms]
