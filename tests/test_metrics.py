from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from voicebot.metrics import CONTENT_TYPE, LAG_BUCKETS_S, STAGE_BUCKETS_S, Metrics, watch_loop_lag


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


def test_a_blocked_loop_is_seen_as_lag() -> None:
    late_s, count = lag_of_a_loop_that_blocks(0.08)
    assert late_s > 0.06
    assert count >= 1


def test_a_free_loop_has_little_lag_and_is_measured_again_and_again() -> None:
    late_s, count = lag_of_a_loop_that_blocks(0)
    assert count >= 3
    assert late_s / count < 0.03
