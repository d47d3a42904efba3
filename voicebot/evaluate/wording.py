"""How far what was heard lies from what was said: edits between two texts, and error rates with their uncertainty. Pure arithmetic."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voicebot.speech.asr.hypothesis import spoken

RESAMPLED = 1_000
"""Draws behind an interval."""

_Way = tuple[int, int, int, int]
"""Edits so far: all, substituted, deleted, inserted."""
_UNIT = re.compile(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Edits:
    """The fewest edits that turn what was said, `length` units, into what was heard."""

    substituted: int = 0
    deleted: int = 0
    inserted: int = 0
    length: int = 0

    def __add__(self, other: Edits) -> Edits:
        return Edits(self.substituted + other.substituted, self.deleted + other.deleted, self.inserted + other.inserted, self.length + other.length)

    @property
    def count(self) -> int:
        return self.substituted + self.deleted + self.inserted

    @property
    def rate(self) -> float:
        """Edits a unit: over 1 when more was invented than said. 0 when nothing was said and nothing heard."""
        return self.count / max(1, self.length)


def words(text: str) -> list[str]:
    """The units of a word error rate. In Mandarin, which writes no spaces, they are characters, as is usual; other words in it stay whole."""
    return _UNIT.findall(spoken(text))


def characters(text: str) -> list[str]:
    """The units of a character error rate."""
    return [character for character in spoken(text) if not character.isspace()]


def edits(said: Sequence[str], heard: Sequence[str]) -> Edits:
    """The fewest edits (Levenshtein). Of equally few, those with the fewest substitutions."""
    row: list[_Way] = [(n, 0, 0, n) for n in range(len(heard) + 1)]
    for number, unit in enumerate(said, 1):
        above, row = row, [(number, 0, number, 0)]
        for place, other in enumerate(heard, 1):
            count, substituted, deleted, inserted = above[place - 1]
            wrong = unit != other
            kept = (count + wrong, substituted + wrong, deleted, inserted)
            count, substituted, deleted, inserted = above[place]
            without = (count + 1, substituted, deleted + 1, inserted)
            count, substituted, deleted, inserted = row[-1]
            row.append(min(kept, without, (count + 1, substituted, deleted, inserted + 1)))
    return Edits(*row[-1][1:], length=len(said))


def interval(each: Sequence[Edits], seed: int) -> tuple[float, float]:
    """Where the error rate would lie for 95 of 100 samples of recordings like these (bootstrap over recordings; Bisani and Ney, 2004)."""
    counts = np.array([(one.count, one.length) for one in each], np.float64).reshape(-1, 2)
    if not counts[:, 1].sum():
        return 0.0, 0.0
    drawn = np.random.default_rng(seed).integers(0, len(counts), (RESAMPLED, len(counts)))
    sums = counts[drawn].sum(axis=1)
    low, high = np.quantile(sums[:, 0] / np.maximum(1, sums[:, 1]), (0.025, 0.975))
    return float(low), float(high)
