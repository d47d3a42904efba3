"""Many calls that are hung up at random moments, several at a time; then what is left of them, in Asterisk, in /proc and in the journal.

It judges by what is left, never by how the calls went.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voicebot.store import calls
from voicebot.store.check import check
from voicebot.testbed import measure, trend
from voicebot.testbed.bench_figures import Figure, Result
from voicebot.testbed.bench_load import NO_LIMITS, part
from voicebot.testbed.bench_runs import SPEECH
from voicebot.testbed.hangups import Callers, Desk, Moment, Played, Progress, plans
from voicebot.testbed.leftovers import held, left_over, lost_processes, settled
from voicebot.testbed.processes import heap_bytes
from voicebot.testbed.rig import Rig
from voicebot.testbed.synth import synth

AGENTS = ("6001", "6002", "6003", "6004")
SETTINGS: Mapping[str, Any] = {**NO_LIMITS, "pbx.agents": AGENTS, "turns.no_rtp_ms": 3_000, "handover.ring_s": 5, "handover.max_wait_s": 15}
"""For `rig`: what decides how long a caller who vanished is waited for is short, so that many calls fit into the time."""
WARM_UP = 16
"""Calls before the count begins: what is made once and kept is made by them."""
SAMPLE_S = 2.0
EACH = 10
JUDGED_AFTER_S = 300.0
"""Shorter runs only tell how memory grew: all that is made once, such as threads and caches, is still being made."""
QUESTION = "how can I pay my bill"


@dataclass
class Memory:
    """Memory of each part, sampled beside the calls."""

    times_s: list[float] = field(default_factory=list)
    bytes: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def watch(self, rig: Rig) -> None:
        """Sample until cancelled."""
        while True:
            family = rig.processes()
            self.take(time.monotonic(), {each.pid: part(each) for each in family})
            await asyncio.sleep(SAMPLE_S)

    def take(self, at_s: float, parts: Mapping[int, str]) -> None:
        """One sample: the memory of `parts`, by process id."""
        total: Counter[str] = Counter()
        for pid, name in parts.items():
            total[name] += heap_bytes(pid)
        self.times_s.append(at_s)
        for name, size in total.items():
            self.bytes[name].append(size)

    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """One sample of `EACH`, for JSON: seconds since the first, and MiB by part."""
        kept = range(0, len(self.times_s), EACH)
        sizes = {name: [size / 2**20 for size in sizes] for name, sizes in self.bytes.items() if len(sizes) == len(self.times_s)}
        return tuple({"memory_at_s": self.times_s[at] - self.times_s[0], **{name: values[at] for name, values in sizes.items()}} for at in kept)

    def figures(self) -> tuple[Figure, ...]:
        """Growth over the second half of the run with its 95 % confidence interval; under 1 % is the bar."""
        return tuple(self._figure(name, sizes) for name, sizes in sorted(self.bytes.items()))

    def _figure(self, name: str, sizes: Sequence[int]) -> Figure:
        grown = trend.second_half(self.times_s[-len(sizes) :], sizes)
        told = f"memory of {name}, growth over the second half (95 % between {grown.low:.2f} and {grown.high:.2f} %; {sizes[-1] / 2**20:.0f} MiB now)"
        long_enough = self.times_s[-1] - self.times_s[0] >= JUDGED_AFTER_S
        return Figure(told, grown.percent, "%", 1 if long_enough else None)


@dataclass(frozen=True, slots=True)
class Size:
    """How many calls, how many at a time, from which seed; no call is begun later than `minutes` after the first."""

    calls: int = 2_000
    parallel: int = 8
    seed: int = 1
    minutes: float = 30.0


async def soak(rig: Rig, size: Size, progress: Progress) -> Result:
    """Play all calls, then look at what is left. `rig` is to be a fresh one, made with SETTINGS."""
    desk, memory = Desk(random.Random(size.seed)), Memory()
    question = await synth(QUESTION, "flite:rms", SPEECH)
    async with desk.open(rig):
        run = Callers(rig, desk, question)
        progress(f"warming up with {WARM_UP} calls")
        await run.play(plans(WARM_UP, size.seed - 1), size.parallel, time.monotonic() + 120, progress)
        before, family = await settled(lambda: held(rig)), rig.processes()
        run.played.clear()
        progress(f"seed {size.seed}: {size.calls} calls, {size.parallel} at a time, begun within {size.minutes:g} minutes")
        begun_s = time.monotonic()
        async with asyncio.TaskGroup() as scope:
            watching = scope.create_task(memory.watch(rig))
            await run.play(plans(size.calls, size.seed), size.parallel, begun_s + 60 * size.minutes, progress)
            watching.cancel()
        took_s = time.monotonic() - begun_s
        progress("waiting for the last callers who vanished to be noticed")
        after = await settled(lambda: held(rig), before)
    lasting = (lost_processes(family, rig.processes()), *left_over(before, after), *await _records(rig, run.played), *memory.figures())
    return Result((*_course(run.played, size.calls, took_s), *lasting), (*(each.row() for each in run.played), *memory.rows()))


def _course(played: Sequence[Played], count: int, took_s: float) -> tuple[Figure, ...]:
    ways = Counter(each.way for each in played)
    moments = Counter(each.plan.moment for each in played if each.reached)
    return (
        Figure("calls placed", len(played), bar=count, at_most=False),
        Figure("time for them", took_s, "s"),
        *(Figure(f"ended by {way}", ways[way]) for way in sorted(ways)),
        *(Figure(f"ended in: {moment}", moments[moment]) for moment in Moment),
    )


async def _records(rig: Rig, played: Sequence[Played]) -> tuple[Figure, ...]:
    """Every answered call has one record, and every record one seal. Who hung up before the bot was there may have none."""
    url = rig.settings.store.url
    answered = {each.ani: each.answered for each in played}
    summaries = [each for each in await calls.recent(url, 10 * len(played) + 100) if each.ani in answered]
    found = Counter(each.ani for each in summaries)
    seals = Counter([measure.seals((await calls.show(url, each.call_id)).lines) for each in summaries])
    checked = await check(url)
    broken = ", ".join(sorted({violation.invariant for found in checked.wrong.values() for violation in found}))
    return (
        Figure("answered calls without exactly one record", sum(found[ani] != 1 for ani, was in answered.items() if was), bar=0),
        Figure("unanswered calls with more than one record", sum(found[ani] > 1 for ani, was in answered.items() if not was), bar=0),
        Figure(f"records not sealed exactly once, of {len(summaries)}", len(summaries) - seals[1], bar=0),
        Figure(f"records that break an invariant{f': {broken}' if broken else ''}", len(checked.wrong), bar=0),
    )
