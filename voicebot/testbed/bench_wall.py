"""`scripts/bench wall`: does the supervisors' wall show what Asterisk does? Real callers go to the bot, wait, and talk to agents; meanwhile Asterisk
is asked again and again where each caller is, and the wall's rows are made anew with each line of the journal, as the desk makes them.

A moment counts for Asterisk from before the question. What a browser takes to draw a row is not in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer

from voicebot.desk.live import Live
from voicebot.desk.pages.wall_view import Row, rows
from voicebot.testbed.bench_command import on_rig
from voicebot.testbed.bench_figures import Figure, Result, spread
from voicebot.testbed.bench_load import NO_LIMITS
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import HOTLINE, new_number
from voicebot.testbed.sip import PhoneError
from voicebot.testbed.synth import synth

Place = Literal["bot", "waiting", "agent", "gone"]
PLACES: tuple[Place, ...] = ("bot", "waiting", "agent", "gone")
BAR_MS = 500
LOOK_S = 0.05
DIALS_S = 0.5
TALK_S = 3.0
LONGEST_S = 300.0
"""So long a caller waits for an agent at most."""
SETTLED_S = 3.0
FIELDS = 14
SETTINGS: Mapping[str, Any] = {**NO_LIMITS, "handover.max_wait_s": 600}
Progress = Callable[[str], None]
Seen = Mapping[str, Place]
"""Number of a caller → where he is; who is not in it is gone."""


@dataclass
class Watch:
    """When each caller was first seen at each place, in seconds, by one who looks."""

    now: Seen = field(default_factory=dict)
    first_s: dict[tuple[str, Place], float] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, number: str, place: Place) -> None:
        """Until that caller is seen there."""
        while self.now.get(number) != place:
            self.changed.clear()
            await self.changed.wait()

    def saw(self, seen: Seen, at_s: float) -> None:
        """One look."""
        gone: dict[str, Place] = {number: "gone" for number, place in self.now.items() if number not in seen and place != "gone"}
        for number, place in {**seen, **gone}.items():
            self.first_s.setdefault((number, place), at_s)
        self.now = {**self.now, **gone, **seen}
        self.changed.set()


@dataclass(frozen=True, slots=True)
class Change:
    """A caller came to `place`; `late_ms` later the wall showed it, infinite when it never did."""

    number: str
    place: Place
    late_ms: float


def in_asterisk(channels: str) -> dict[str, Place]:
    """Where callers are, by `core show channels concise`; of one between two steps, or not answered yet, nothing is said."""
    found: dict[str, Place] = {}
    for line in channels.splitlines():
        parts = line.split("!")
        if len(parts) != FIELDS or parts[4] != "Up" or not parts[7]:
            continue
        app, bridge = parts[5], parts[12]
        if app == "Stasis":
            found[parts[7]] = "bot"
        elif app == "Queue":
            found[parts[7]] = "agent" if bridge else "waiting"
    return found


def on_the_wall(shown: Iterable[Row]) -> dict[str, Place]:
    """In whose column the wall has the callers."""
    return {row.ani: row.column for row in shown}


def changes(asterisk: Watch, wall: Watch) -> list[Change]:
    """What happened in Asterisk, and how late the wall was."""
    late_s = {key: max(0.0, wall.first_s.get(key, math.inf) - at_s) for key, at_s in asterisk.first_s.items()}
    return [Change(number, place, at_s * 1_000) for (number, place), at_s in late_s.items()]


def result(found: Sequence[Change], callers: int, wrong: int) -> Result:
    """The figures of a run: `wrong` callers stood elsewhere on the wall when all was quiet at the end."""
    shown = [change for change in found if math.isfinite(change.late_ms)]
    late_ms = {place: [change.late_ms for change in shown if change.place == place] for place in PLACES}
    figures = [figure for place in PLACES for figure in spread(f"{place}: on the wall after", late_ms[place], {"p95": BAR_MS})]
    talked = sum(change.place == "agent" for change in found)
    return Result(
        (
            *figures,
            Figure("changes the wall never showed", len(found) - len(shown), bar=0),
            Figure("callers who talked to an agent", talked, bar=callers, at_most=False),
            Figure("callers shown elsewhere at the end", wrong, bar=0),
        ),
        tuple(asdict(change) for change in found),
    )


async def wall(bot: Rig, callers: int, progress: Progress) -> Result:
    """Have `callers` call at once and every agent answer. Raises VoicebotError."""
    asterisk, shown = Watch(), Watch()
    live = Live(bot.settings.store.url)
    live.watch(lambda _story, _line: shown.saw(on_the_wall(rows(live.open(), datetime.now(UTC))), time.monotonic()))
    async with _agents(bot), asyncio.TaskGroup() as scope:
        looking = [scope.create_task(_look(bot, asterisk)), scope.create_task(live.run())]
        progress(f"{callers} callers, {len(bot.plan.agents)} agents")
        async with asyncio.TaskGroup() as calling:
            for _ in range(callers):
                calling.create_task(_call(bot, asterisk))
                await asyncio.sleep(DIALS_S)
        await asyncio.sleep(SETTLED_S)
        for task in looking:
            task.cancel()
    wrong = sum(shown.now.get(number) != place for number, place in asterisk.now.items())
    return result(changes(asterisk, shown), callers, wrong)


@asynccontextmanager
async def _agents(bot: Rig) -> AsyncIterator[None]:
    folder = bot.settings.speech.cache / "callers"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    says = await synth("hello this is the support desk speaking how can i help you", "flite:awb", folder)
    async with contextlib.AsyncExitStack() as stack:
        for number in bot.plan.agents:
            await stack.enter_async_context(bot.agent(number, says))
        yield


async def _look(bot: Rig, watch: Watch) -> None:
    while True:
        asked_s = time.monotonic()
        watch.saw(in_asterisk(await bot.console("core show channels concise")), asked_s)
        await asyncio.sleep(LOOK_S)


async def _call(bot: Rig, asterisk: Watch) -> None:
    """Hear the greeting, ask for a person by key, wait, talk, hang up."""
    number = new_number()
    with contextlib.suppress(PhoneError, TimeoutError):  # who is not served is missing among those who talked
        async with bot.phone() as phone, phone.dial(HOTLINE, number) as call, asyncio.timeout(LONGEST_S):
            await call.wait_answered()
            await call.until_quiet(1.0, 30)
            await call.dtmf("0")
            await asterisk.until(number, "agent")
            await asyncio.sleep(TALK_S)


def command(show: Callable[[str, Callable[[], Coroutine[Any, Any, Result]], bool], None], progress: Progress) -> Callable[..., None]:
    """The command line of `wall`, for `scripts/bench`."""

    def wall_and_asterisk(
        *,
        callers: Annotated[int, typer.Option(min=1, max=200, help="Callers at once; three agents answer.")] = 20,
        as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output, with every change.")] = False,
    ) -> None:
        """How late the supervisors' wall shows what Asterisk does."""
        show(f"wall, {callers} callers", lambda: on_rig(lambda own: wall(own, callers, progress), SETTINGS), as_json)

    return wall_and_asterisk
