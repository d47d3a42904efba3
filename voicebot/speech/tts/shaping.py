"""From a synthesiser's raw samples to telephone pcm: resampled, silence cut away, pauses held short, one loudness for every voice.

Pure functions on arrays. It never starts a program and never reads a file.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from voicebot.errors import EngineError
from voicebot.speech.tts.manner import NEUTRAL
from voicebot.values import SAMPLE_RATE_HZ

Samples = NDArray[np.float32]
Steps = NDArray[np.bool_]

SHAPE = "1"
"""Part of every phrase's cache key: raise it when the figures below or the code change what is heard."""

LOUDNESS_DBFS = -20.0
PEAK_DBFS = -1.0
LEAD_MS = 20
TAIL_MS = 80

_STEP_MS = 10
_STEP = SAMPLE_RATE_HZ * _STEP_MS // 1000
_QUIET_DB = 36.0  # below the loudest 10 ms: a soft "f" or "h" stays, breath and the synthesisers' noise floor (-55 dB) go
_VOICED_DB = 20.0


def shape(samples: Samples, rate_hz: int) -> bytes:
    """Mono `samples` in -1..1 at `rate_hz` → pcm with ≤ 20 ms of silence before, ≤ 80 ms after, and pauses as in NEUTRAL.

    The RMS of its voiced part is -20 dBFS, or less where its peak would pass -1 dBFS. Raises EngineError when there is nothing to hear.
    """
    resampled = samples if rate_hz == SAMPLE_RATE_HZ else soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ).astype(np.float32)
    whole = np.pad(resampled, (0, -len(resampled) % _STEP))
    levels = _levels(whole)
    if not levels.size or levels.max() < 1e-4:
        raise EngineError("the voice made no sound for this text; give it words to say")
    steps = whole.reshape(-1, _STEP)[_kept(levels > levels.max() * _ratio(-_QUIET_DB))]
    return (_loud(steps.ravel()) * 32_767).round().astype("<i2").tobytes()


def _levels(whole: Samples) -> Samples:
    levels: Samples = np.sqrt(np.mean(whole.reshape(-1, _STEP) ** 2, axis=1))
    return levels


def _kept(audible: Steps) -> Steps:
    """Which steps stay: every audible one, and of each quiet stretch its two ends."""
    steps = np.arange(len(audible))
    heard = steps[audible]
    since = steps - heard[np.searchsorted(heard, steps, side="right") - 1]
    until = heard[np.minimum(np.searchsorted(heard, steps), len(heard) - 1)] - steps
    inside = (steps > heard[0]) & (steps < heard[-1])
    half = NEUTRAL.pause_ms // _STEP_MS // 2
    lead = (steps <= heard[0]) & (until <= LEAD_MS // _STEP_MS)
    tail = (steps >= heard[-1]) & (since <= TAIL_MS // _STEP_MS)
    kept: Steps = lead | tail | inside & ((since <= half) | (until <= half))
    return kept


def _loud(pcm: Samples) -> Samples:
    levels = _levels(pcm)
    voiced = levels[levels > levels.max() * _ratio(-_VOICED_DB)]
    gain = _ratio(LOUDNESS_DBFS) / float(np.sqrt(np.mean(voiced**2)))
    return pcm * np.float32(min(gain, _ratio(PEAK_DBFS) / float(np.abs(pcm).max())))


def _ratio(db: float) -> float:
    return float(10 ** (db / 20))
