"""Does the caller's line stand out from what is behind the caller? Talk and clatter behind him are voices too, but no louder than they have been.

Pure: it is fed levels and keeps no clock. It hears no words and knows no echo; it says whether somebody near the phone may be speaking.
"""

from __future__ import annotations

from collections import deque

from voicebot.values import FRAME_MS

QUIET_DB = -60.0
"""A line is taken for no quieter than this."""


class Surroundings:
    """The usual level of one line between the caller's words, in dB below full scale."""

    NEAR_DB = 9.0
    """A room full of talk stays within this of its mean for 98 of 100 stretches; a caller 10 dB above the room rises past it in every word or two."""
    STRETCH_FRAMES = 8
    """A clatter is shorter, a syllable is not."""
    SETTLES_MS = 1_000
    LINGER_MS = 300
    """He may drop his voice within a word."""

    def __init__(self) -> None:
        self.usual_db = QUIET_DB
        self._lately: deque[float] = deque(maxlen=self.STRETCH_FRAMES)
        self._away_ms = self.LINGER_MS

    def frame(self, level_db: float, voiced: bool, lost: bool = False) -> None:
        """Take the level of the next 20 ms that came, and whether it was taken for a voice: one that is near is no part of the
        surroundings. A `lost` frame tells nothing."""
        if lost:
            return
        self._lately.append(10 ** (level_db / 10))
        clear = level_db >= self.usual_db and self._mean() >= 10 ** ((self.usual_db + self.NEAR_DB) / 10)
        self._away_ms = 0 if clear else self._away_ms + FRAME_MS
        if not (voiced and self.near):
            self.usual_db += (max(level_db, QUIET_DB) - self.usual_db) * FRAME_MS / self.SETTLES_MS

    @property
    def near(self) -> bool:
        """Whether the line has just been clear of its surroundings."""
        return self._away_ms < self.LINGER_MS

    def _mean(self) -> float:
        return sum(self._lately) / len(self._lately)
