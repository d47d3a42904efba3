"""Acceptance under faults: the controller killed or gone, callers who hang up at any moment. What counts is Asterisk's own state.

Only processes of the rig it was given are ever signalled.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from voicebot.store import calls
from voicebot.testbed import measure
from voicebot.testbed.bench_figures import Figure, Result
from voicebot.testbed.call import Call
from voicebot.testbed.g711 import Samples
from voicebot.testbed.processes import open_files
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import HOTLINE
from voicebot.testbed.sip import PhoneError

LIVE_CALLS = 10
INTO_CALL_S = 3.0
HANG_UPS = 50
AT_ONCE = 10
LONGEST_CALL_S = 14.0
SETTLED_WITHIN_S = 60.0
SETTLES_S = 10.0
"""What has not moved for so long has settled: Asterisk keeps a control socket for some seconds after its call."""
QUEUED_WITHIN_S = 5.0
"""After the controller was killed."""
DOWN_WITHIN_S = 3.0
"""After an INVITE that no controller answers."""
WATCHED_S = 10.0
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Channel:
    """One line of Asterisk's `core show channels concise`."""

    name: str
    app: str
    ani: str


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What Asterisk and the controller hold while no call is up."""

    channels: int
    bridges: int
    calls_in_progress: int
    controller_files: int
    controller_sockets: int
    asterisk_files: int
    asterisk_sockets: int


async def kill(rig: Rig, _seed: int, progress: Progress) -> Result:
    """`kill -9` of the controller with ten live calls: all in the queue, or with the bot again, within 5 s."""
    async with _live_calls(rig, LIVE_CALLS) as anis:
        await asyncio.sleep(INTO_CALL_S)
        progress(f"{LIVE_CALLS} calls are up; the controller is killed")
        os.kill(rig.controller().pid, signal.SIGKILL)
        queued_s = await _queued(rig, anis)
        with_bot = min((await rig.calls_in_progress()) or 0, LIVE_CALLS - len(queued_s))
    in_time = sum(wait_s <= QUEUED_WITHIN_S for wait_s in queued_s)
    return Result(
        (
            Figure(f"callers in the queue within {QUEUED_WITHIN_S:g} s, of {LIVE_CALLS}", in_time + with_bot, bar=LIVE_CALLS, at_most=False),
            Figure("of them with the bot again", with_bot),
            Figure("last caller in the queue after", max(queued_s, default=float("inf")), "s", QUEUED_WITHIN_S if not with_bot else None),
        )
    )


async def controller_down(rig: Rig, _seed: int, progress: Progress) -> Result:
    """Calls that come while there is no controller: in the queue within 3 s of the INVITE."""
    os.kill(rig.keeper.pid, signal.SIGSTOP)
    try:
        os.kill(rig.controller().pid, signal.SIGKILL)
        await asyncio.sleep(1.0)
        waits_s: list[float] = []
        for number in range(1, 6):
            progress(f"call {number} of 5 with the controller down")
            async with _live_calls(rig, 1, answered=False) as anis:
                waits_s += await _queued(rig, anis) or [float("inf")]
    finally:
        os.kill(rig.keeper.pid, signal.SIGCONT)
    return Result(
        (
            Figure(
                f"callers in the queue within {DOWN_WITHIN_S:g} s, of 5", sum(wait_s <= DOWN_WITHIN_S for wait_s in waits_s), bar=5, at_most=False
            ),
            Figure("slowest", max(waits_s), "s", DOWN_WITHIN_S),
        )
    )


async def hangups(rig: Rig, seed: int, progress: Progress, question: Samples) -> Result:
    """Fifty calls hung up at random moments, some of them while the caller or the bot speaks: afterwards nothing is left of them."""
    chance = random.Random(seed)
    await _hang_up_wave(rig, [LONGEST_CALL_S / 2] * AT_ONCE, question)
    before = await _settled(rig)
    anis: list[str] = []
    for first in range(0, HANG_UPS, AT_ONCE):
        progress(f"hang-ups {first + 1}-{first + AT_ONCE} of {HANG_UPS}")
        anis += await _hang_up_wave(rig, [chance.uniform(0, LONGEST_CALL_S) for _ in range(AT_ONCE)], question)
    after = await _settled(rig)
    records = [
        await calls.show(rig.settings.store.url, each.call_id) for each in await calls.recent(rig.settings.store.url, 10_000) if each.ani in anis
    ]
    sealed_once = sum(measure.seals(record.lines) == 1 for record in records)
    names = ("channels", "bridges", "calls_in_progress", "controller_files", "controller_sockets", "asterisk_files", "asterisk_sockets")
    left = tuple(Figure(f"{name.replace('_', ' ')} left", getattr(after, name) - getattr(before, name), bar=0) for name in names)
    return Result((*left, Figure(f"records not sealed exactly once, of {len(records)}", len(records) - sealed_once, bar=0)))


def channels(answer: str) -> tuple[Channel, ...]:
    """What `core show channels concise` lists; its fields are parted by `!`."""
    rows = (line.split("!") for line in answer.splitlines() if line.count("!") >= 7)
    return tuple(Channel(row[0], row[5], row[7]) for row in rows)


def bridges(answer: str) -> int:
    """How many bridges `bridge show all` lists below its heading."""
    return sum(1 for line in answer.splitlines() if line.strip() and not line.startswith("Bridge-ID"))


async def _queued(rig: Rig, anis: set[str]) -> list[float]:
    """How long after now each caller was seen in the queue application, in the order of arrival."""
    begun_s = time.monotonic()
    arrived_s: dict[str, float] = {}
    while len(arrived_s) < len(anis) and time.monotonic() - begun_s < WATCHED_S:
        for channel in channels(await rig.console("core show channels concise")):
            if channel.app == "Queue" and channel.ani in anis:
                arrived_s.setdefault(channel.ani, time.monotonic() - begun_s)
        await asyncio.sleep(0.05)
    return list(arrived_s.values())


@asynccontextmanager
async def _live_calls(rig: Rig, count: int, answered: bool = True) -> AsyncIterator[set[str]]:
    """`count` calls from one phone, up; their numbers."""
    anis = {f"556{random.randrange(10**9):09d}" for _ in range(count)}
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(rig.phone())
        placed = [await stack.enter_async_context(phone.dial(HOTLINE, ani)) for ani in sorted(anis)]
        for call in placed if answered else ():
            await call.wait_answered(20)
        yield anis


async def _hang_up_wave(rig: Rig, lengths_s: list[float], question: Samples) -> list[str]:
    """Calls at once, each hung up `lengths_s` after its INVITE, answered or not; their numbers."""
    anis = [f"557{random.randrange(10**9):09d}" for _ in lengths_s]
    async with rig.phone() as phone, asyncio.TaskGroup() as scope:
        for ani, length_s in zip(anis, lengths_s, strict=True):
            scope.create_task(_hung_up(phone.dial(HOTLINE, ani), length_s, question))
    return anis


async def _hung_up(dialling: contextlib.AbstractAsyncContextManager[Call], length_s: float, question: Samples) -> None:
    async with dialling as call:
        with contextlib.suppress(TimeoutError, PhoneError):
            async with asyncio.timeout(length_s):
                await call.wait_answered(length_s)
                await call.until_voice(0.0, length_s)
                await call.until_quiet(1.0, length_s)
                await call.play(question)
                await call.wait_ended()


async def _settled(rig: Rig) -> Leftovers:
    """What is held once nothing moves any more, or when it has had time enough."""
    deadline_s = time.monotonic() + SETTLED_WITHIN_S
    now = await _leftovers(rig)
    while time.monotonic() < deadline_s:
        await asyncio.sleep(SETTLES_S)
        before, now = now, await _leftovers(rig)
        if before == now and (now.channels, now.bridges, now.calls_in_progress) == (0, 0, 0):
            break
    return now


async def _leftovers(rig: Rig) -> Leftovers:
    mine, theirs = open_files(rig.controller().pid), open_files(rig.asterisk().pid)
    in_progress = await rig.calls_in_progress()
    return Leftovers(
        channels=len(channels(await rig.console("core show channels concise"))),
        bridges=bridges(await rig.console("bridge show all")),
        calls_in_progress=-1 if in_progress is None else in_progress,
        controller_files=mine.total(),
        controller_sockets=mine["socket"],
        asterisk_files=theirs.total(),
        asterisk_sockets=theirs["socket"],
    )
