"""Mouth-to-ear against the number of calls, every caller speaking a given share of the time, and the knee of that curve.

Phones share the machine with the voicebot: what they take of it, and how late they sent, stands beside each figure.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from rich.table import Table

from voicebot.testbed import bench_runs as runs
from voicebot.testbed import measure, scrape
from voicebot.testbed.bench_figures import Figure, Result
from voicebot.testbed.bench_load import Look, look, used
from voicebot.testbed.chatter import Chatter, Span, within
from voicebot.testbed.g711 import Samples
from voicebot.testbed.leftovers import channels
from voicebot.testbed.questions import Question
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import Exchange, Spoken
from voicebot.testbed.synth import synth
from voicebot.testbed.ticker import Ticker

LEAST_TURNS = 30
"""A level with few calls is measured for longer, until about so many questions were asked."""
TURN_S = 6.0
DIALS_PER_S = 1.5
GREETING_S = 12.0
POLL_S = 0.5
DRAINED_S = 60.0
P95_BAR_MS = 1_500
LOST_SHARE = 10
"""The knee: right answers fell by this many points against the least number of calls."""
CONNECTED_SHARE = 90
"""The knee: less than this share of the calls was up, so that it was not this number of calls that was measured."""
FILLER = "prompt/one_moment"
LATE_MS = 20
"""Phones that sent later than this against their own clock make the figures of their level doubtful."""
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Level:
    """One number of calls. Shares and CPU are per cent; CPU of a part is of one core and per call, `machine` of all cores."""

    calls: int
    connected: float
    """Calls that were up, on average over the time measured."""
    talk: float
    turns: int
    """Questions asked, those that nobody replied to as well."""
    p50_ms: float
    p95_ms: float
    """Mouth-to-ear over all turns; infinite where no reply came."""
    answered: float
    right: float
    handed_over: int
    failed: int
    controller: float
    workers: float
    asterisk: float
    phones: float
    machine: float
    loop_lag_p99_ms: float
    backlog_ms: float
    phones_late_ms: float
    """99 of 100 ticks of the phones were no later than this."""


def knee(levels: Sequence[Level]) -> tuple[int | None, str]:
    """The first number of calls that is too many, and by which rule; None when all hold."""
    for level in levels:
        rules = {
            "calls failed": level.failed == 0,
            f"less than {CONNECTED_SHARE} % of the calls were up": level.connected >= CONNECTED_SHARE / 100 * level.calls,
            f"p95 over {P95_BAR_MS:,} ms": level.p95_ms <= P95_BAR_MS,
            f"right answers more than {LOST_SHARE} points below those at {levels[0].calls}": level.right >= levels[0].right - LOST_SHARE,
        }
        if broken := [rule for rule, holds in rules.items() if not holds]:
            return level.calls, broken[0]
    return None, "none of these numbers is too many"


def highest_that_holds(levels: Sequence[Level]) -> int:
    """The largest number of calls below the knee; 0 when the least is too many already."""
    too_many, _ = knee(levels)
    return max((level.calls for level in levels if too_many is None or level.calls < too_many), default=0)


@dataclass(frozen=True, slots=True)
class Course:
    """What is measured: numbers of calls, the share of the time that callers speak (per cent), how long a level lasts at least, what is asked."""

    numbers: Sequence[int]
    talk: float
    seconds: float
    questions: Sequence[Question]

    def length_s(self, number: int) -> float:
        """How long `number` calls are measured."""
        return max(self.seconds, LEAST_TURNS * TURN_S / number)


async def curve(rig: Rig, course: Course, progress: Progress) -> list[Level]:
    """One level after the other, from few calls to many. `rig` is one that takes every call."""
    references = await rig.references(runs.LANGUAGE)
    spoken = [Spoken(question, await synth(question.text, question.voice, runs.SPEECH)) for question in course.questions]
    levels = []
    for number in sorted(course.numbers):
        progress(f"{number} calls, measured for {course.length_s(number):.0f} s")
        run = await _run(rig, number, course, spoken)
        levels.append(_level(number, run, references))
        progress(_told(levels[-1]))
        await _drained(rig)
    return levels


def result(levels: Sequence[Level]) -> Result:
    """The knee, and each level as a trial. Published, not promised: there is no bar."""
    too_many, why = knee(levels)
    figures = [
        Figure("calls below the knee", highest_that_holds(levels)),
        Figure(f"knee: {why}", math.nan if too_many is None else too_many),
        *(Figure(f"mouth-to-ear p95 at {level.calls}{_doubt(level)}", level.p95_ms, "ms") for level in levels),
    ]
    return Result(tuple(figures), tuple(asdict(level) for level in levels))


def _doubt(level: Level) -> str:
    return f" (doubtful: the phones sent {level.phones_late_ms:.0f} ms late)" if level.phones_late_ms > LATE_MS else ""


def shown(levels: Sequence[Level]) -> Table:
    """The curve, for people."""
    table = Table(title="mouth-to-ear against the number of calls; CPU is of one core and per call, machine of all cores", title_justify="left")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for level in levels:
        table.add_row(*(text(level) for text in _COLUMNS.values()))
    return table


_COLUMNS: Mapping[str, Callable[[Level], str]] = {
    "calls": lambda level: f"{level.calls}",
    "up": lambda level: f"{level.connected:.1f}",
    "talk": lambda level: f"{level.talk:.0f} %",
    "turns": lambda level: f"{level.turns}",
    "p50 ms": lambda level: f"{level.p50_ms:,.0f}",
    "p95 ms": lambda level: f"{level.p95_ms:,.0f}",
    "answered": lambda level: f"{level.answered:.0f} %",
    "right": lambda level: f"{level.right:.0f} %",
    "handed over": lambda level: f"{level.handed_over}",
    "failed": lambda level: f"{level.failed}",
    "controller": lambda level: f"{level.controller:.1f} %",
    "workers": lambda level: f"{level.workers:.1f} %",
    "Asterisk": lambda level: f"{level.asterisk:.1f} %",
    "phones": lambda level: f"{level.phones:.1f} %",
    "machine": lambda level: f"{level.machine:.0f} %",
    "lag p99 ms": lambda level: f"{level.loop_lag_p99_ms:.0f}",
    "backlog ms": lambda level: f"{level.backlog_ms:.0f}",
    "phones p99 ms late": lambda level: f"{level.phones_late_ms:.0f}",
}


@dataclass(frozen=True, slots=True)
class _Run:
    """One level as it went."""

    chatters: Sequence[Chatter]
    before: Look
    after: Look
    backlog_ms: float
    late_s: float


async def _run(rig: Rig, number: int, course: Course, spoken: Sequence[Spoken]) -> _Run:
    async with _watched_queue(rig) as queued, asyncio.TaskGroup() as scope:
        chatters = [Chatter(rig, _questions(spoken, seed), course.talk / 100, queued) for seed in range(number)]
        talking = []
        for chatter in chatters:
            talking.append(scope.create_task(chatter.run()))
            await asyncio.sleep(1 / DIALS_PER_S)
        await asyncio.sleep(GREETING_S)
        Ticker.shared().lates_s.clear()
        before = await look(rig)
        backlogs_ms = await _backlogs_ms(rig, course.length_s(number))
        after, late_s = await look(rig), measure.percentile(sorted(Ticker.shared().lates_s), 99)
        for task in talking:
            task.cancel()
    return _Run(chatters, before, after, max(backlogs_ms, default=math.nan), late_s)


def _level(number: int, run: _Run, references: Mapping[str, Samples]) -> Level:
    whole: Span = (run.before.at_s, run.after.at_s)
    came = [one for chatter in run.chatters for one in chatter.came if counts(one, whole)]
    turns = [runs.turn_of(references, one) for one in came]
    waits = measure.figures([reply_ms(turn, one) for turn, one in zip(turns, came, strict=True)])
    ends = [end for chatter in run.chatters for end in chatter.ends]
    connected_s = sum(within(chatter.connected, whole) for chatter in run.chatters)
    cpu = used(run.before, run.after, connected_s)
    return Level(
        calls=number,
        connected=connected_s / (whole[1] - whole[0]),
        talk=_percent(sum(within(chatter.spoke, whole) for chatter in run.chatters), connected_s),
        turns=len(turns),
        p50_ms=waits.p50,
        p95_ms=waits.p95,
        answered=_percent(sum(turn.answered is not None for turn in turns), len(turns)),
        right=_percent(sum(turn.right for turn in turns), len(turns)),
        handed_over=ends.count("handed over"),
        failed=len(ends) - ends.count("handed over"),
        controller=cpu["controller"],
        workers=cpu["workers"],
        asterisk=cpu["Asterisk"],
        phones=cpu["phones"],
        machine=cpu["machine"],
        loop_lag_p99_ms=1_000 * scrape.percentile(run.before.said, run.after.said, "voicebot_loop_lag_seconds", 99),
        backlog_ms=run.backlog_ms,
        phones_late_ms=1_000 * run.late_s,
    )


def counts(one: Exchange, whole: Span) -> bool:
    """Whether a question belongs to what was measured: asked in it, and over in it, or by its end without a word for longer than the bar."""
    bar_s = one.last_voiced_s + P95_BAR_MS / 1_000
    overdue = bar_s <= whole[1] and one.heard.onset_s(one.last_voiced_s, bar_s) is None
    return whole[0] <= one.last_voiced_s and (one.until_s <= whole[1] or overdue)


def reply_ms(turn: runs.Turn, one: Exchange) -> float:
    """From the caller's last word to the answer, or to whatever else the bot said to the question; infinite when that was nothing, or a filler."""
    if turn.answered:
        return turn.mouth_to_ear_ms
    onset_s = one.heard.onset_s(one.last_voiced_s, one.until_s)
    filler = {phrase.name for phrase in turn.said} == {FILLER}
    return math.inf if onset_s is None or filler else 1_000 * (onset_s - one.last_voiced_s)


