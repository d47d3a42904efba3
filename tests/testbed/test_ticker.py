"""The clock: every 20 ms, without drift, spread out, and gone with the last stream."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from voicebot.testbed.ticker import Ticker


class Counter:
    """Notes when it was ticked."""

    def __init__(self) -> None:
        self.ticks_s: list[float] = []

    def tick(self, now_s: float) -> None:
        self.ticks_s.append(now_s)


class Broken(Counter):
    def tick(self, now_s: float) -> None:
        super().tick(now_s)
        if len(self.ticks_s) == 1:
            raise RuntimeError("planted")


def run(duration_s: float, *streams: Counter, stall_s: float = 0.0) -> Ticker:
    async def main() -> Ticker:
        ticker = Ticker.shared()
        for stream in streams:
            ticker.join(stream)
        await asyncio.sleep(duration_s / 2)
        time.sleep(stall_s)  # noqa: ASYNC251 - the stall is the test
        await asyncio.sleep(duration_s / 2)
        for stream in streams:
            ticker.leave(stream)
        return ticker

    return asyncio.run(main())


def test_a_stream_is_ticked_fifty_times_a_second() -> None:
    counter = Counter()
    run(1.0, counter)
    assert len(counter.ticks_s) in range(48, 53)


def test_it_does_not_drift() -> None:
    counter = Counter()
    run(1.2, counter)
    offsets_s = np.array(counter.ticks_s) - counter.ticks_s[0] - 0.02 * np.arange(len(counter.ticks_s))
    assert abs(float(np.median(offsets_s[-15:]) - np.median(offsets_s[:15]))) < 0.004


def test_streams_are_spread_over_the_twenty_milliseconds() -> None:
    counters = [Counter() for _ in range(4)]
    run(0.4, *counters)
    phases_ms = sorted(float(np.median((np.array(counter.ticks_s) - counters[0].ticks_s[0]) * 1000 % 20)) for counter in counters)
    assert phases_ms == pytest.approx([0, 5, 10, 15], abs=3.5) or phases_ms == pytest.approx([5, 10, 15, 20], abs=3.5)


def test_after_a_stall_the_missed_ticks_are_made_up_and_the_lateness_is_told() -> None:
    counter = Counter()
    ticker = run(0.6, counter, stall_s=0.2)
    assert len(counter.ticks_s) in range(37, 44)
    assert max(ticker.lates_s) == ticker.worst_late_s >= 0.19
    assert np.median(ticker.lates_s) < ticker.worst_late_s / 2


def test_the_clock_stops_with_the_last_stream() -> None:
    async def main() -> None:
        ticker, first, second = Ticker.shared(), Counter(), Counter()
        ticker.join(first)
        ticker.join(second)
        await asyncio.sleep(0.05)
        ticker.leave(first)
        left_at = len(first.ticks_s)
        await asyncio.sleep(0.05)
        assert len(first.ticks_s) == left_at
        assert len(second.ticks_s) >= 3
        ticker.leave(second)
        ticker.leave(second)
        assert ticker._timer is None
        ticker.join(first)
        await asyncio.sleep(0.05)
        assert len(first.ticks_s) > left_at
        ticker.leave(first)

    asyncio.run(main())


def test_one_that_leaves_within_its_own_tick_stops_the_clock_too() -> None:
    async def main() -> None:
        ticker = Ticker.shared()

        class Once:
            def tick(self, now_s: float) -> None:
                ticker.leave(self)

        ticker.join(Once())
        await asyncio.sleep(0.03)
        assert ticker._timer is None

    asyncio.run(main())


def test_a_fault_in_one_stream_does_not_stop_the_clock() -> None:
    async def main() -> list[str]:
        faults: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(str(context["exception"])))
        broken, sound, ticker = Broken(), Counter(), Ticker.shared()
        ticker.join(sound)
        ticker.join(broken)
        await asyncio.sleep(0.1)
        assert len(sound.ticks_s) >= 4
        assert len(broken.ticks_s) >= 4
        ticker.leave(sound)
        ticker.leave(broken)
        return faults

    assert asyncio.run(main()) == ["planted"]


def test_each_loop_has_its_own_clock() -> None:
    async def shared() -> tuple[Ticker, bool]:
        return Ticker.shared(), Ticker.shared() is Ticker.shared()

    (first, same), (second, _) = asyncio.run(shared()), asyncio.run(shared())
    assert same
    assert first is not second
