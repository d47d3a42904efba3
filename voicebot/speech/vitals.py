"""A worker process as Linux shows it (proc(5)): does it work, would it work if it were let, or is it hung? It ends no process itself.

A worker on a machine that is full gets little of the processor. To kill it would cost its callers their words, and the machine the start of another.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 10
"""A worker that is merely starved is given so many times as long as one that is let work."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """CPU time used so far, and whether the process has work in hand: it runs, or waits for the processor or the disk."""

    cpu_s: float = 0.0
    at_work: bool = False


class Watch:
    """Judges one process by one look after another."""

    def __init__(self, hung_s: float) -> None:
        self._hung_s = hung_s
        self._progress_s = 0.0
        self._since = self._before = Vitals()

    def hung(self, progress_s: float, owing_s: float, now: Vitals) -> bool:
        """Whether it will not answer any more. `progress_s`: when it last did, by any clock; `owing_s`: how long it has owed an answer since.

        One that owes for over `hung_s` is hung when it had as much CPU time and made nothing of it, or was found asleep or stopped twice in a row:
        once it may just have answered. One that would work and is not let is waited for, PATIENCE times as long.
        """
        if progress_s != self._progress_s:
            self._progress_s, self._since = progress_s, now
        before, self._before = self._before, now
        if owing_s <= self._hung_s:
            return False
        idle = not (now.at_work or before.at_work)
        return idle or now.cpu_s - self._since.cpu_s >= self._hung_s or owing_s > PATIENCE * self._hung_s


def vitals(pid: int) -> Vitals:
    """Of the process now; of one that is gone, none."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (OSError, ValueError):
        return Vitals()
    return Vitals((int(fields[10]) + int(fields[11])) / os.sysconf("SC_CLK_TCK"), state in "RD")


def memory_mb(pid: int) -> int:
    """What the process holds in memory of its own, shared pages left out; 0 when it is gone."""
    try:
        resident, shared = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1:3]
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * resource.getpagesize() >> 20
