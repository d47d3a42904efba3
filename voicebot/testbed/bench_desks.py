"""`scripts/bench desks`: a floor of open desks on the real `voicebot desk`, calls that talk to the bot, and calls that ring: how soon each pops, on
which desks, and what the desk costs. The calls are journal lines, as a controller would write them; the pages are real, a browser's script is not.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import random
import re
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from voicebot.desk.auth import COOKIE, digest
from voicebot.errors import VoicebotError
from voicebot.store import events, postings, staff
from voicebot.store.desk import DeskStore
from voicebot.store.journal import Journal
from voicebot.store.postings import Posting
from voicebot.store.record import CallJournal
from voicebot.store.staff import Role, SignIn, Staff
from voicebot.testbed import desks
from voicebot.testbed.bench_figures import Figure, Result, spread
from voicebot.testbed.desk_sockets import OpenDesk, opened
from voicebot.testbed.processes import heap_bytes, offspring

POP_BAR_MS = 500
LATEST_S = 20.0
"""A pop that is later than this did not come."""
FIRST_PHONE = 7_000
AT_ONCE = 6
"""Pages that are opened at a time."""
IDLE_S = 10.0
MIB = 2**20
TURN_S = 6.0
"""From one utterance to the next of a caller with the bot."""
TALK_S = 8.0
ASKED = "why is my bill so much higher than last month"
ANSWER = "Your bill holds the monthly fee, and what was used beyond your plan."
NUMBERS = re.compile(r"\+4416329\d{5}")
"""Kept free for fiction; each call here has its own."""
Progress = Callable[[str], None]


def command(show: Callable[[str, Callable[[], Coroutine[Any, Any, Result]], bool], None], progress: Progress) -> Callable[..., None]:
    """The command line of `desks`, for `scripts/bench`."""

    def open_desks(
        *,
        number: Annotated[int, typer.Option("--desks", min=2, max=2_000, help="How many agents have the desk open.")] = 300,
        pops: Annotated[int, typer.Option(min=1, help="How many calls ring.")] = 100,
        every: Annotated[float, typer.Option(min=0.05, help="Seconds from one of them to the next.")] = 1.0,
        talking: Annotated[int, typer.Option(min=0, help="Calls that talk to the bot meanwhile.")] = 40,
        seed: Annotated[int, typer.Option(help="Whose phones ring.")] = 1,
        as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output, with every trial.")] = False,
    ) -> None:
        """Many open desks: from a phone's ring to the pop on that agent's desk."""
        show(f"{number} open desks", lambda: open_floor(Size(number, pops, every, talking, seed), progress), as_json)

    return open_desks


@dataclass(frozen=True, slots=True)
class Size:
    """What is measured: open desks, calls that ring, seconds between them, calls with the bot meanwhile."""

    desks: int
    pops: int
    every_s: float
    talking: int
    seed: int


@dataclass(frozen=True, slots=True)
class Pop:
    """One ring: on whose desk it belonged, how soon it was there, and how many other desks got it too."""

    extension: str
    took_ms: float
    elsewhere: int


@dataclass
class Floor:
    """The desk's process, the pages that are open, the journal that calls are written to."""

    pid: int
    journal: Journal
    open: dict[str, OpenDesk]
    """By extension."""
    counted: itertools.count[int] = field(default_factory=itertools.count)

    def begin(self) -> tuple[str, CallJournal]:
        """A new call of a number of its own, greeted."""
        number = f"+4416329{next(self.counted):05d}"
        record = self.journal.call(f"bench-{number[1:]}", events.CallStarted(number, "100", "en", f"PJSIP/{number}", datetime.now(UTC)))
        record.append(100, events.CallAnswered())
        return number, record


@dataclass(frozen=True, slots=True)
class Costs:
    """What the desk took: how long each page to open in ms, CPU in per cent of one core, memory of its own in MiB, MiB sent to all pages."""

    opening_ms: Sequence[float]
    idle: float
    busy: float
    bare_mb: float
    open_mb: float
    after_mb: float
    sent_mb: float


