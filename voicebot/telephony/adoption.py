"""Callers whose bot was with another controller, or with one that is gone: once that one has written its last line, their records are gone on with.

Nothing here talks to Asterisk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from voicebot.errors import StoreError
from voicebot.store.events import Event, Outcome
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal

ADOPT_AFTER_S = 1.0
"""By then a controller that let a caller go has written all it knows; a dead one never will."""
log = structlog.get_logger()


@dataclass(slots=True)
class Awaited:
    """Stands for the record of a caller until it may be written; what happens meanwhile waits here. Times begin at 0 with the waiting."""

    lines: list[tuple[int, Event]] = field(default_factory=list)
    ending: tuple[int, Outcome, str] | None = None

    def append(self, t_ms: int, event: Event) -> None:
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
    """A caller to look after at `due_s`. With `awaited` he is adopted; one who is `gone` has his record sealed if nobody has done it."""

    channel: str
    due_s: float
    awaited: Awaited | None
    gone: bool


@dataclass(slots=True)
class Strays:
    """The callers to adopt, in the order they were seen. `clock` gives seconds, as the loop does."""

    clock: Callable[[], float]
    _due: asyncio.Queue[Stray | None] = field(default_factory=asyncio.Queue)

    def add(self, channel: str, awaited: Awaited | None = None, gone: bool = False) -> None:
        self._due.put_nowait(Stray(channel, self.clock() + ADOPT_AFTER_S, awaited, gone))

    def end(self) -> None:
        """No more will be added: `run` returns once those before are settled."""
        self._due.put_nowait(None)

    async def run(self, journal: Journal, on_settled: Callable[[str, CallJournal | None, int], Awaitable[None]]) -> None:
        """`on_settled` is told of each: the record to go on with and the time of its last line, or None where there is none or he is not adopted."""
        while stray := await self._due.get():
            await asyncio.sleep(stray.due_s - self.clock())
            try:
                record, zero_ms = await self._settled(journal, stray)
            except StoreError as error:
                log.error("record of a caller cannot be gone on with", why=str(error))
                record, zero_ms = None, 0
            await on_settled(stray.channel, record, zero_ms)

    async def _settled(self, journal: Journal, stray: Stray) -> tuple[CallJournal | None, int]:
        if not (stray.awaited or stray.gone):
            return None, 0
        record, zero_ms = await _adopted(journal, stray.channel)
        if record and stray.awaited:
            stray.awaited.into(record, zero_ms)
            return record, zero_ms
        if record:
            record.seal(zero_ms, "lost", "floor")
        return None, 0


async def _adopted(journal: Journal, channel: str) -> tuple[CallJournal | None, int]:
    """The open record of this channel's call and the time of its last line. None of one that is sealed, unknown, or with a bot of this process."""
    for call in await journal.unsealed():
        if call.channel == channel:
            return await journal.resume(call.call_id), call.last_t_ms
    return None, 0
