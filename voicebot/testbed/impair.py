"""What a bad line does to one call's outgoing RTP: loss, bursts, jitter, reordering, duplicates, stalls. Seeded, so that a run can be repeated.

Pure: decides for each packet when copies of it leave; never sends and never reads a clock. (Clock drift is the pace itself: rtp.py.)
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Impairment:
    """How bad the line is. Probabilities are 0–1; `burst` is the mean number of packets lost in a row once one is lost (1: independent losses)."""

    loss: float = 0.0
    burst: float = 1.0
    jitter_ms: float = 0.0
    """Each packet is held for a uniform random time from 0 to this; order is kept."""
    reorder: float = 0.0
    """Share of packets held back until the next one or two have left."""
    duplicate: float = 0.0
    stall_ms: float = 0.0
    stall_every_ms: float = 1_000.0
    """Once in each `stall_every_ms` nothing gets through for `stall_ms`; then all of it comes at once."""
    drift_ppm: float = 0.0
    """How much faster (or, negative, slower) than real time this caller's sound card runs."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("loss", "reorder", "duplicate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; a probability lies between 0 and 1")
        if self.burst < 1 or self.jitter_ms < 0:
            raise ValueError("burst is at least 1 packet, jitter_ms at least 0")
        if not 0 <= self.stall_ms <= self.stall_every_ms or not self.stall_every_ms:
            raise ValueError("stall_ms lies between 0 and stall_every_ms")


class Line:
    """One call's state of an Impairment."""

    def __init__(self, impairment: Impairment) -> None:
        self.impairment = impairment
        self._random = random.Random(impairment.seed)
        self._losing = False
        self._last_leaves_s = 0.0

    def departures(self, now_s: float) -> tuple[float, ...]:
        """When (same clock as `now_s`) the copies of the packet due now leave: none if lost, two if duplicated."""
        if self._lost():
            return ()
        leaves_s = self._leaves(now_s)
        return (leaves_s, leaves_s) if self._random.random() < self.impairment.duplicate else (leaves_s,)

    def _lost(self) -> bool:
        """Independent losses, or a two-state Gilbert model with the loss rate and mean burst length asked for."""
        loss, burst = self.impairment.loss, self.impairment.burst
        if burst == 1 or loss == 1:
            return self._random.random() < loss
        into_burst, within_burst = loss / (burst * (1 - loss)), 1 - 1 / burst
        self._losing = self._random.random() < (within_burst if self._losing else into_burst)
        return self._losing

    def _leaves(self, now_s: float) -> float:
        if self._random.random() < self.impairment.reorder:
            return now_s + self._random.uniform(0.025, 0.055)
        held_s = self._random.uniform(0, self.impairment.jitter_ms) / 1000
        self._last_leaves_s = max(self._last_leaves_s, now_s + held_s + self._stalled_s(now_s))
        return self._last_leaves_s

    def _stalled_s(self, now_s: float) -> float:
        into_s = now_s % (self.impairment.stall_every_ms / 1000)
        return max(self.impairment.stall_ms / 1000 - into_s, 0.0)
