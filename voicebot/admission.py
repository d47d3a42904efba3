"""Whether one more call is taken. The decision is a pure function of what this process carries now; `Gate` remembers that between calls.

It measures nothing, and moves no caller: who is refused is the app's to send on to the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from voicebot.settings import Admission

Strain = Literal["cpu", "loop lag", "backlog"]
Reason = Literal["draining", "calls", "calls of this number"] | Strain
EASED = 0.8
"""A measure that was over its limit counts as over it until it has fallen below this part of it: else admission would flap."""


@dataclass(frozen=True, slots=True)
class Measures:
    """How hard this process works, each smoothed over some seconds: CPU as a share of all cores (0–1), the loop's lag, the recognisers' lateness."""

    cpu: float = 0.0
    loop_lag_ms: float = 0.0
    backlog_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """What this process carries as a caller comes: calls with the bot, how many of those show his number, and what is strained."""

    calls: int
    of_number: int
    strains: frozenset[Strain] = frozenset()
    draining: bool = False


def strained(now: Measures, limits: Admission, before: frozenset[Strain]) -> frozenset[Strain]:
    """The measures that are over their limit, or were and have not eased yet."""
    measured: tuple[tuple[Strain, float, float], ...] = (
        ("cpu", now.cpu, limits.cpu),
        ("loop lag", now.loop_lag_ms, limits.loop_lag_ms),
        ("backlog", now.backlog_ms, limits.backlog_ms),
    )
    return frozenset(name for name, value, limit in measured if value > (limit * EASED if name in before else limit))


def refusal(load: Load, limits: Admission) -> Reason | None:
    """Why the next call is not taken, or None when it is."""
    if load.draining:
        return "draining"
    if load.calls >= limits.calls:
        return "calls"
    if load.of_number >= limits.calls_per_number:
        return "calls of this number"
    return min(load.strains, default=None)


def withheld(ani: str) -> bool:
    """Whether `ani` is no number: callers who show none have nothing in common and share no cap. Trunks write it as nothing, or as zeros."""
    return not ani.strip("+0")


class Gate:
    """Counts the calls with the bot and decides on the next. `measure` gives the load of this moment."""

    def __init__(self, limits: Admission, measure: Callable[[], Measures] = Measures) -> None:
        self.draining = False
        self.empty = asyncio.Event()
        """Set while no call is with the bot."""
        self.empty.set()
        self._limits = limits
        self._measure = measure
        self._strains: frozenset[Strain] = frozenset()
        self._calls: Counter[str] = Counter()

    @property
    def calls(self) -> int:
        """Calls with the bot now."""
        return self._calls.total()

    def refusal(self, ani: str) -> Reason | None:
        """Why a call from `ani` is not taken now, or None. Count it with `counted` before anything else runs."""
        self._strains = strained(self._measure(), self._limits, self._strains)
        of_number = 0 if withheld(ani) else self._calls[ani]
        return refusal(Load(self.calls, of_number, self._strains, self.draining), self._limits)

    @contextlib.contextmanager
    def counted(self, ani: str) -> Iterator[None]:
        """One call from `ani` that is with the bot until the block is left."""
        self._calls[ani] += 1
        self.empty.clear()
        try:
            yield
        finally:
            self._calls[ani] -= 1
            self._calls += Counter()  # forget numbers that have no call: a Counter keeps their zero
            if not self._calls:
                self.empty.set()
