"""The record of one call while it is open: what is appended to, sealed once, and taken away when another controller takes the call over.

It is handed out by `Journal` and writes through it; it never touches the database.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from voicebot.store import events
from voicebot.store.events import CallSealed, Event, Outcome

if TYPE_CHECKING:
    from voicebot.store.journal import Journal

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call whose record is not sealed: `next_seq` lines are in the journal, the last at `last_utc`."""

    call_id: str
    channel: str
    started_utc: datetime
    queue: str | None
    last_utc: datetime
    last_t_ms: int
    next_seq: int


class CallJournal:
    """The record of one call, open for appending by one task at a time. Its order is the truth: a writer whose clock lags behind another's (the call
    counts frames of audio, the floor seconds) writes at the time of the last line."""

    def __init__(self, journal: Journal, call_id: str, started_utc: datetime, next_seq: int = 0, sealed: bool = False) -> None:
        self.call_id = call_id
        self.started_utc = started_utc
        self.sealed = sealed
        self.taken = asyncio.Event()
        """Set once another controller has written in this record: it is its call now, and nothing more is written here."""
        self._journal = journal
        self._next_seq = next_seq
        self._last_ms = 0

    def append(self, t_ms: int, event: Event) -> None:
        """Add one line at `t_ms` of the call. Never blocks, never raises; refused lines are logged and counted."""
        if self.sealed:
            _log.warning("event after the seal refused", call_id=self.call_id, type=events.tag(event))
            return
        self._put(t_ms, event)

    def seal(self, t_ms: int, outcome: Outcome, by: str) -> bool:
        """End the record. True the one time that it does; False when it was sealed already, or is another controller's."""
        if self.sealed or self.taken.is_set():
            return False
        self.sealed = True
        self._put(t_ms, CallSealed(outcome, by, max(t_ms, self._last_ms)))
        self._journal.on_sealed(self.call_id, outcome)
        self._journal._forget(self)
        return True

    async def ours(self) -> bool:
        """Whether this is still our call, asked of the database: what was appended is written first. While it takes nothing, the call stays ours."""
        if not self.taken.is_set():
            await self._journal._flush()
            await self._journal._look_at(self.call_id, self._next_seq)
        return not self.taken.is_set()

    def let_go(self) -> None:
        """Write no more here; whoever sees the caller next goes on with the record."""
        self._journal._forget(self)

    def _catch_up(self, next_seq: int, last_ms: int, sealed: bool) -> None:
        """Go on behind what others have written meanwhile."""
        self._next_seq = max(self._next_seq, next_seq)
        self._last_ms = max(self._last_ms, last_ms)
        self.sealed = self.sealed or sealed

    def _put(self, t_ms: int, event: Event) -> None:
        if self.taken.is_set():
            _log.warning("event of a call that another controller has taken over", call_id=self.call_id, type=events.tag(event))
            return
        self._last_ms = max(self._last_ms, t_ms)
        if self._journal._accept(self.call_id, self._next_seq, self._last_ms, event):
            self._next_seq += 1
