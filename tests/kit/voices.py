"""Voices made of arithmetic: pulses of a known pitch through a known tilt, in syllables. No recording, so every figure is known beforehand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

RATE_HZ = 16_000


def spoken(hz: float = 120.0, level_db: float = -25.0, brightness: float = 0.3, duration_s: float = 1.5, syllables_hz: float = 4.0) -> bytes:
    """16 kHz pcm of one voice. `brightness` is 0 (dull) to 1 (every harmonic as strong as the first)."""
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    swing = hz * (1 + 0.03 * np.sin(2 * np.pi * 1.5 * time_s))
    phase = 2 * np.pi * np.cumsum(swing) / RATE_HZ
    voice = sum(np.sin(n * phase) * n ** (-2 * (1 - brightness)) for n in range(1, int(3_800 / hz)))
    shape = np.clip(1.3 * np.sin(np.pi * syllables_hz * time_s) ** 2 - 0.2, 0, 1)
    return levelled(lfilter([1], [1, -0.2], voice * shape), level_db)


def noise(level_db: float = -25.0, duration_s: float = 1.5) -> bytes:
    """White noise, always the same."""
    return levelled(np.random.default_rng(7).standard_normal(round(duration_s * RATE_HZ)), level_db)


def levelled(samples: NDArray[np.float64], level_db: float) -> bytes:
    """pcm whose RMS over the whole is `level_db` of full scale."""
    scale = 10 ** (level_db / 20) / np.sqrt(np.mean(samples**2))
    scaled = np.clip(np.rint(samples * scale * 32_768), -32_768, 32_767).astype("<i2")
    return bytes(scaled.tobytes())


def louder(pcm: bytes, gain_db: float) -> bytes:
    """The same with a gain, clipped at full scale."""
    return np.clip(np.rint(np.frombuffer(pcm, "<i2") * 10 ** (gain_db / 20)), -32_768, 32_767).astype("<i2").tobytes()
