"""Pitch and mel filters from librosa, the only place that imports it. Never leaves a half-written numba cache behind.

Two processes that compile librosa's functions into one cache at once corrupt it, and every later run dies with a segmentation fault. So the
import happens under a file lock, into a folder of our own (`NUMBA_CACHE_DIR` where set), and compiles all that is used before it lets go.
The first time on a machine takes about 20 s, later starts about 2 s.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8_000
LOWEST_HZ, HIGHEST_HZ = 70.0, 500.0
FRAME_SAMPLES = 512
HOP_SAMPLES = 80

_CACHE = Path.home() / ".cache" / "voicebot" / "numba"


@contextmanager
def _alone_with_the_cache() -> Iterator[None]:
    folder = Path(os.environ.setdefault("NUMBA_CACHE_DIR", str(_CACHE)))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def pitch_hz(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Fundamental frequency of 8 kHz `samples` (at least 64 ms), one figure each 10 ms, frame k centred at 10 k ms. Unvoiced frames hold nonsense.

    Source: librosa.yin (de Cheveigné and Kawahara, 2002).
    """
    track: NDArray[np.float64] = librosa.yin(
        samples, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=RATE_HZ, frame_length=FRAME_SAMPLES, hop_length=HOP_SAMPLES, center=True
    )
    return track


def mel_filters(count: int, lowest_hz: float, highest_hz: float) -> NDArray[np.float32]:
    """`count` × 257 mel weights for the power spectrum of a 512-point transform at 8 kHz. Source: librosa.filters.mel."""
    filters: NDArray[np.float32] = librosa.filters.mel(sr=RATE_HZ, n_fft=FRAME_SAMPLES, n_mels=count, fmin=lowest_hz, fmax=highest_hz)
    return filters


with _alone_with_the_cache():
    import librosa

    pitch_hz(np.sin(np.arange(RATE_HZ // 4, dtype=np.float32)))
    mel_filters(26, 200.0, 3_600.0)
