"""The named figures of one utterance, as they travel from the worker that measures them to the call that weighs them. Nothing is measured here.

Kept apart from `prosody` so that a process without librosa can hold them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CEPSTRA = 8


@dataclass(frozen=True, slots=True)
class Prosody:
    """One utterance. Levels are dB of full scale, pitches semitones above 100 Hz, times seconds; shares and `reliability` are 0–1.

    `reliability` falls with little voiced speech and an unsteady pitch (noise, several voices); not with clipping, which is what shouting does.
    `timbre` holds the means of eight mel cepstra (2 to 9) over the voiced frames.
    """

    level_db: float
    level_spread_db: float
    peak_db: float
    pitch_st: float
    pitch_top_st: float
    pitch_range_st: float
    pitch_move_st: float
    effort_db: float
    """Above 1 kHz against below: a shouting voice loses its low notes."""
    tilt_db: float
    """2–3.4 kHz against 250–500 Hz."""
    centroid_hz: float
    openness_hz: float
    """Where the energy between 300 and 1,100 Hz lies in the most open tenth of the vowels: it rises with the first formant, as the jaw opens."""
    flux: float
    """How fast the spectrum changes (log mel units a frame): crisp speech has more."""
    beat_db: float
    """How deep the pulses of the voice cut the band above 1 kHz; a loud voice rings through them."""
    rate_hz: float
    """Syllable nuclei a second."""
    pause_share: float
    voiced_share: float
    voiced_s: float
    timbre: tuple[float, ...]
    reliability: float

    def figures(self) -> Floats:
        """All that can be compared between two utterances, in the order of `FIGURES`."""
        return np.array([*(getattr(self, name) for name in FIGURES[:-CEPSTRA]), *self.timbre])


FIGURES = (
    "level_db",
    "level_spread_db",
    "pitch_st",
    "pitch_top_st",
    "pitch_range_st",
    "pitch_move_st",
    "effort_db",
    "tilt_db",
    "centroid_hz",
    "openness_hz",
    "flux",
    "beat_db",
    "rate_hz",
    "pause_share",
    "voiced_share",
    *(f"timbre_{n + 1}" for n in range(CEPSTRA)),
)
"""Names of the figures that a caller's reference and the model know; `timbre_1` to `timbre_8` are the means of `Prosody.timbre`."""
