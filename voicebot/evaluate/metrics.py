"""How well scores tell two kinds apart, and how true they are as probabilities. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score, roc_curve

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]

BINS = 10
THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one group of recordings. None where the group lacks one of the two kinds that the figure compares."""

    group: str
    recordings: int
    angry: int
    auc_calm: float | None
    """Anger against neutral and calm."""
    auc_all: float | None
    """Anger against everything else; so are the four that follow."""
    equal_error_rate: float | None
    f1: float | None
    """At a probability of 0.5."""
    calibration_error: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Recordings whose score lies between two tenths: how many, their mean score, and the share that is angry."""

    count: int
    score: float
    angry: float


def figures(group: str, scores: Scores, angry: Labels, calm: Labels) -> Figures:
    """`angry` and `calm` mark the recordings; what is neither counts against anger in all but `auc_calm`."""
    versus_calm = angry | calm
    both = bool(angry.any() and not angry.all())
    return Figures(
        group,
        len(scores),
        int(np.count_nonzero(angry)),
        float(roc_auc_score(angry[versus_calm], scores[versus_calm])) if angry.any() and calm.any() else None,
        float(roc_auc_score(angry, scores)) if both else None,
        equal_error_rate(scores, angry) if both else None,
        float(f1_score(angry, scores >= THRESHOLD, zero_division=0.0)) if both else None,
        calibration_error(scores, angry) if both else None,
    )


def equal_error_rate(scores: Scores, angry: Labels) -> float:
    """The rate at which as large a share of the angry is missed as of the others is accused."""
    accused, found, _ = roc_curve(angry, scores)
    missed = 1 - found
    where = int(np.argmin(np.abs(accused - missed)))
    return float((accused[where] + missed[where]) / 2)


def reliability(scores: Scores, angry: Labels) -> list[Bin]:
    """The bins of a reliability diagram that hold anything, ten of equal width."""
    which = np.minimum((scores * BINS).astype(int), BINS - 1)
    return [
        Bin(int(np.count_nonzero(inside)), float(scores[inside].mean()), float(angry[inside].mean()))
        for inside in (which == number for number in range(BINS))
        if inside.any()
    ]


def calibration_error(scores: Scores, angry: Labels) -> float:
    """Expected calibration error: how far score and share of anger lie apart, on average over the recordings (Naeini and others, 2015)."""
    return sum(part.count * abs(part.score - part.angry) for part in reliability(scores, angry)) / len(scores)
