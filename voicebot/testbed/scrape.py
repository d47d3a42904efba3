"""What a controller says of itself at /metrics, as numbers, and percentiles out of its histograms.

Source: Prometheus text format, https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping

Scrape = Mapping[str, float]
"""Samples by name with labels, as they stand in the text: `voicebot_calls_in_progress`, `voicebot_loop_lag_seconds_bucket{le="0.02"}`."""
ANSWERS_WITHIN_S = 2.0


async def scraped(host: str, port: int) -> Scrape:
    """All samples now; none when nobody answers in time."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            return parse(await _fetch(host, port))
    except (OSError, TimeoutError):
        return {}


def parse(text: str) -> Scrape:
    """The samples in an answer; comments and HTTP headers are passed over."""
    lines = [line.rpartition(" ") for line in text.splitlines() if line.startswith(("voicebot_", "process_"))]
    return {name: float(value) for name, _, value in lines}


def percentile(before: Scrape, after: Scrape, histogram: str, share: float) -> float:
    """The bound below which `share` per cent of what `histogram` saw between two scrapes lies: a bucket's upper edge, so never too
    good. nan when it saw nothing.
    """
    start = f'{histogram}_bucket{{le="'
    counts = {float(name.removeprefix(start)[:-2]): value - before.get(name, 0.0) for name, value in after.items() if name.startswith(start)}
    seen = counts.get(math.inf, 0.0)
    return next((edge for edge, count in sorted(counts.items()) if seen and count >= share / 100 * seen), math.nan)


async def _fetch(host: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return (await reader.read()).decode(errors="replace")
    finally:
        writer.close()
