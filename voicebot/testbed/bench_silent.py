"""Many calls in which nobody speaks: half of the lines are silent, half play hold music into the bot. What does it cost just to listen?

The bot is told not to mind silence. Whom it lets go all the same, because it took music for speech, calls again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from voicebot.telephony.pbx_music import hold_music
from voicebot.testbed import audio, measure, scrape
from voicebot.testbed.bench_figures import Figure, Result
from voicebot.testbed.bench_load import NO_LIMITS, Look, look, used
from voicebot.testbed.g711 import Samples
from voicebot.testbed.leftovers import channels
from voicebot.testbed.phone import Phone
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import HOTLINE, new_number
from voicebot.testbed.sip import PhoneError
from voicebot.testbed.ticker import Ticker
from voicebot.values import SAMPLE_RATE_HZ

SETTINGS: Mapping[str, Any] = {**NO_LIMITS, "turns.no_speech_ms": 3_600_000}
CPU_BAR = 0.4
LAG_BAR_MS = 20
DIALS_PER_S = 3.0
GREETING_S = 15.0
"""From the last call's begin until all have heard their greeting."""
POLL_S = 1.0
STAYED = 0.9
"""At least so many of the calls are with the bot at any moment of the measurement, else it measured something else."""
Progress = Callable[[str], None]


@dataclass
class Crowd:
    """A phone that holds `count` calls up."""

    count: int
    rig: Rig
    phone: Phone
    music: Samples
    redialled: int = 0
    queued: set[str] = field(default_factory=set)

    async def call(self, plays: bool) -> None:
        """Call again and again, until cancelled."""
        while True:
            with contextlib.suppress(PhoneError, TimeoutError):
                await self._one_call(plays)
            self.redialled += 1
            await asyncio.sleep(POLL_S)

    async def _one_call(self, plays: bool) -> None:
        """Until the bot lets the caller go."""
        ani = new_number()
        async with self.phone.dial(HOTLINE, ani) as call:
            await call.wait_answered(30)
            while ani not in self.queued and not call.ended.is_set():
                if plays:
                    await call.play(self.music)
                else:
                    await asyncio.sleep(POLL_S)

    async def watch_queue(self) -> None:
        """See who was let go, until cancelled."""
        while True:
            self.queued |= {each.ani for each in channels(await self.rig.console("core show channels concise")) if each.app == "Queue"}
            await asyncio.sleep(2 * POLL_S)


async def silent(rig: Rig, count: int, seconds: float, progress: Progress) -> Result:
    """`count` calls at once, measured over `seconds` after all have been greeted. `rig` is one made with SETTINGS."""
    async with rig.phone() as phone, asyncio.TaskGroup() as scope:
        callers = Crowd(count, rig, phone, music())
        tasks = [scope.create_task(callers.watch_queue())]
        progress(f"dialling {count} calls")
        for number in range(count):
            tasks.append(scope.create_task(callers.call(plays=number % 2 == 1)))
            await asyncio.sleep(1 / DIALS_PER_S)
        await asyncio.sleep(GREETING_S)
        progress(f"{await rig.calls_in_progress()} calls are up; measuring for {seconds:g} s")
        callers.redialled = 0
        Ticker.shared().lates_s.clear()
        before = await look(rig)
        up = await _with_bot(rig, seconds)
        after, lates_s = await look(rig), sorted(Ticker.shared().lates_s)
        for task in tasks:
            task.cancel()
    return Result(_figures(callers, before, after, up, measure.percentile(lates_s, 99)))


def music() -> Samples:
    """The private Asterisk's own hold music, as it comes over the telephone."""
    return audio.resample(np.frombuffer(hold_music(), "<i2").astype(np.int16), SAMPLE_RATE_HZ)


async def _with_bot(rig: Rig, seconds: float) -> list[int]:
    """How many calls were with the bot, each second."""
    found = []
    loop = asyncio.get_running_loop()
    until_s = loop.time() + seconds
    while loop.time() < until_s:
        await asyncio.sleep(min(POLL_S, max(until_s - loop.time(), 0.0)))
        found.append(await rig.calls_in_progress() or 0)
    return found


def _figures(callers: Crowd, before: Look, after: Look, up: Sequence[int], late_s: float) -> tuple[Figure, ...]:
    call_s = sum(up) / len(up) * (after.at_s - before.at_s)
    cpu = used(before, after, call_s)
    lag_s = scrape.percentile(before.said, after.said, "voicebot_loop_lag_seconds", 99)
    return (
        Figure("calls with the bot at any moment, at least", min(up), bar=STAYED * callers.count, at_most=False),
        Figure("calls that the bot let go, and that called again", callers.redialled),
        Figure("CPU per call, controller", cpu["controller"], "%", CPU_BAR),
        Figure("loop lag p99", 1_000 * lag_s, "ms", LAG_BAR_MS),
        Figure("CPU per call, workers", cpu["workers"], "%"),
        Figure("CPU per call, Asterisk", cpu["Asterisk"], "%"),
        Figure("CPU per call, phones of the test bed", cpu["phones"], "%"),
        Figure("CPU of the whole machine", cpu["machine"], "%"),
        Figure("phones sent late p99", 1_000 * late_s, "ms"),
    )
