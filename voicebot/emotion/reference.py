"""What is normal for one caller: a weighted mean of the figures of calm utterances. It never decides which utterances are calm (voice.py does)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voicebot.emotion.figures import FIGURES, Floats, Prosody


@dataclass(frozen=True, slots=True)
class Reference:
    """What was learned of a caller: `weight` utterances' worth, and their mean in the order of `FIGURES` (all zero before the first)."""

    weight: float = 0.0
    mean: tuple[float, ...] = (0.0,) * len(FIGURES)

    def learned(self, prosody: Prosody, weight: float) -> Reference:
        """With one more utterance that counts for `weight` (0–1; 0 leaves the reference as it is)."""
        if weight <= 0:
            return self
        total = self.weight + weight
        mean = np.array(self.mean) + (prosody.figures() - np.array(self.mean)) * weight / total
        return Reference(total, tuple(float(x) for x in mean))

    def trust(self, pull: Floats) -> Floats:
        """How far the caller's own mean replaces the population's, for each figure: n / (n + k), 0 for a stranger.

        `pull` is k: how many utterances the population's figure is worth, the variance within one speaker over that between speakers.
        """
        return self.weight / (self.weight + pull)


STRANGER = Reference()
