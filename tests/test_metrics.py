from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from tests.kit.clock import run_virtual
from voicebot import metrics as metrics_module
from voicebot.admission import Measures
from voicebot.metrics import CONTENT_TYPE, LAG_BUCKETS_S, SMOOTHED_S, STAGE_BUCKETS_S, Metrics, Smoothed, watch_loop_lag, watch_work


def figure(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


@dataclass
class Load:
    backlog: int = 0
    spooled: int = 0
    lost: int = 0


def test_calls_in_progress_and_outcomes_are_counted() -> None:
    metrics = Metrics()
    metrics.calls_in_progress.inc()
    metrics.calls_in_progress.inc()
    metrics.calls_in_progress.dec()
    metrics.calls.labels("handed_over").inc()
    assert figure(metrics, "voicebot_calls_in_progress") == 1
    assert figure(metrics, "voicebot_calls_total", outcome="handed_over") == 1
    assert figure(metrics, "voicebot_calls_total", outcome="failed") is None


@pytest.mark.parametrize(("length_ms", "below", "above"), [(690, "0.7", "0.6"), (1_100, "1.1", "1.0"), (49, "0.05", None), (9_000, "+Inf", "5.0")])
def test_a_stage_latency_falls_into_its_bucket(length_ms: float, below: str, above: str | None) -> None:
    metrics = Metrics()
    metrics.observe_stage("total", length_ms)
    assert figure(metrics, "voicebot_stage_seconds_bucket", stage="total", le=below) == 1
    assert above is None or figure(metrics, "voicebot_stage_seconds_bucket", stage="total", le=above) == 0
    assert figure(metrics, "voicebot_stage_seconds_sum", stage="total") == pytest.approx(length_ms / 1_000)


def test_buckets_reach_from_50_ms_to_5_s_and_hold_the_bars_of_the_turn_table() -> None:
    assert (STAGE_BUCKETS_S[0], STAGE_BUCKETS_S[-1]) == (0.05, 5.0)
    assert {0.15, 0.5, 0.7, 0.8, 1.0, 1.1, 1.5} <= set(STAGE_BUCKETS_S)
    assert list(STAGE_BUCKETS_S) == sorted(STAGE_BUCKETS_S)
    assert list(LAG_BUCKETS_S) == sorted(LAG_BUCKETS_S)


def test_the_journals_load_is_read_at_each_scrape() -> None:
    metrics, load = Metrics(), Load()
    metrics.watch_journal(load)
    assert figure(metrics, "voicebot_journal_spooled_lines") == 0
    load.backlog, load.spooled, load.lost = 3, 40, 5
    assert figure(metrics, "voicebot_journal_backlog_lines") == 3
    assert figure(metrics, "voicebot_journal_spooled_lines") == 40
    assert figure(metrics, "voicebot_journal_lost_lines") == 5


def test_workers_are_counted_by_kind_and_state() -> None:
    metrics = Metrics()
    metrics.workers.labels("recogniser", "ready").set(2)
    assert figure(metrics, "voicebot_workers", kind="recogniser", state="ready") == 2


def test_two_instances_share_nothing_and_the_global_registry_stays_clean() -> None:
    first, second = Metrics(), Metrics()
    first.faults.labels("media").inc()
    assert figure(second, "voicebot_faults_total", where="media") is None
    assert not any(family.name.startswith("voicebot") for family in REGISTRY.collect())


def test_the_page_is_prometheus_text_with_help_and_process_figures() -> None:
    metrics = Metrics()
    metrics.observe_stage("hold", 400)
    families = {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}
    assert {"voicebot_calls_in_progress", "voicebot_stage_seconds", "voicebot_loop_lag_seconds", "process_open_fds"} <= families.keys()
    assert all(family.documentation for family in families.values())
    assert CONTENT_TYPE.startswith("text/plain")


def lag_of_a_loop_that_blocks(block_s: float) -> tuple[float, float]:
    async def run() -> None:
        watch = asyncio.timeout(0.1)
        with suppress(TimeoutError):
            async with watch:
                asyncio.get_running_loop().call_later(0.012, time.sleep, block_s)
                await watch_loop_lag(metrics, interval_s=0.01)

    metrics = Metrics()
    asyncio.run(run())
    late = figure(metrics, "voicebot_loop_lag_seconds_sum")
    count = figure(metrics, "voicebot_loop_lag_seconds_count")
    assert late is not None
    assert count is not None
    return late, count


def test_a_leaked_task_is_seen() -> None:
    async def counted() -> tuple[float | None, float | None]:
        metrics = Metrics()
        async with asyncio.TaskGroup() as scope:
            watching = scope.create_task(watch_loop_lag(metrics, interval_s=0.01))
            await asyncio.sleep(0)
            before = figure(metrics, "voicebot_tasks")
            leaked = scope.create_task(asyncio.Event().wait())
            after = figure(metrics, "voicebot_tasks")
            for task in (watching, leaked):
                task.cancel()
        return before, after

    assert asyncio.run(counted()) == (2, 3)


def test_a_blocked_loop_is_seen_as_lag() -> None:
    late_s, count = lag_of_a_loop_that_blocks(0.08)
    assert late_s > 0.06
    assert count >= 1


def test_a_free_loop_has_little_lag_and_is_measured_again_and_again() -> None:
    late_s, count = lag_of_a_loop_that_blocks(0)
    assert count >= 3
    assert late_s / count < 0.03


def test_lag_buckets_tell_a_99th_percentile_about_20_ms() -> None:
    assert {0.01, 0.015, 0.02, 0.03} <= set(LAG_BUCKETS_S)


# What admission looks at.


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=50))
def test_a_lasting_change_shows_the_same_however_often_it_is_sampled(intervals_s: list[float]) -> None:
    smoothed = Smoothed()
    for interval_s in intervals_s:
        smoothed.take(1.0, interval_s)
    assert smoothed.value == pytest.approx(1 - math.exp(-sum(intervals_s) / SMOOTHED_S))


