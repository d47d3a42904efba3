"""Is what comes from the caller only the bot's own voice, back from the caller's phone? What was played is known, so it is looked for.

Pure: it is fed both sides frame by frame. It removes nothing; it says which frames are no caller.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from voicebot.values import FRAME_MS, FRAME_SAMPLES, SILENCE_FRAME

WINDOW_MS = 160
"""How much of the line is compared at a time."""
LATEST_MS = 600
"""The latest echo that is looked for: two jitter buffers and the room."""
ALIKE = 0.8
"""Correlation from which it is an echo: over 0.95 for one through G.711, less where another voice, even a quiet one, is over it."""
SOFTER = 0.8
"""An echo is weaker than this share of what was played."""
_STEP = 2
"""Every second sample is enough for the telephone band."""

Floats = NDArray[np.float32]


class Echo:
    """What was played in one call lately, and what came back."""

    def __init__(self) -> None:
        self._played: deque[bytes] = deque([SILENCE_FRAME] * ((LATEST_MS + WINDOW_MS) // FRAME_MS), maxlen=(LATEST_MS + WINDOW_MS) // FRAME_MS)
        self._heard: deque[bytes] = deque([SILENCE_FRAME] * (WINDOW_MS // FRAME_MS), maxlen=WINDOW_MS // FRAME_MS)
        self._quiet_frames = self._played.maxlen or 0

    def frame(self, heard: bytes, played: bytes) -> None:
        """Take the 20 ms that came and the 20 ms that were played meanwhile."""
        self._heard.append(heard)
        self._played.append(played)
        self._quiet_frames = self._quiet_frames + 1 if played == SILENCE_FRAME else 0

    @property
    def back(self) -> bool:
        """Whether what came last is an echo. Costs 0.1 ms while the bot speaks, nothing else."""
        return self._quiet_frames < (self._played.maxlen or 0) and likeness(_floats(self._heard), _floats(self._played)) >= ALIKE


def likeness(heard: Floats, played: Floats) -> float:
    """The highest correlation (0–1) of `heard` with any stretch of `played` as long; 0 when it is too loud for an echo of it."""
    size = 1 << (len(heard) + len(played) - 1).bit_length()
    products = np.fft.irfft(np.fft.rfft(played, size) * np.conj(np.fft.rfft(heard, size)), size)[: len(played) - len(heard) + 1]
    energy = np.concatenate(([0.0], np.cumsum(np.square(played, dtype=np.float64))))
    stretches = energy[len(heard) :] - energy[: -len(heard)]
    own = float(np.square(heard, dtype=np.float64).sum())
    possible = stretches * SOFTER**2 > own
    if not own or not possible.any():
        return 0.0
    return float(np.max(np.abs(products[possible]) / np.sqrt(stretches[possible] * own)))


def _floats(frames: deque[bytes]) -> Floats:
    whole = b"".join(frame if len(frame) == FRAME_SAMPLES * 2 else SILENCE_FRAME for frame in frames)
    return np.frombuffer(whole, np.int16)[::_STEP].astype(np.float32)
