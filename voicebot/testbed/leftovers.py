"""What a voicebot holds: channels, bridges, tasks, sockets, files, processes. Compared before and after calls, what is left over shows.

It looks at Asterisk's own state and at /proc, and asks the controller only for what nobody else can count. It changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from voicebot.testbed.bench_figures import Figure
from voicebot.testbed.bench_load import part
from voicebot.testbed.processes import Process, open_targets
from voicebot.testbed.rig import Rig

Held = Mapping[str, int]
"""Counts by name."""
SAMPLES = 4
SAMPLE_EVERY_S = 1.5
"""What is held for an instant only, such as the socket of a health check, is missing from one of `SAMPLES` samples."""
SETTLED_WITHIN_S = 120.0
"""A caller who vanished without a word is noticed late: SIP repeats itself for 32 s, and Asterisk waits 30 s for audio."""
JOURNAL = (".db", ".db-wal", ".db-shm")
UNKNOWN = -1
"""The controller did not answer."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One line of Asterisk's `core show channels concise`."""

    name: str
    context: str
    app: str
    ani: str


def channels(answer: str) -> tuple[Channel, ...]:
    """What `core show channels concise` lists; its fields are parted by `!`."""
    rows = (line.split("!") for line in answer.splitlines() if line.count("!") >= 7)
    return tuple(Channel(row[0], row[1], row[5], row[7]) for row in rows)


def bridges(answer: str) -> int:
    """How many bridges `bridge show all` lists below its heading."""
    return sum(1 for line in answer.splitlines() if line.strip() and not line.startswith("Bridge-ID"))


async def held(rig: Rig) -> Held:
    """What is held now."""
    family = rig.processes()
    said = await rig.metrics()
    counted = {
        "channels": len(channels(await rig.console("core show channels concise"))),
        "bridges": bridges(await rig.console("bridge show all")),
        "calls in progress": int(said.get("voicebot_calls_in_progress", UNKNOWN)),
        "controller tasks": int(said.get("voicebot_tasks", UNKNOWN)),
        "processes": len(family),
        "temporary files": await asyncio.to_thread(_files, rig),
    }
    return {**counted, **_open(family)}


async def settled(look: Callable[[], Awaitable[Held]], before: Held | None = None, within_s: float = SETTLED_WITHIN_S) -> Held:
    """The least of some samples in a row: as soon as no call is up and nothing more than `before` is held, or when time is up."""
    deadline_s = time.monotonic() + within_s
    seen = [await look()]
    while not _at_rest(lowest(seen[-SAMPLES:]), before) or len(seen) < SAMPLES:
        if time.monotonic() > deadline_s and len(seen) >= SAMPLES:
            break
        await asyncio.sleep(SAMPLE_EVERY_S)
        seen.append(await look())
    return lowest(seen[-SAMPLES:])


def lowest(seen: Sequence[Held]) -> Held:
    """The least count of each name; what no later sample holds any more is gone."""
    return {name: min(each.get(name, 0) for each in seen) for name in seen[-1]}


def left_over(before: Held, after: Held) -> tuple[Figure, ...]:
    """How much more of each is held than before: none of it should be. Fewer than before is not more."""
    more = {name: max(after.get(name, 0) - before.get(name, 0), 0) for name in sorted({*before, *after})}
    return tuple(Figure(f"{name} left", count, bar=0) for name, count in more.items())


def lost_processes(before: Sequence[Process], after: Sequence[Process]) -> Figure:
    """How many of the processes ended meanwhile, whether they were started again or not: a crash, or a kill."""
    gone = {each.pid for each in before} - {each.pid for each in after}
    names = ", ".join(sorted({part(each) for each in before if each.pid in gone}))
    return Figure(f"processes that ended{f': {names}' if names else ''}, of {len(before)}", len(gone), bar=0)


def _at_rest(now: Held, before: Held | None) -> bool:
    quiet = not now["channels"] and now["calls in progress"] == 0
    return quiet and all(figure.passed for figure in left_over(before, now)) if before else quiet


def _open(family: Sequence[Process]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for each in family:
        targets = open_targets(each.pid)
        journal = sum(target.endswith(JOURNAL) for target in targets)
        sockets = sum(target.startswith("socket:") for target in targets)
        counts["journal files"] += journal
        counts[f"{part(each)} sockets"] += sockets
        counts[f"{part(each)} other open files"] += len(targets) - journal - sockets
    return counts


def _files(rig: Rig) -> int:
    """All that lies in the run folder: briefings, spool, sounds, and the temporary folder that all its processes were given."""
    return sum(1 for path in rig.settings_file.parent.rglob("*") if not path.is_dir())