@asynccontextmanager
async def _watched_queue(rig: Rig) -> AsyncIterator[Mapping[str, float]]:
    """Which callers were seen in the queue, and when first (monotonic seconds)."""
    queued: dict[str, float] = {}

    async def watch() -> None:
        while True:
            for channel in channels(await rig.console("core show channels concise")):
                if channel.app == "Queue":
                    queued.setdefault(channel.ani, time.monotonic() - POLL_S)
            await asyncio.sleep(POLL_S)

    async with asyncio.TaskGroup() as scope:
        watching = scope.create_task(watch())
        yield queued
        watching.cancel()


async def _backlogs_ms(rig: Rig, length_s: float) -> list[float]:
    """How late the least late recogniser was, each second for `length_s`."""
    until_s, found = time.monotonic() + length_s, []
    while time.monotonic() < until_s:
        await asyncio.sleep(min(1.0, max(until_s - time.monotonic(), 0.0)))
        found.append(1_000 * (await rig.metrics()).get("voicebot_recogniser_backlog_seconds", math.nan))
    return found


async def _drained(rig: Rig) -> None:
    """Until the callers of a level are gone."""
    until_s = time.monotonic() + DRAINED_S
    while time.monotonic() < until_s:
        if not channels(await rig.console("core show channels concise")):
            return
        await asyncio.sleep(POLL_S)


def _questions(spoken: Sequence[Spoken], seed: int) -> itertools.cycle[Spoken]:
    """All of them again and again, in an order of each caller's own."""
    return itertools.cycle(random.Random(seed).sample(spoken, len(spoken)))


def _percent(hits: float, of: float) -> float:
    return 100 * hits / of if of else math.nan


def _told(level: Level) -> str:
    return ", ".join(f"{name} {text(level)}" for name, text in _COLUMNS.items())
