"""CPU that a voicebot uses per call, while calls are up. It reads /proc and does nothing else."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from voicebot.testbed.bench_figures import Figure
from voicebot.testbed.processes import CORES, Process, busy_s
from voicebot.testbed.rig import Rig
from voicebot.testbed.scrape import Scrape

NO_LIMITS: Mapping[str, Any] = {
    "admission.calls": 1_000,
    "admission.calls_per_number": 1_000,
    "admission.cpu": 1.0,
    "admission.loop_lag_ms": 60_000,
    "admission.backlog_ms": 60_000,
}
"""Settings for a rig that takes every call, so that what admission protects from can be measured."""


class Load:
    """CPU seconds by part over all `with load:` blocks, and seconds of calls over all `with load.call():` blocks inside."""

    def __init__(self, processes: Callable[[], tuple[Process, ...]]) -> None:
        self._processes = processes
        self._before: tuple[Process, ...] = ()
        self._cpu_s: defaultdict[str, float] = defaultdict(float)
        self._call_s = 0.0

    def __enter__(self) -> None:
        self._before = self._processes()

    def __exit__(self, *_: object) -> None:
        for name, cpu_s in cpu_by_part(self._before, self._processes()).items():
            self._cpu_s[name] += cpu_s

    @contextmanager
    def call(self) -> Iterator[None]:
        """One call, from dialling to its end."""
        begun_s = time.monotonic()
        try:
            yield
        finally:
            self._call_s += time.monotonic() - begun_s

    def figures(self) -> tuple[Figure, ...]:
        """Per cent of one core for one call; none when no process was at hand."""
        return tuple(Figure(f"CPU per call, {name}", 100 * cpu_s / self._call_s, "%") for name, cpu_s in sorted(self._cpu_s.items()) if self._call_s)


def cpu_by_part(before: Iterable[Process], after: Iterable[Process]) -> dict[str, float]:
    """CPU seconds between two looks, by part; a process that was born meanwhile counts from its birth."""
    began_s = {each.pid: each.cpu_s for each in before}
    used_s: defaultdict[str, float] = defaultdict(float)
    for each in after:
        used_s[part(each)] += each.cpu_s - began_s.get(each.pid, 0.0)
    return used_s


@dataclass(frozen=True, slots=True)
class Look:
    """What stood at one instant: the voicebot's processes and its own word, CPU seconds of the phones (this process) and of all cores."""

    at_s: float
    family: tuple[Process, ...]
    said: Scrape
    phones_s: float
    machine_s: float


async def look(rig: Rig) -> Look:
    """Look now."""
    return Look(time.monotonic(), rig.processes(), await rig.metrics(), time.process_time(), busy_s())


def used(before: Look, after: Look, call_s: float) -> dict[str, float]:
    """CPU between two looks: `controller`, `workers`, `Asterisk` and `phones` in per cent of one core for each of the calls, which together
    lasted `call_s`; `machine` in per cent of all cores, whoever used them.
    """
    parts = {
        "controller": 0.0,
        "workers": 0.0,
        "Asterisk": 0.0,
        **cpu_by_part(before.family, after.family),
        "phones": after.phones_s - before.phones_s,
    }
    per_call = {name: 100 * cpu_s / call_s if call_s else math.nan for name, cpu_s in parts.items()}
    return {**per_call, "machine": 100 * (after.machine_s - before.machine_s) / (after.at_s - before.at_s) / CORES}


def part(process: Process) -> str:
    """Which part of the voicebot a process is."""
    if "usr/sbin/asterisk" in process.command:
        return "Asterisk"
    return "controller" if " voicebot serve" in process.command else "workers"
