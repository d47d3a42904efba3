"""What the simulated calls show: who was handed over in time, and whether all together beats each part alone. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from voicebot.evaluate.calls import KINDS, Result, Simulated, in_time
from voicebot.evaluate.metrics import Labels, Scores

RESAMPLES: Final = 300
SURE: Final = 0.95
FUSED: Final = "fused"


@dataclass(frozen=True, slots=True)
class Rate:
    """Of the calls of one kind, the share that was handed over (where anger begins: in time), with its confidence interval (Wilson)."""

    system: str
    kind: str
    calls: int
    share: float
    low: float
    high: float
    bar: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Apart:
    """How well a system's scores tell calls with anger from others (AUC), and by how much `fused` is better, with its confidence interval."""

    system: str
    auc: float
    less: float = 0.0
    low: float = 0.0
    high: float = 0.0


Judged = Mapping[str, Sequence[tuple[Simulated, Result]]]
"""By system, the same calls in the same order."""


def rates(judged: Judged) -> list[Rate]:
    """One for each system and kind, and one for all kinds without anger together."""
    found = []
    for system, calls in judged.items():
        for kind in KINDS:
            hits = [in_time(call, result) for call, result in calls if call.kind == kind]
            found.append(_rate(system, kind.name, hits, kind.bar, most=kind.anger_at is None))
        found.append(_rate(system, "all without anger", [in_time(*one) for one in calls if one[0].kind.anger_at is None], 0.01, most=True))
    return found


def apart(judged: Judged, seed: int = 0) -> list[Apart]:
    """Bootstrap over calls, paired: each resample scores every system on the same calls."""
    angry = np.array([call.kind.anger_at is not None for call, _ in judged[FUSED]])
    scores = {system: np.array([result.score for _, result in calls]) for system, calls in judged.items()}
    chance = np.random.default_rng(seed)
    drawn = [_resampled(angry, chance) for _ in range(RESAMPLES)]
    aucs = {system: np.array([roc_auc_score(angry[chosen], found[chosen]) for chosen in drawn]) for system, found in scores.items()}
    return [_apart(system, scores, aucs, angry) for system in judged]


def table(found: Sequence[Rate], compared: Sequence[Apart]) -> str:
    """For a person."""
    lines = ["SIMULATION: recordings and sentences put together into calls", ""]
    lines += [f"{'':<12} {'calls':<18} {'n':>5} {'handed over':>11} {'95 %':>15} {'bar':>7}"]
    lines += [
        f"{rate.system:<12} {rate.kind:<18} {rate.calls:>5} {rate.share:>11.1%} {rate.low:>7.1%}–{rate.high:<7.1%} "
        f"{'≤' if rate.bar < 0.5 else '≥'}{rate.bar:.0%} {'' if rate.passed else 'missed'}".rstrip()
        for rate in found
    ]
    lines += ["", f"{'':<12} {'AUC':>6}   fused is better by"]
    lines += [
        f"{one.system:<12} {one.auc:>6.3f}" + ("" if one.system == FUSED else f"   {one.less:+.3f} ({one.low:+.3f} to {one.high:+.3f})")
        for one in compared
    ]
    return "\n".join(lines)


def _rate(system: str, kind: str, hits: Sequence[bool], bar: float, *, most: bool) -> Rate:
    interval = binomtest(sum(hits), len(hits)).proportion_ci(SURE, "wilson")
    share = sum(hits) / len(hits)
    return Rate(system, kind, len(hits), share, float(interval.low), float(interval.high), bar, share <= bar if most else share >= bar)


def _apart(system: str, scores: Mapping[str, Scores], aucs: Mapping[str, Scores], angry: Labels) -> Apart:
    auc = float(roc_auc_score(angry, scores[system]))
    low, high = np.percentile(aucs[FUSED] - aucs[system], [50 * (1 - SURE), 50 * (1 + SURE)])
    return Apart(system, auc, float(roc_auc_score(angry, scores[FUSED])) - auc, float(low), float(high))


def _resampled(angry: Labels, chance: np.random.Generator) -> Sequence[int]:
    """As many of each sort as there were."""
    sorts = (np.flatnonzero(angry), np.flatnonzero(~angry))
    return [int(n) for sort in sorts for n in chance.choice(sort, len(sort))]
