"""What Prometheus reads at /metrics, in a registry of our own; names and units after
https://prometheus.io/docs/practices/naming/. Labels are few and fixed: never a call, a number or a text.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from voicebot.admission import Measures

STAGE_BUCKETS_S = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3, 1.5, 2.0, 3.0, 5.0)
LAG_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0)
"""Fine around 20 ms, the bar for the 99th percentile."""
SMOOTHED_S = 2.0
"""Admission sees figures smoothed over this long: one late timer refuses nobody, two seconds of them do."""
WORK_EVERY_S = 0.5
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class JournalLoad(Protocol):
    """What the journal says about itself."""

    @property
    def backlog(self) -> int:
        """Lines in memory."""

    @property
    def spooled(self) -> int:
        """Lines in the spool."""

    @property
    def lost(self) -> int:
        """Lines lost since start."""


@dataclass(slots=True)
class Smoothed:
    """An exponentially weighted mean: a lasting change shows to 63 % after SMOOTHED_S, whatever the intervals between samples."""

    value: float = 0.0

    def take(self, sample: float, interval_s: float) -> None:
        """Weigh in what was measured over the last `interval_s`."""
        self.value += (sample - self.value) * (1 - math.exp(-interval_s / SMOOTHED_S))


class Metrics:
    """One process's figures. Metric objects are public: `metrics.calls_in_progress.inc()`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls_in_progress = Gauge("voicebot_calls_in_progress", "Calls with the bot now", registry=self.registry)
        self.refusals = Counter("voicebot_refusals", "Calls sent straight to the queue, by reason", ["reason"], registry=self.registry)
        self.draining = Gauge("voicebot_draining", "1 while no new call is taken because the controller is to end", registry=self.registry)
        self.calls = Counter("voicebot_calls", "Calls sealed, by outcome", ["outcome"], registry=self.registry)
        self.renewals = Counter("voicebot_knowledge_renewals", "Changes of the knowledge base: done, refused", ["result"], registry=self.registry)
        self.faults = Counter("voicebot_faults", "Faults journalled, by part", ["where"], registry=self.registry)
        self.stages = Histogram("voicebot_stage_seconds", "Latency by stage of a turn", ["stage"], buckets=STAGE_BUCKETS_S, registry=self.registry)
        self.loop_lag = Histogram("voicebot_loop_lag_seconds", "How late the event loop ran a timer", buckets=LAG_BUCKETS_S, registry=self.registry)
        self.workers = Gauge("voicebot_workers", "Worker processes by kind and state", ["kind", "state"], registry=self.registry)
        self.tasks = Gauge("voicebot_tasks", "Tasks of the event loop: falls back to the same number whenever no call is up", registry=self.registry)
        self.cpu, self.lag_s, self.recogniser_backlog_ms = Smoothed(), Smoothed(), Smoothed()
        """What admission looks at: share of all cores used, the loop's lag, how late the least loaded recogniser is."""
        self._gauge("voicebot_cpu_share", "Share of all cores used by controller and workers, smoothed", lambda: self.cpu.value)
        self._gauge("voicebot_loop_lag_smoothed_seconds", "Loop lag as admission sees it", lambda: self.lag_s.value)
        self._gauge("voicebot_recogniser_backlog_seconds", "How late the least late recogniser is", lambda: self.recogniser_backlog_ms.value / 1_000)
        self._backlog = Gauge("voicebot_journal_backlog_lines", "Journal lines not committed yet", registry=self.registry)
        self._spooled = Gauge("voicebot_journal_spooled_lines", "Journal lines the database would not take: alarm above 0", registry=self.registry)
        self._lost = Gauge("voicebot_journal_lost_lines", "Journal lines lost since start: alarm above 0", registry=self.registry)
        ProcessCollector(registry=self.registry)

    def observe_stage(self, stage: str, length_ms: float) -> None:
        """Count one latency of `stage`: hold, recognise, decide, first_audio, total, barge_in, handover."""
        self.stages.labels(stage).observe(length_ms / 1_000)

    def watch_journal(self, journal: JournalLoad) -> None:
        """Read the journal's load at every scrape."""
        self._backlog.set_function(lambda: journal.backlog)
        self._spooled.set_function(lambda: journal.spooled)
        self._lost.set_function(lambda: journal.lost)

    def measures(self) -> Measures:
        """How hard this process works, for admission."""
        return Measures(self.cpu.value, self.lag_s.value * 1_000, self.recogniser_backlog_ms.value)

    def _gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        Gauge(name, help_text, registry=self.registry).set_function(read)

    def render(self) -> bytes:
        """All figures in Prometheus' text format, to be served as `CONTENT_TYPE`."""
        return generate_latest(self.registry)


async def watch_loop_lag(metrics: Metrics, interval_s: float = 0.1) -> None:
    """Measure for ever how late the loop is. One task of the app's TaskGroup."""
    loop = asyncio.get_running_loop()
    metrics.tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
    while True:
        due_s = loop.time() + interval_s
        await asyncio.sleep(interval_s)
        late_s = max(0.0, loop.time() - due_s)
        metrics.loop_lag.observe(late_s)
        metrics.lag_s.take(late_s, interval_s + late_s)


class WorkerLoad(Protocol):
    """What a worker process says about itself."""

    @property
    def pid(self) -> int:
        """0 before its first start."""

    @property
    def ready(self) -> bool:
        """Whether it takes work."""

    @property
    def backlog_ms(self) -> int:
        """How late its answers are."""


async def watch_work(metrics: Metrics, recognisers: Sequence[WorkerLoad], others: Sequence[WorkerLoad] = ()) -> None:
    """Measure for ever the CPU that this process and its workers use, and how late the recognisers are. Voice programs are not counted."""
    loop, cores = asyncio.get_running_loop(), len(os.sched_getaffinity(0))
    before, before_s = _cpu_s((*recognisers, *others)), loop.time()
    while True:
        await asyncio.sleep(WORK_EVERY_S)
        now, now_s = _cpu_s((*recognisers, *others)), loop.time()
        used_s = sum(cpu_s - before.get(pid, 0.0) for pid, cpu_s in now.items())
        metrics.cpu.take(used_s / (now_s - before_s) / cores, now_s - before_s)
        metrics.recogniser_backlog_ms.take(min((each.backlog_ms for each in recognisers if each.ready), default=0), now_s - before_s)
        for kind, those in (("recogniser", recognisers), ("other", others)):
            ready = sum(each.ready for each in those)
            metrics.workers.labels(kind, "ready").set(ready)
            metrics.workers.labels(kind, "down").set(len(those) - ready)
        before, before_s = now, now_s


def _cpu_s(workers: Iterable[WorkerLoad]) -> Mapping[int, float]:
    """CPU time by process, this one and the living workers. One that ended takes its figure with it, so that its life is not counted as a jump."""
    used = {each.pid: cpu_s for each in workers if (cpu_s := _cpu_s_of(each.pid)) is not None}
    return {**used, os.getpid(): time.process_time()}


def _cpu_s_of(pid: int) -> float | None:
    """User and system time of a process (proc(5)), or None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
