"""Who is at which phone and in which state: taken by the agent, followed from the journal, told to the queue. All open pages show this one truth.

What a line of the journal does to a state is decided in one pure function; the database keeps the result, the controller is told of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from voicebot.errors import StoreError
from voicebot.handover.story import Story
from voicebot.store import postings
from voicebot.store.desk import DeskStore, TakenError
from voicebot.store.events import AgentLeft, CallerHungUp, CallSealed, Line
from voicebot.store.postings import Posting, State

SAID_EVERY_S = 5.0
MISSED = "missed"
PAUSES = ("break", "lunch", "training", "back-office")
"""Reasons an agent may give; their words stand in desk/words."""
_OFFERED = frozenset({"no answer", "unreachable", "declined", "busy", "left before the caller was through"})
log = structlog.get_logger()
Pause = Callable[[Mapping[str, bool]], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Change:
    """A state that a posting comes to."""

    state: State
    reason: str = ""
    call_id: str = ""


def after(posting: Posting, story: Story, line: Line) -> Change | None:
    """What a line of a call means for the agent at this phone: a call missed is a pause, a call over is to be wrapped up.

    A line from before the posting or its latest change means nothing: it is the past, read again.
    """
    mine = [hold for hold in story.holds if hold.agent == posting.extension and hold.at_utc >= posting.since_utc]
    if not mine or line.at_utc < posting.state_since_utc or posting.call_id == story.call_id:
        return None
    event = line.event
    if isinstance(event, AgentLeft) and event.agent == posting.extension and event.why in _OFFERED:
        return Change("pause", MISSED)
    over = isinstance(event, CallerHungUp | AgentLeft) or (isinstance(event, CallSealed) and event.outcome == "lost")
    if over and mine[-1].answered and story.stage == "over" and story.holds[-1].agent == posting.extension:
        return Change("wrap_up", call_id=story.call_id)
    return None


class Duty:
    """The postings that last, by extension."""

    def __init__(self, store: DeskStore, extensions: tuple[str, ...], pause: Pause, wrap_up_s: float) -> None:
        self.extensions = extensions
        self.reaches_queue = True
        """Whether the queue heard of the states when they were last said."""
        self._store = store
        self._pause = pause
        self._wrap_up = timedelta(seconds=wrap_up_s)
        self._postings: dict[str, Posting] = {}
        self._seats: dict[str, str] = {}
        """Who sits at which phone: name → extension."""
        self._left: set[str] = set()
        """Phones that somebody gave up here: paused until they are taken again."""
        self._said = asyncio.Event()
        self._changes: asyncio.Queue[tuple[Posting, Change]] = asyncio.Queue()
        self._watchers: set[Callable[[], None]] = set()

    async def load(self) -> None:
        """Read the postings that last. Raises StoreError."""
        self._postings = {one.extension: one for one in await postings.current(self._store)}
        self._seats = {one.staff: one.extension for one in self._postings.values()}

    async def run(self) -> None:
        """Write what calls did to states, end wrap-ups that take too long, and tell the queue; until cancelled."""
        async with asyncio.TaskGroup() as scope:
            scope.create_task(self._apply())
            scope.create_task(self._say())

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Have `watcher` told of every change until what is returned is called."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)

    def of(self, staff: str) -> Posting | None:
        """Where this person sits now."""
        return self._postings.get(self._seats.get(staff, ""))

    def all(self) -> tuple[Posting, ...]:
        """Everybody who sits at a phone now, by extension."""
        return tuple(self._postings[extension] for extension in sorted(self._postings))

    def free(self) -> tuple[str, ...]:
        """Phones that nobody has."""
        return tuple(extension for extension in self.extensions if extension not in self._postings)

    async def take(self, staff: str, extension: str) -> None:
        """Sit down at a phone, on a pause at first. Raises StoreError naming what stands in the way."""
        if extension not in self.extensions:
            raise StoreError(f"{extension}: no such phone; those there are stand in [pbx] agents")
        now = datetime.now(UTC)
        posting = Posting(extension, now, None, staff, "pause", "", now)
        try:
            await postings.begin(self._store, posting)
        except TakenError:
            raise StoreError(f"{extension}: taken by somebody else, or you have another phone already") from None
        self._left.discard(extension)
        self._postings[extension], self._seats[staff] = posting, extension
        self._tell()

    async def release(self, staff: str) -> None:
        """Get up: the phone is paused until somebody takes it."""
        if posting := self.of(staff):
            await postings.change(self._store, posting, until_utc=datetime.now(UTC))
            self._postings.pop(posting.extension, None)
            self._seats.pop(staff, None)
            self._left.add(posting.extension)
            self._tell()

    async def ready(self, staff: str) -> None:
        """Take calls."""
        await self._set(staff, Change("ready"))

    async def pause(self, staff: str, reason: str) -> None:
        """Take no calls, for one of `PAUSES`."""
        if reason not in PAUSES:
            raise StoreError(f"{reason!r}: no reason for a pause; there are {', '.join(PAUSES)}")
        await self._set(staff, Change("pause", reason))

    def take_line(self, story: Story, line: Line) -> None:
        """What a line of the journal does to the agents' states; `Live` calls it."""
        for posting in [self._postings[agent] for agent in {hold.agent for hold in story.holds} & self._postings.keys()]:
            if change := after(posting, story, line):
                self._changes.put_nowait((posting, change))

    async def _set(self, staff: str, change: Change) -> None:
        if posting := self.of(staff):
            await self._change(posting, change, datetime.now(UTC))

    async def _change(self, posting: Posting, change: Change, now: datetime) -> None:
        changed = replace(posting, state=change.state, reason=change.reason, call_id=change.call_id, state_since_utc=now)
        columns = {"state": change.state, "reason": change.reason, "call_id": change.call_id, "state_since_utc": now}
        await postings.change(self._store, posting, **columns)
        if posting.extension in self._postings:
            self._postings[posting.extension] = changed
        self._tell()

    async def _apply(self) -> None:
        while True:
            posting, change = await self._changes.get()
            current = self._postings.get(posting.extension)
            if current is None or current.since_utc != posting.since_utc or (current.state, current.call_id) == (change.state, change.call_id):
                continue
            try:
                await self._change(current, change, datetime.now(UTC))
            except StoreError as error:
                log.error("an agent's state cannot be kept", why=str(error))

    async def _say(self) -> None:
        while True:
            self._said.clear()
            self._end_long_wrap_ups()
            wanted = {one.extension: one.state != "ready" for one in self._postings.values()} | dict.fromkeys(self._left, True)
            reached = await self._pause(wanted) if wanted else True
            if reached != self.reaches_queue:
                self.reaches_queue = reached
                self._notify()
            try:
                async with asyncio.timeout(SAID_EVERY_S):
                    await self._said.wait()
            except TimeoutError:
                continue

    def _end_long_wrap_ups(self) -> None:
        before = datetime.now(UTC) - self._wrap_up
        for posting in self._postings.values():
            if posting.state == "wrap_up" and posting.state_since_utc < before:
                self._changes.put_nowait((posting, Change("ready")))

    def _tell(self) -> None:
        self._said.set()
        self._notify()

    def _notify(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()
