"""Callers whose bot was with another controller, or with one that is gone: once that one has written its last line, their records are gone on with.

Nothing here talks to Asterisk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import structlog

from voicebot.errors import StoreError
from voicebot.store.events import Event, Fault, HandoverDecided, Outcome
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal, OpenCall

ADOPT_AFTER_S = 1.0
"""By then a controller that let a caller go has written all it knows; a dead one never will."""
LINES_MAX = 1_000
"""What waits for a caller's record at most: one who was with no bot may wait in a queue for hours."""
log = structlog.get_logger()


@dataclass(slots=True)
class Awaited:
    """Stands for the record of a caller until it may be written; what happens meanwhile waits here.

    Times begin at 0 with the waiting, or with the call when its `call_id` is known.
    """

    call_id: str = ""
    lines: list[tuple[int, Event]] = field(default_factory=list)
    ending: tuple[int, Outcome, str] | None = None

    @property
    def sealed(self) -> bool:
        return self.ending is not None

    def append(self, t_ms: int, event: Event) -> None:
        if len(self.lines) < LINES_MAX:
            self.lines.append((t_ms, event))

    def seal(self, t_ms: int, outcome: Outcome, by: str) -> bool:
        self.ending = (t_ms, outcome, by)
        return True

    def into(self, record: CallJournal, zero_ms: int) -> None:
        """Write what has waited."""
        for t_ms, event in self.lines:
            record.append(zero_ms + t_ms, event)
        if self.ending:
            t_ms, outcome, by = self.ending
            record.seal(zero_ms + t_ms, outcome, by)


@dataclass(frozen=True, slots=True)
class Stray:
    """A caller to look after at `due_s`. With `awaited` he is adopted; one who is `gone` has his record sealed if nobody has done it; one who was
    `tended` has lost his bot's media, and may have been given up."""

    channel: str
    due_s: float
    awaited: Awaited | None
    gone: bool
    tended: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a stray: the record to go on with and the time of its last line, None where there is none or he is not adopted."""

    channel: str
    record: CallJournal | None = None
    zero_ms: int = 0
    tended: bool = False
    given_up: bool = False
    """His record says that he is on the way to a person."""


@dataclass(slots=True)
class Strays:
    """The callers to adopt, in the order they were seen. `clock` gives seconds, as the loop does."""

    clock: Callable[[], float]
    _waiting: deque[Stray] = field(default_factory=deque)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: bool = False

    def add(self, channel: str, awaited: Awaited | None = None, gone: bool = False, tended: bool = False) -> None:
        self._waiting.append(Stray(channel, self.clock() + ADOPT_AFTER_S, awaited, gone, tended))
        self._more.set()

    def end(self) -> None:
        """No more will be added: `run` returns once those before are settled."""
        self._ended = True
        self._more.set()

    async def run(self, journal: Journal, on_settled: Callable[[Sequence[Settled]], Awaitable[None]]) -> None:
        """`on_settled` is told of all that were due together: in a busy Asterisk many channels end that are none of ours."""
        while self._waiting or not self._ended:
            self._more.clear()
            if due := await self._due():
                await on_settled(await _settled(journal, due))
            else:
                await self._more.wait()

    async def _due(self) -> list[Stray]:
        """Those to be settled next, once they are due; none when none waits."""
        if not self._waiting:
            return []
        due_s = self._waiting[0].due_s
        await asyncio.sleep(due_s - self.clock())
        now_s = max(due_s, self.clock())
        return [self._waiting.popleft() for _ in list(takewhile(lambda stray: stray.due_s <= now_s, self._waiting))]


async def _settled(journal: Journal, due: Sequence[Stray]) -> list[Settled]:
    """A call that is sealed, unknown, or with a bot of this process is nobody's to adopt."""
    try:
        unsealed = {call.channel: call for call in await journal.unsealed()} if any(map(_asks, due)) else {}
    except StoreError as error:
        log.error("records of callers cannot be gone on with", why=str(error))
        unsealed = {}
    return [await _one(journal, stray, unsealed) for stray in due]


def _asks(stray: Stray) -> bool:
    return bool(stray.awaited or stray.gone or stray.tended)


async def _one(journal: Journal, stray: Stray, unsealed: dict[str, OpenCall]) -> Settled:
    call = unsealed.get(stray.channel) if _asks(stray) else None
    try:
        if call and stray.tended:
            return Settled(stray.channel, tended=True, given_up=await _given_up(journal, call))
        if call:
            del unsealed[stray.channel]
            return _adopted(stray, await journal.resume(call.call_id), call.last_t_ms)
    except StoreError as error:
        log.error("record of a caller cannot be gone on with", why=str(error))
    return Settled(stray.channel, tended=stray.tended)


def _adopted(stray: Stray, record: CallJournal, zero_ms: int) -> Settled:
    if stray.awaited:
        stray.awaited.into(record, zero_ms)
        return Settled(stray.channel, record, zero_ms)
    record.seal(zero_ms, "lost", "floor")
    return Settled(stray.channel)


async def _given_up(journal: Journal, call: OpenCall) -> bool:
    """Else his call is taken over by whoever Asterisk connects to next."""
    events = [line.event for line in await journal.lines(call.call_id)]
    return any(isinstance(event, HandoverDecided) or (isinstance(event, Fault) and event.where == "call") for event in events)
