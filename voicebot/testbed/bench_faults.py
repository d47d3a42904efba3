"""`scripts/bench faults`: each named fault put to a voicebot with live calls, and what became of every caller, at the caller's phone.

The bot's own word counts for nothing here but in one figure: that each record is sealed once and holds what a record must.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from rich.table import Table

from voicebot.errors import StoreError, VoicebotError, plain
from voicebot.store import calls
from voicebot.store.history import violations
from voicebot.testbed import launch, measure
from voicebot.testbed.bench_figures import Figure, Result
from voicebot.testbed.bench_load import NO_LIMITS
from voicebot.testbed.callers import Line, asked_for_a_person, conversing, dialled, watched
from voicebot.testbed.fate import Fate, Seen, fate, figures
from voicebot.testbed.leftovers import bridges, channels
from voicebot.testbed.pair import pair
from voicebot.testbed.relay import HOST, Relay
from voicebot.testbed.rig import Rig, rig
from voicebot.testbed.scenario import HOTLINE
from voicebot.testbed.sip import PhoneError
from voicebot.testbed.strikes import FAULTS, Fault, Scene
from voicebot.up import free_port

LAUNCH = ("voicebot.testbed.launch", "voicebot")
SETTLED_S = 20.0
RECOVERED_S = 60.0
Progress = Callable[[str], None]


@dataclass
class Struck:
    """One strike of one fault: the callers, and what was left when they had hung up."""

    fates: list[Fate] = field(default_factory=list)
    channels: int = 0
    bridges: int = 0
    unsealed: int = 0
    broken: list[str] = field(default_factory=list)
    """Violations of what a record must be, in words."""
    asterisk_ended: bool = False
    recovered_s: float = 0.0


@asynccontextmanager
async def stage(fault: Fault) -> AsyncIterator[Scene]:
    """A voicebot that can be broken: with a relay before its controller when the fault needs one, or with a second controller."""
    port = free_port(HOST)
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(Relay.open(port)) if fault.relay else None
        if fault.pair:
            own = (await stack.enter_async_context(pair(NO_LIMITS))).rig
        else:
            environment = {launch.VIA: str(relay.port)} if relay else {}
            own = await stack.enter_async_context(rig({"serve.port": port, **NO_LIMITS}, module=LAUNCH, environment=environment))
        yield Scene(own, relay, random.Random(1))


async def faults(names: Sequence[str], count: int, repeat: int, progress: Progress) -> dict[str, Result]:
    """Each named fault; one that could not be measured has failed."""
    found: dict[str, Result] = {}
    for name in names:
        try:
            found[name] = await measured(name, count, repeat, progress)
        except (VoicebotError, TimeoutError) as error:
            found[name] = Result((Figure(f"could not be measured: {plain(error)}", math.nan, bar=0),))
    return found


async def measured(name: str, count: int, repeat: int, progress: Progress) -> Result:
    """Strike `repeat` times, each time with `count` calls; one voicebot for all of them. Raises VoicebotError."""
    fault = FAULTS[name]
    struck: list[Struck] = []
    async with stage(fault) as scene:
        for turn in range(repeat):
            progress(f"{name}, strike {turn + 1} of {repeat}: {fault.what}")
            struck.append(await strike(scene, fault, count))
    return result(fault, struck, count * repeat)


async def strike(scene: Scene, fault: Fault, count: int) -> Struck:
    """Calls up, fault, callers watched, mended, hung up, and what is left."""
    asterisk = scene.rig.asterisk().pid
    came = Struck()
    async with scene.rig.phone() as phone, AsyncExitStack() as mended:
        async with AsyncExitStack() as placed:
            if fault.invite:
                await mended.enter_async_context(fault.strike(scene))
                lines = [await placed.enter_async_context(dialled(phone)) for _ in range(count)]
            else:
                lines = await conversing(scene.rig, phone, placed, count)
                for line in lines:
                    line.struck_s = time.monotonic()
                await mended.enter_async_context(fault.strike(scene))
            await watched(scene.rig, lines, fault.watch_s)
            watched_s = time.monotonic()
            await asked_for_a_person(scene.rig, lines)
        came.asterisk_ended = not _runs(scene.rig, asterisk)
        if came.asterisk_ended:  # then nobody tells the phones that their calls are over
            for line in lines:
                line.ended_s = line.ended_s or line.struck_s
        await mended.aclose()
        came.recovered_s = await _recovered(scene.rig)
        await _left(scene.rig, came)
    records = [await _record(scene.rig, line.ani) for line in lines]
    for line, record in zip(lines, records, strict=True):
        came.fates.append(fate(_seen(line, watched_s, record)))
        if record is None:
            came.unsealed += not fault.invite
            continue
        came.unsealed += measure.seals(record.lines) != 1
        came.broken += [f"{found.invariant}: {found.what}" for found in violations(record.lines)]
    return came


def result(fault: Fault, struck: Sequence[Struck], calls: int) -> Result:
    """All strikes of one fault, on `calls` calls together, as figures."""
    fates = [each for one in struck for each in one.fates]
    left = Figure("channels and bridges left", sum(one.channels + one.bridges for one in struck), bar=0)
    unsealed = Figure("records not sealed once", sum(one.unsealed for one in struck), bar=0)
    broken = [what for one in struck for what in one.broken]
    ended = Figure("Asterisk ended", sum(one.asterisk_ended for one in struck), bar=None if fault.asterisk_ends else 0)
    again = Figure("next call answered by the bot after", max(one.recovered_s for one in struck), "s", RECOVERED_S)
    violated = (Figure("records that break a rule", len(broken), bar=0), *(Figure(what, 1) for what in sorted(set(broken))))
    callers = figures(fates, calls, fault.bar_s, lost_by_nature=fault.asterisk_ends, stay=fault.pair)
    return Result((*callers, left, unsealed, ended, again, *violated), tuple(each.row() for each in fates))


COLUMNS = {
    "calls": "calls",
    "in queue": "in queue",
    "resumed": "resumed",
    "went on": "went on",
    "stranded": "stranded",
    "lost": "lost",
    "back p50": "p50",
    "back max": "max",
    "silence max": "silent",
    "channels and bridges left": "left",
    "records not sealed once": "unsealed",
    "Asterisk ended": "Asterisk",
    "records that break a rule": "broken",
    "next call answered by the bot after": "again",
}

BARRED = "back max"
WIDTH = 180
"""Columns of text that the overview needs; a terminal has what it has."""


def overview(results: Mapping[str, Result]) -> Table:
    """One row a fault. p50, max: until the caller hears the queue or the bot again; again: until the bot takes the next call."""
    shown = Table(title="faults", title_justify="left")
    for title in ("fault", *COLUMNS.values(), "bar", ""):
        shown.add_column(title, justify="left" if title in {"fault", ""} else "right")
    notes: list[str] = []
    for name, each in results.items():
        told = {figure.name: figure for figure in each.figures}
        cells = [_cell(told.get(key)) for key in COLUMNS]
        bar = told[BARRED].target if BARRED in told else ""
        shown.add_row(name, *cells, bar, "[green]pass[/]" if each.passed else "[bold red]FAIL[/]")
        notes += [f"{name}: {figure.name} ({figure.told})" for figure in each.figures if figure.name not in COLUMNS]
    shown.caption, shown.caption_justify = "\n".join(notes) or None, "left"
    return shown


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return f"[red]{figure.told}[/]" if figure.passed is False else figure.told


def _seen(line: Line, until_s: float, record: calls.CallRecord | None) -> Seen:
    taken_up = record is not None and any("resum" in each.type for each in record.lines)
    heard = line.call.heard
    return Seen(line.ani, line.struck_s, until_s, heard, line.queued_s, line.ended_s, taken_up=taken_up, to_person=line.to_person)


async def _recovered(rig: Rig) -> float:
    """How long from now until the bot takes and greets a new call; infinite when it does not in RECOVERED_S."""
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < RECOVERED_S:
        with contextlib.suppress(PhoneError, TimeoutError, VoicebotError):
            async with rig.phone() as phone, phone.dial(HOTLINE, f"559{random.randrange(10**9):09d}") as call:
                await call.wait_answered(5)
                await call.until_voice(0.0, 5)
                if (await rig.calls_in_progress() or 0) > 0:
                    return time.monotonic() - begun_s
        await asyncio.sleep(1.0)
    return float("inf")


async def _left(rig: Rig, came: Struck) -> None:
    until_s = time.monotonic() + SETTLED_S
    while time.monotonic() < until_s:
        came.channels = len(channels(await rig.console("core show channels concise")))
        came.bridges = bridges(await rig.console("bridge show all"))
        if not came.channels and not came.bridges:
            return
        await asyncio.sleep(0.5)


async def _record(rig: Rig, ani: str) -> calls.CallRecord | None:
    try:
        return await rig.journal(ani, sealed_within_s=2)
    except StoreError:
        return None


def _runs(rig: Rig, asterisk: int) -> bool:
    try:
        return rig.asterisk().pid == asterisk
    except VoicebotError:
        return False
