"""Music on hold, made by us: slow soft chords that loop without a seam. Pure; the same bytes each time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voicebot.values import SAMPLE_RATE_HZ

CHORD_S = 4
ATTACK_S = 0.9
PEAK = 0.12
"""Of full scale, about -18 dBFS: music under speech level, so that a phone's echo canceller and the caller's ear rest."""
CHORDS_HZ = (
    (130.81, 261.63, 329.63, 392.00, 493.88),  # C major 7
    (110.00, 220.00, 261.63, 329.63, 392.00),  # A minor 7
    (87.31, 220.00, 261.63, 349.23, 440.00),  # F major
    (98.00, 196.00, 246.94, 293.66, 440.00),  # G add 9
)

Samples = npt.NDArray[np.float64]


def hold_music() -> bytes:
    """16 seconds of 16 kHz pcm; the last chord rings on into the first, so a player may repeat it for ever."""
    loop = np.zeros(len(CHORDS_HZ) * CHORD_S * SAMPLE_RATE_HZ)
    for position, chord in enumerate(CHORDS_HZ):
        sound = _chord(chord)
        at = (np.arange(sound.size) + position * CHORD_S * SAMPLE_RATE_HZ) % loop.size
        loop[at] += sound
    loop *= PEAK * 32_767 / np.abs(loop).max()
    return loop.astype("<i2").tobytes()


def _chord(frequencies_hz: tuple[float, ...]) -> Samples:
    at_s = np.arange(int(2 * CHORD_S * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    swell = np.minimum(at_s / ATTACK_S, 1.0) * np.clip((2 * CHORD_S - at_s) / CHORD_S, 0.0, 1.0) ** 2
    return np.asarray(swell * np.sum([_voice(hz, at_s) for hz in frequencies_hz], axis=0))


def _voice(hz: float, at_s: Samples) -> Samples:
    partials = sum(np.sin(2 * np.pi * hz * n * at_s) / n**2.5 for n in (1, 2, 3))
    return np.asarray(partials * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * at_s + hz)))
