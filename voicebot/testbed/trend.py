"""Does a figure grow? A straight line through its samples, with how sure that is. Pure.

Sources: ordinary least squares; neighbours in time that agree count for less, as n (1 - r) / (1 + r) samples (r: lag-1 autocorrelation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

LEAST_SAMPLES = 8
SURE = 0.975
"""Both tails together leave 5 %."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Growth over a span in per cent of what it began with, and its 95 % confidence interval; nan with too few samples."""

    percent: float
    low: float
    high: float


def growth(times_s: Sequence[float], values: Sequence[float]) -> Growth:
    """How much the line through `values` rises from the first to the last of `times_s`."""
    count = len(times_s)
    if count < LEAST_SAMPLES:
        return Growth(math.nan, math.nan, math.nan)
    at_s = np.asarray(times_s, float) - times_s[0]
    level = np.asarray(values, float)
    slope, begin = np.polyfit(at_s, level, 1)
    left = level - (slope * at_s + begin)
    worth = _independent(left)
    spread_s = float(((at_s - at_s.mean()) ** 2).sum())
    error = math.sqrt(float(left @ left) / (count - 2) / spread_s * count / worth)
    margin = float(stdtrit(max(worth - 2, 1), SURE)) * error
    scale = 100 * at_s[-1] / begin
    return Growth(float(slope * scale), float((slope - margin) * scale), float((slope + margin) * scale))


def second_half(times_s: Sequence[float], values: Sequence[float]) -> Growth:
    """`growth` over the later half of the time: what starts, warms up first."""
    middle_s = (times_s[0] + times_s[-1]) / 2 if times_s else 0.0
    late = [(at_s, value) for at_s, value in zip(times_s, values, strict=True) if at_s >= middle_s]
    return growth([at_s for at_s, _ in late], [value for _, value in late])


def _independent(left: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """How many independent samples these residuals are worth."""
    power = float(left @ left)
    echo = float(left[:-1] @ left[1:]) / power if power else 0.0
    return len(left) * (1 - max(echo, 0.0)) / (1 + max(echo, 0.0))