async def open_floor(size: Size, progress: Progress) -> Result:
    """Open the desks, let calls ring. Raises VoicebotError when a page does not open."""
    pops: list[Pop] = []
    with tempfile.TemporaryDirectory(prefix="voicebot-desks-") as folder:
        async with _floor(Path(folder), size, progress) as (floor, opening_ms, bare_mb):
            open_mb = heap_bytes(floor.pid) / MIB
            idle = await _cpu_percent(floor.pid, asyncio.sleep(IDLE_S))
            progress(f"{size.pops} calls ring")
            busy = await _cpu_percent(floor.pid, _calls(floor, size, pops))
            sent_mb = sum(each.received_bytes for each in floor.open.values()) / MIB
            costs = Costs(opening_ms, idle, busy, bare_mb, open_mb, heap_bytes(floor.pid) / MIB, sent_mb)
    return result(pops, costs)


def result(pops: Sequence[Pop], costs: Costs) -> Result:
    """The figures of a run."""
    figures = (
        *spread("pop after ring", [pop.took_ms for pop in pops], {"p95": POP_BAR_MS}),
        Figure("pops that did not come", sum(math.isinf(pop.took_ms) for pop in pops), bar=0),
        Figure("pops on another agent's desk", sum(pop.elsewhere for pop in pops), bar=0),
        *spread("page opens", costs.opening_ms, {}),
        Figure("CPU of the desk, nothing happens", costs.idle, "%"),
        Figure("CPU of the desk, calls ring", costs.busy, "%"),
        Figure("memory of the desk, no page open (MiB)", costs.bare_mb),
        Figure("memory of the desk, all open (MiB)", costs.open_mb),
        Figure("memory of the desk, at the end (MiB)", costs.after_mb),
        Figure("sent to all pages (MiB)", costs.sent_mb),
    )
    return Result(figures, tuple(asdict(pop) for pop in pops))


@asynccontextmanager
async def _floor(folder: Path, size: Size, progress: Progress) -> AsyncIterator[tuple[Floor, list[float], float]]:
    """The floor, how long each page took to open in ms, and the desk's memory in MiB before."""
    extensions = [str(FIRST_PHONE + number) for number in range(size.desks)]
    url = f"sqlite+aiosqlite:///{folder}/journal.db"
    cookies = await _seated(url, extensions)
    settings_file = folder / "voicebot.toml"
    settings_file.write_text(f'secrets = "{folder}/secrets"\nstore.url = "{url}"\nserve.port = 1\ndesk.port = 0\npbx.agents = {extensions!r}\n')
    async with desks.desk(settings_file) as base, AsyncExitStack() as pages, asyncio.TaskGroup() as scope:
        pid, journal = _desk_pid(), await Journal.open(url, folder / "spool")
        bare_mb, beside = heap_bytes(pid) / MIB, [scope.create_task(journal.run())]
        floor = Floor(pid, journal, {})
        http = await pages.enter_async_context(httpx.AsyncClient(base_url=base, trust_env=False))

        async def one(extension: str, cookie: str) -> None:
            floor.open[extension] = await pages.enter_async_context(opened(http, cookie, NUMBERS))
            beside.append(scope.create_task(floor.open[extension].read()))

        try:
            progress(f"opening {size.desks} desks")
            yield floor, await _all_open(cookies, one), bare_mb
        finally:
            await journal.close()
            for task in beside:
                task.cancel()


async def _seated(url: str, extensions: Sequence[str]) -> dict[str, str]:
    """An agent, signed in and ready, at each phone: extension → cookie. Nobody signs in here: that would measure Argon2."""
    now, secret = datetime.now(UTC), {extension: secrets.token_urlsafe(32) for extension in extensions}
    async with DeskStore.open(url) as store:
        for extension in extensions:
            name = f"agent-{extension}"
            await staff.add(store, Staff(name, Role.AGENT, "nobody signs in"))
            await staff.sign_in(store, SignIn(digest(secret[extension]), name, now, now, now + timedelta(hours=8)))
            await postings.begin(store, Posting(extension, now, None, name, "ready", "", now))
    return {extension: f"{COOKIE}={each}" for extension, each in secret.items()}


async def _all_open(cookies: Mapping[str, str], one: Callable[[str, str], Awaitable[None]]) -> list[float]:
    """Open them AT_ONCE at a time; how long each took in ms."""
    took: list[float] = []
    waiting = iter(cookies.items())

    async def some() -> None:
        for extension, cookie in waiting:
            begun_s = time.monotonic()
            await one(extension, cookie)
            took.append((time.monotonic() - begun_s) * 1_000)

    async with asyncio.TaskGroup() as scope:
        for _ in range(AT_ONCE):
            scope.create_task(some())
    return took


