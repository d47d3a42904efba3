"""The same voice, slower: speech stretched in time without changing its pitch, by overlapping waveforms where they fit best (WSOLA).

After W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity" (ICASSP 1993). Pure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicebot.values import SAMPLE_RATE_HZ

STRETCH = 1.25
_WINDOW = SAMPLE_RATE_HZ * 30 // 1000
_HOP = _WINDOW // 2
_SEARCH = SAMPLE_RATE_HZ * 8 // 1000
Samples = NDArray[np.float64]


def slowed(pcm: bytes, stretch: float = STRETCH) -> bytes:
    """16 kHz `pcm`, `stretch` times as long. What is shorter than a window comes back as it is."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    if len(samples) < 2 * _WINDOW:
        return pcm
    hops = int(len(samples) * stretch) // _HOP
    padded = np.pad(samples, (_SEARCH, _WINDOW + _SEARCH + _HOP))
    made = np.zeros((hops + 1) * _HOP + _HOP)
    fade = np.hanning(_WINDOW)
    at = _SEARCH
    for hop in range(hops):
        made[hop * _HOP : hop * _HOP + _WINDOW] += fade * padded[at : at + _WINDOW]
        wanted = _SEARCH + min(len(samples), int((hop + 1) * _HOP / stretch))
        at = _nearest(padded, wanted, padded[at + _HOP : at + _HOP + _WINDOW])
    return np.clip(made[: int(len(samples) * stretch)], -32_768, 32_767).astype("<i2").tobytes()


def _nearest(samples: Samples, wanted: int, follow: Samples) -> int:
    """Where near `wanted` the waveform goes on as `follow` does."""
    around = samples[wanted - _SEARCH : wanted + _SEARCH + _WINDOW]
    fits = np.correlate(around, follow, "valid")
    return wanted - _SEARCH + int(np.argmax(fits)) if len(fits) else wanted
