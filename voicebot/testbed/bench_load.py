"""CPU that a voicebot uses per call, while calls are up. It reads /proc and does nothing else."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from voicebot.testbed.bench_figures import Figure
from voicebot.testbed.processes import Process


class Load:
    """CPU seconds by part over all `with load:` blocks, and seconds of calls over all `with load.call():` blocks inside."""

    def __init__(self, processes: Callable[[], tuple[Process, ...]]) -> None:
        self._processes = processes
        self._before_s: dict[int, float] = {}
        self._cpu_s: defaultdict[str, float] = defaultdict(float)
        self._call_s = 0.0

    def __enter__(self) -> None:
        self._before_s = {each.pid: each.cpu_s for each in self._processes()}

    def __exit__(self, *_: object) -> None:
        for each in self._processes():
            self._cpu_s[part(each)] += each.cpu_s - self._before_s.get(each.pid, 0.0)

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


def part(process: Process) -> str:
    """Which part of the voicebot a process is."""
    if "usr/sbin/asterisk" in process.command:
        return "Asterisk"
    return "controller" if " voicebot serve" in process.command else "workers"
