"""What Prometheus reads at /metrics, in a registry of our own; names and units after
https://prometheus.io/docs/practices/naming/. Labels are few and fixed: never a call, a number or a text.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

STAGE_BUCKETS_S = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3, 1.5, 2.0, 3.0, 5.0)
LAG_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0)
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


class Metrics:
    """One process's figures. Metric objects are public: `metrics.calls_in_progress.inc()`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls_in_progress = Gauge("voicebot_calls_in_progress", "Calls with the bot now", registry=self.registry)
        self.calls = Counter("voicebot_calls", "Calls sealed, by outcome", ["outcome"], registry=self.registry)
        self.faults = Counter("voicebot_faults", "Faults journalled, by part", ["where"], registry=self.registry)
        self.stages = Histogram("voicebot_stage_seconds", "Latency by stage of a turn", ["stage"], buckets=STAGE_BUCKETS_S, registry=self.registry)
        self.loop_lag = Histogram("voicebot_loop_lag_seconds", "How late the event loop ran a timer", buckets=LAG_BUCKETS_S, registry=self.registry)
        self.workers = Gauge("voicebot_workers", "Worker processes by kind and state", ["kind", "state"], registry=self.registry)
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

    def render(self) -> bytes:
        """All figures in Prometheus' text format, to be served as `CONTENT_TYPE`."""
        return generate_latest(self.registry)


async def watch_loop_lag(metrics: Metrics, interval_s: float = 0.1) -> None:
    """Measure for ever how late the loop is. One task of the app's TaskGroup."""
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + interval_s
        await asyncio.sleep(interval_s)
        metrics.loop_lag.observe(max(0.0, loop.time() - due_s))