def test_one_outlier_is_no_change() -> None:
    smoothed = Smoothed(1.0)
    smoothed.take(20.0, 0.1)
    assert 1.0 < smoothed.value < 2.0


def test_refusals_are_counted_by_reason() -> None:
    metrics = Metrics()
    metrics.refusals.labels("cpu").inc()
    assert figure(metrics, "voicebot_refusals_total", reason="cpu") == 1
    assert figure(metrics, "voicebot_draining") == 0


@dataclass
class Worker:
    pid: int
    ready: bool = True
    backlog_ms: int = 0


class Machine:
    """CPU time used so far, by process; this one is `ours_s`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ours_s = 100.0
        self.used_s: dict[int, float] = {}
        monkeypatch.setattr(time, "process_time", lambda: self.ours_s)
        monkeypatch.setattr(metrics_module, "_cpu_s_of", self._used)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})

    def _used(self, pid: int) -> float | None:
        return self.used_s.get(pid)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def watched(metrics: Metrics, recognisers: Sequence[Worker], others: Sequence[Worker], works: Callable[[], None], seconds: int) -> Measures:
    """What admission sees after `works` was called each second, just before it is measured."""

    async def scenario() -> None:
        async with asyncio.TaskGroup() as scope:
            watch = scope.create_task(watch_work(metrics, recognisers, others))
            for _ in range(seconds * 2):
                await asyncio.sleep(0.499)
                works()
                await asyncio.sleep(0.001)
            watch.cancel()

    run_virtual(scenario())
    return metrics.measures()


def test_cpu_is_the_share_of_all_cores_that_we_and_our_workers_use(machine: Machine) -> None:
    machine.used_s = {7: 1_000.0, 8: 0.0}

    def works() -> None:
        machine.ours_s += 0.1
        machine.used_s = {7: machine.used_s[7] + 0.25, 8: machine.used_s[8] + 0.25}

    metrics = Metrics()
    found = watched(metrics, [Worker(7)], [Worker(8)], works, seconds=30)
    assert found.cpu == pytest.approx(0.6, abs=0.01), "0.6 s of CPU in each half second, on two cores"
    assert figure(metrics, "voicebot_cpu_share") == pytest.approx(found.cpu)


def test_a_worker_that_comes_or_goes_is_no_jump(machine: Machine) -> None:
    worker = Worker(7)
    machine.used_s = {7: 5_000.0}
    lives = iter([8, 9, 10] * 100)

    def restarts() -> None:
        del machine.used_s[worker.pid]
        worker.pid = next(lives)
        machine.used_s[worker.pid] = 0.1

    assert watched(Metrics(), [worker], [], restarts, seconds=20).cpu <= 0.11


def test_the_backlog_is_that_of_the_ready_recogniser_least_behind(machine: Machine) -> None:
    workers = [Worker(1, backlog_ms=3_000), Worker(2, backlog_ms=700), Worker(3, ready=False)]
    metrics = Metrics()
    found = watched(metrics, workers, [Worker(4, backlog_ms=0)], lambda: None, seconds=30)
    assert found.backlog_ms == pytest.approx(700, rel=0.01)
    assert figure(metrics, "voicebot_recogniser_backlog_seconds") == pytest.approx(0.7, rel=0.01)


def test_without_a_recogniser_there_is_no_backlog(machine: Machine) -> None:
    assert watched(Metrics(), [Worker(3, ready=False)], [], lambda: None, seconds=2).backlog_ms == 0


def test_what_a_living_process_has_used_is_read_and_one_that_is_gone_has_no_figure() -> None:
    before_s = metrics_module._cpu_s_of(os.getpid())
    until_s = time.process_time() + 0.1
    while time.process_time() < until_s:
        pass
    after_s = metrics_module._cpu_s_of(os.getpid())
    assert before_s is not None
    assert after_s is not None
    assert after_s - before_s >= 0.08
    assert metrics_module._cpu_s_of(0) is None


def test_a_late_loop_is_seen_by_admission() -> None:
    metrics = Metrics()
    metrics.lag_s.take(0.25, 60)
    assert metrics.measures().loop_lag_ms == pytest.approx(250)
    assert figure(metrics, "voicebot_loop_lag_smoothed_seconds") == pytest.approx(0.25)


def test_workers_are_counted_by_kind_and_by_whether_they_take_work(machine: Machine) -> None:
    machine.used_s = {7: 0.0, 8: 0.0, 9: 0.0}
    metrics = Metrics()
    watched(metrics, [Worker(7), Worker(8, ready=False)], [Worker(9)], lambda: None, seconds=1)
    counted = [figure(metrics, "voicebot_workers", kind=kind, state=state) for kind in ("recogniser", "other") for state in ("ready", "down")]
    assert counted == [1, 1, 1, 0]