async def _calls(floor: Floor, size: Size, pops: list[Pop]) -> None:
    """Callers talk to the bot; meanwhile calls ring, each at another phone."""
    drawn = random.Random(size.seed)
    phones = itertools.chain.from_iterable(drawn.sample(sorted(floor.open), len(floor.open)) for _ in itertools.count())
    async with asyncio.TaskGroup() as scope:
        talking = [scope.create_task(_talk(floor, drawn.uniform(0, TURN_S))) for _ in range(size.talking)]
        async with asyncio.TaskGroup() as ringing:
            for phone in itertools.islice(phones, size.pops):
                ringing.create_task(_ring(floor, phone, pops))
                await asyncio.sleep(size.every_s)
        for task in talking:
            task.cancel()


async def _talk(floor: Floor, after_s: float) -> None:
    """A caller who asks again and again, until cancelled."""
    await asyncio.sleep(after_s)
    _, record = floor.begin()
    for turn in itertools.count(1):
        _turn(record, round(turn * TURN_S * 1_000))
        await asyncio.sleep(TURN_S)


def _turn(record: CallJournal, at_ms: int) -> None:
    record.append(at_ms, events.CallerSpoke(ASKED, 0.9, at_ms - 2_500, at_ms - 300))
    record.append(at_ms, events.AngerScored(0.3, voice=0.2, words=0.1, escalate=False, evidence=("louder than expected: +4 dB",)))
    record.append(at_ms, events.Decided("Reply", "matched bill-higher 0.9", "bill-higher", 0.9))
    record.append(at_ms, events.BotSpoke(ANSWER, "answer", at_ms, 3_000, 3_000, False, ANSWER, "bill-higher"))


async def _ring(floor: Floor, phone: str, pops: list[Pop]) -> None:
    """One call from the queue to an agent, and to its end."""
    number, record = floor.begin()
    _turn(record, 6_000)
    record.append(8_000, events.Decided("HandOver", "asked for a person"))
    record.append(8_000, events.HandoverDecided("asked for a person", "support", 0, "Caller asked for a person."))
    record.append(8_500, events.QueueEntered("support"))
    await asyncio.sleep(1.0)
    rang_s = time.monotonic()
    record.append(9_500, events.AgentRang(phone))
    took_ms = await _popped(floor.open[phone], number, rang_s)
    for at_ms, event in ((11_000, events.AgentAnswered(phone)), (11_020, events.BriefingStarted(phone)), (15_500, events.AgentJoined(phone))):
        record.append(at_ms, event)
        await asyncio.sleep(0.5)
    await asyncio.sleep(TALK_S)
    record.append(25_000, events.AgentLeft(phone, "hung up"))
    record.seal(25_000, "handed_over", "floor")
    pops.append(Pop(phone, took_ms, sum(number in each.seen for extension, each in floor.open.items() if extension != phone)))


async def _popped(page: OpenDesk, number: str, since_s: float) -> float:
    """How long after `since_s` the page got the number, in ms; infinite when it did not. The moment itself was noted as it came."""
    while number not in page.seen:
        if time.monotonic() - since_s > LATEST_S:
            return float("inf")
        await asyncio.sleep(0.05)
    return (page.seen[number] - since_s) * 1_000


async def _cpu_percent(pid: int, meanwhile: Coroutine[Any, Any, None]) -> float:
    """CPU of the process in per cent of one core while something goes on."""
    begun_s, used_s = time.monotonic(), _cpu_s(pid)
    await meanwhile
    return 100 * (_cpu_s(pid) - used_s) / (time.monotonic() - begun_s)


def _cpu_s(pid: int) -> float:
    return next((each.cpu_s for each in offspring(os.getpid()) if each.pid == pid), float("nan"))


def _desk_pid() -> int:
    found = next((each.pid for each in offspring(os.getpid()) if "-m voicebot desk" in each.command), None)
    if found is None:
        raise VoicebotError("the desk ended as soon as it was up; see desk.log")
    return found
