"""What a controller says at /metrics: read, counted between two times, and nothing at all when nobody answers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from voicebot.metrics import Metrics
from voicebot.testbed import scrape
from voicebot.testbed.scrape import parse, percentile, scraped
from voicebot.up import free_port

Run = Callable[[Coroutine[Any, Any, Any]], Any]
LAG = "voicebot_loop_lag_seconds"


def said(lags_s: list[float]) -> scrape.Scrape:
    metrics = Metrics()
    for lag_s in lags_s:
        metrics.loop_lag.observe(lag_s)
    return parse(metrics.render().decode())


def test_our_own_metrics_are_read() -> None:
    metrics = Metrics()
    metrics.calls_in_progress.inc(3)
    metrics.calls.labels("contained").inc()
    found = parse("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + metrics.render().decode())
    assert found["voicebot_calls_in_progress"] == 3
    assert found['voicebot_calls_total{outcome="contained"}'] == 1
    assert not any(name.startswith(("#", "HTTP", "Content")) for name in found)


@pytest.mark.parametrize(("share", "bound_s"), [(50, 0.002), (90, 0.002), (99, 0.05), (100, 0.05)])
def test_a_percentile_is_the_edge_of_its_bucket_never_below_what_was_seen(share: float, bound_s: float) -> None:
    assert percentile({}, said([0.0015] * 95 + [0.04] * 5), LAG, share) == bound_s


def test_only_what_was_seen_between_the_two_looks_counts() -> None:
    before, after = said([2.0] * 50), said([2.0] * 50 + [0.0005] * 50)
    assert percentile(before, after, LAG, 99) == 0.001


def test_one_late_timer_in_a_hundred_does_not_show_two_do() -> None:
    assert percentile({}, said([0.0005] * 99 + [0.9]), LAG, 99) == 0.001
    assert percentile({}, said([0.0005] * 98 + [0.9] * 2), LAG, 99) == 1.0


def test_nothing_seen_is_no_figure() -> None:
    assert math.isnan(percentile({}, {}, LAG, 99))
    assert math.isnan(percentile(said([1.0]), said([1.0]), LAG, 99))


def test_a_controller_is_asked_over_http(run: Run) -> None:
    async def scenario() -> scrape.Scrape:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert (await reader.readline()) == b"GET /metrics HTTP/1.1\r\n"
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n# HELP x\nvoicebot_tasks 17.0\n")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            return await scraped("127.0.0.1", server.sockets[0].getsockname()[1])

    assert run(scenario()) == {"voicebot_tasks": 17.0}


def test_nobody_there_says_nothing(run: Run) -> None:
    assert run(scraped("127.0.0.1", free_port("127.0.0.1"))) == {}


def test_who_does_not_answer_in_time_says_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape, "ANSWERS_WITHIN_S", 0.1)

    async def scenario() -> scrape.Scrape:
        gone = asyncio.Event()

        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            gone.set()

        async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
            found = await scraped("127.0.0.1", server.sockets[0].getsockname()[1])
            await gone.wait()
        return found

    assert run(scenario()) == {}
