"""The journal of all calls: append-only lines of typed events, written by one task beside the calls.

A call appends to memory and goes on; it never waits for the database and never sees an error of it. What the database will not
take goes to the spool and from there, in order and once, to the database when it is back. Nothing here reads records for people.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Self

import structlog
from sqlalchemy import Row, Select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from voicebot.errors import StoreError
from voicebot.store import events
from voicebot.store.database import open_writing, plain, writing
from voicebot.store.events import CallSealed, CallStarted, Event, Fault, Line, Outcome
from voicebot.store.lines import LAST_LINE, write
from voicebot.store.spool import Spool
from voicebot.store.tables import CALLS

GROUP_S = 0.025
"""Lines wait this long for company before a commit; with the commit itself a `kill -9` costs at most the last 50 ms."""
COMMIT_DEADLINE_S = 2.0
RETRY_S = 1.0
BATCH = 1_000
BACKLOG = 50_000
"""Lines in memory beyond which appends are refused: only when neither database nor spool takes any."""

_log = structlog.get_logger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


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
    """The record of one call, open for appending by one task at a time."""

    def __init__(self, journal: Journal, call_id: str, started_utc: datetime, next_seq: int = 0, sealed: bool = False) -> None:
        self.call_id = call_id
        self.started_utc = started_utc
        self.sealed = sealed
        self._journal = journal
        self._next_seq = next_seq

    def append(self, t_ms: int, event: Event) -> None:
        """Add one line at `t_ms` of the call. Never blocks, never raises; refused lines are logged and counted."""
        if self.sealed:
            _log.warning("event after the seal refused", call_id=self.call_id, type=events.tag(event))
            return
        self._put(t_ms, event)

    def seal(self, t_ms: int, outcome: Outcome, by: str) -> bool:
        """End the record. True the one time that it does; False when it was sealed already."""
        if self.sealed:
            return False
        self.sealed = True
        self._put(t_ms, CallSealed(outcome, by, t_ms))
        self._journal.on_sealed(outcome)
        self._journal._forget(self.call_id)
        return True

    def _put(self, t_ms: int, event: Event) -> None:
        if self._journal._accept(self.call_id, self._next_seq, t_ms, event):
            self._next_seq += 1


class Journal:
    """All records of this process. One task runs `run`; several processes may share a database, each with its own calls."""

    def __init__(self, engine: AsyncEngine, spool: Spool, clock: Callable[[], datetime] = _utc_now) -> None:
        """Use `open`."""
        self.on_sealed: Callable[[Outcome], None] = lambda _outcome: None
        self.lost = 0
        """Events that reached neither database nor spool, since start."""
        self.last_commit_ms = 0.0
        self._engine = engine
        self._spool = spool
        self._clock = clock
        self._lines: deque[Line] = deque()
        self._live: dict[str, CallJournal] = {}
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._commit: asyncio.Future[bool] | None = None
        self._retry_at_s = 0.0
        self._troubled = False
        self._closed = False

    @classmethod
    async def open(cls, url: str, spool: Path) -> Self:
        """Open or make the database at `url`, migrate it, take over spools left in folder `spool`. Raises StoreError."""
        held = await asyncio.to_thread(Spool, spool)
        try:
            journal = cls(await open_writing(url), held)
        except StoreError:
            held.close()
            raise
        await journal._flush()
        return journal

    @property
    def backlog(self) -> int:
        """Lines in memory, waiting for the next commit."""
        return len(self._lines)

    @property
    def spooled(self) -> int:
        """Lines in the spool, waiting for the database: an alarm when above 0."""
        return self._spool.pending

    def call(self, call_id: str, first: CallStarted) -> CallJournal:
        """Open the record of a new call; do it before any task of the call exists. Raises StoreError for an id in use."""
        if call_id in self._live:
            raise StoreError(f"{call_id}: this call has an open record already")
        record = self._live[call_id] = CallJournal(self, call_id, first.at_utc)
        record.append(0, first)
        return record

    async def resume(self, call_id: str) -> CallJournal:
        """The record to go on with: the open one of this process, else from the database. Raises StoreError when there is none."""
        if record := self._live.get(call_id):
            return record
        await self._collect()
        found = await self._read(LAST_LINE.where(CALLS.c.call_id == call_id))
        if not found:
            raise StoreError(f"{call_id}: no such call in the journal")
        row = found[0]
        record = CallJournal(self, call_id, row.started_utc, row.seq + 1, sealed=row.sealed_utc is not None)
        return record if record.sealed else self._live.setdefault(call_id, record)

    async def unsealed(self) -> list[OpenCall]:
        """Calls without an end that this process has not open: of a process that crashed, or of one still at work."""
        await self._collect()
        rows = await self._read(LAST_LINE.where(CALLS.c.sealed_utc.is_(None)).order_by(CALLS.c.started_utc))
        return [
            OpenCall(row.call_id, row.channel, row.started_utc, row.queue, row.at_utc, row.t_ms, row.seq + 1)
            for row in rows
            if row.call_id not in self._live
        ]

    async def run(self) -> None:
        """Write until `close`. The only writer; one task of the app's TaskGroup."""
        while not self._closed:
            unfinished = self._lines or self._spool.pending
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S if unfinished else None):
                    await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(GROUP_S)
            await self._flush()

    async def close(self) -> None:
        """Write what is left, to the spool if need be, and let go of database and spool. `run` ends. Appends are refused from here on."""
        self._closed = True
        self._wake.set()
        waiting = -1
        while self._lines and len(self._lines) != waiting:
            waiting = len(self._lines)
            await self._flush()
        if self._lines:
            self._lose(len(self._lines), "journal closed while neither database nor spool took events")
        await self._engine.dispose()
        self._spool.close()

    def _accept(self, call_id: str, seq: int, t_ms: int, event: Event) -> bool:
        frame = isinstance(event, CallStarted | CallSealed)
        if self._closed or (len(self._lines) >= BACKLOG and not frame):
            self._lose(1, "event refused: journal closed or its backlog full")
            return False
        self._lines.append(self._line(call_id, seq, t_ms, event))
        self._wake.set()
        return True

    def _line(self, call_id: str, seq: int, t_ms: int, event: Event) -> Line:
        try:
            return Line(call_id, seq, int(t_ms), self._clock(), events.tag(event), events.encode(event))
        except (TypeError, ValueError, OverflowError) as error:
            _log.error("event cannot be written; a fault stands for it", call_id=call_id, type=events.tag(event), why=str(error))
            stand_in = Fault("journal", f"{events.tag(event)} could not be written")
            return Line(call_id, seq, 0, self._clock(), events.tag(stand_in), events.encode(stand_in))

    def _forget(self, call_id: str) -> None:
        self._live.pop(call_id, None)

    async def _collect(self) -> None:
        """Get all into the database that can be: of this process, and of dead ones."""
        try:
            await asyncio.to_thread(self._spool.adopt)
        except OSError as error:
            _log.error("spools of other processes cannot be read", why=plain(error))
        await self._flush()
        while self._spool.pending and not self._troubled:
            await self._flush()

    async def _flush(self) -> None:
        async with self._flushing:
            batch = list(islice(self._lines, BATCH))
            if batch and not await self._stored(batch):
                return
            for _ in batch:
                self._lines.popleft()
            await self._drain()
            if self._lines or (self._spool.pending and not self._troubled):
                self._wake.set()

    async def _stored(self, batch: Sequence[Line]) -> bool:
        """Into the database, or behind what waits in the spool."""
        if not self._spool.pending and self._due() and await self._committed(batch):
            return True
        try:
            await asyncio.to_thread(self._spool.add, batch)
        except OSError as error:
            _log.error("spool takes no events; they wait in memory", why=plain(error), backlog=len(self._lines))
            return False
        return True

    async def _drain(self) -> None:
        """One batch from spool to database, so that new lines never wait long for old ones."""
        if not (self._spool.pending and self._due()):
            return
        try:
            lines = await asyncio.to_thread(self._spool.peek, BATCH)
            if await self._committed(lines):
                await asyncio.to_thread(self._spool.confirm)
        except OSError as error:
            self._trouble(f"spool: {plain(error)}")

    def _due(self) -> bool:
        return asyncio.get_running_loop().time() >= self._retry_at_s

    async def _committed(self, lines: Sequence[Line]) -> bool:
        """Whether they were, within the deadline. A commit is never cancelled: a statement cut short leaves SQLite's lock to a
        dead connection until that is garbage-collected. One that hangs is left to end; its lines are spooled meanwhile."""
        if self._commit and not await self._done_within(0 if self._troubled else COMMIT_DEADLINE_S, self._commit):
            return False
        self._commit = asyncio.ensure_future(self._write(lines))
        return await self._done_within(COMMIT_DEADLINE_S, self._commit) and self._commit.result()

    async def _done_within(self, deadline_s: float, commit: asyncio.Future[bool]) -> bool:
        await asyncio.wait({commit}, timeout=deadline_s)
        if not commit.done():
            self._trouble("no answer within the deadline")
        return commit.done()

    async def _write(self, lines: Sequence[Line]) -> bool:
        started_s = asyncio.get_running_loop().time()
        try:
            async with writing(self._engine).begin() as connection:
                refused = await write(connection, lines)
        except (SQLAlchemyError, OSError) as error:
            self._trouble(plain(error))
            return False
        self.last_commit_ms = (asyncio.get_running_loop().time() - started_s) * 1_000
        if refused:
            self._lose(refused, "events refused: another process wrote or sealed the same call")
        if self._troubled:
            _log.warning("journal database takes events again", spooled=self.spooled)
        self._troubled = False
        return True

    def _trouble(self, why: str) -> None:
        if not self._troubled:
            _log.error("journal database takes no events; spooling", why=why)
        self._troubled = True
        self._retry_at_s = asyncio.get_running_loop().time() + RETRY_S

    def _lose(self, count: int, why: str) -> None:
        before, self.lost = self.lost, self.lost + count
        if not before or before // 1_000 < self.lost // 1_000:  # a log line for each would flood the log
            _log.error("journal events lost", why=why, lost=self.lost)

    async def _read(self, wanted: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        try:
            async with self._engine.connect() as connection:
                result = await connection.execute(wanted)
                return result.all()
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"the journal cannot be read: {plain(error)}") from None
