"""The journal of all calls: append-only lines of typed events, written by one task beside the calls.

A call appends to memory and goes on; it never waits for the database and never sees an error of it. What the database will not
take goes to the spool and from there, in order and once, to the database when it is back. Nothing here reads records for people.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Self

import structlog
from sqlalchemy import Row, Select
from sqlalchemy.exc import SQLAlchemyError

from voicebot.errors import StoreError
from voicebot.scopes import lasting
from voicebot.store import events
from voicebot.store.commits import RETRY_S, Commits
from voicebot.store.database import Database, plain
from voicebot.store.events import CallSealed, CallStarted, Event, Fault, Line, Outcome
from voicebot.store.lines import LAST_LINE, lines_of
from voicebot.store.record import CallJournal, OpenCall
from voicebot.store.spool import Spool
from voicebot.store.tables import CALLS

GROUP_S = 0.025
"""Lines wait this long for company before a commit; with the commit itself a `kill -9` costs at most the last 50 ms."""
READ_S = 1.0
"""A read that takes longer is given up: callers wait for what it would tell, and the queue is there for them."""
BATCH = 1_000
BACKLOG = 50_000
"""Lines in memory beyond which appends are refused: only when neither database nor spool takes any."""

_log = structlog.get_logger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Journal:
    """All records of this process. One task runs `run`; several processes may share a database, each with its own calls."""

    def __init__(self, database: Database, spool: Spool, clock: Callable[[], datetime] = _utc_now) -> None:
        """Use `open`."""
        self.on_sealed: Callable[[str, Outcome], None] = lambda _call_id, _outcome: None
        self.lost = 0
        """Events that reached neither database nor spool, since start."""
        self._database = database
        self._spool = spool
        self._spool_trouble = ""
        self._clock = clock
        self._lines: deque[Line] = deque()
        self._live: dict[str, CallJournal] = {}
        self._fenced: set[str] = set()
        """Calls that another process has taken over from this one: what still comes for them is not written."""
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._reading = asyncio.Lock()
        """One connection reads, however many calls ask at once; one that hangs keeps the others from it, which give up in time."""
        self._commits = Commits(database, self._fenced, self._fence)
        self._draining: Sequence[Line] = ()
        """What was read from the spool and is not known to stand in the database."""
        self._closed = False

    @classmethod
    async def open(cls, url: str, spool: Path) -> Self:
        """Open or make the database at `url`, migrate it, take over spools left in folder `spool`. One that is locked, full or damaged is waited for
        while lines are spooled. Raises StoreError."""
        held = await asyncio.to_thread(Spool, spool)
        try:
            database = Database(url)
            why = await database.open()
        except StoreError:
            held.close()
            raise
        journal = cls(database, held)
        if why:
            journal._commits.fail(why)
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

    @property
    def last_commit_ms(self) -> float:
        """How long the last commit took."""
        return self._commits.last_ms

    @property
    def trouble(self) -> str:
        """Why new lines do not go straight into the database; empty when all is well."""
        return self._spool_trouble or self._commits.trouble or ("lines of a time of trouble are still in the spool" if self.spooled else "")

    def call(self, call_id: str, first: CallStarted) -> CallJournal:
        """Open the record of a new call; do it before any task of the call exists. Raises StoreError for an id in use."""
        if call_id in self._live:
            raise StoreError(f"{call_id}: this call has an open record already")
        record = self._live[call_id] = CallJournal(self, call_id, first.at_utc)
        record.append(0, first)
        return record

    async def resume(self, call_id: str) -> CallJournal:
        """The record to go on with, behind its last line, whoever wrote that. Raises StoreError when there is none."""
        await self._collect()
        found = await self._read(LAST_LINE.where(CALLS.c.call_id == call_id))
        record = self._live.get(call_id)
        if not found:
            if record is None:
                raise StoreError(f"{call_id}: no such call in the journal")
            return record
        row = found[0]
        if record is None:
            record = CallJournal(self, call_id, row.started_utc)
        record._catch_up(row.seq + 1, row.t_ms, sealed=row.sealed_utc is not None)
        if not record.sealed:
            self._fenced.discard(call_id)
            self._live[call_id] = record
        return record

    async def lines(self, call_id: str) -> list[Line]:
        """What the journal holds of one call, in order; nothing of an unknown one. Raises StoreError."""
        await self._collect()
        return [Line(*row) for row in await self._read(lines_of(call_id))]

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
        await self._database.close()
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

    def _forget(self, record: CallJournal) -> None:
        if self._live.get(record.call_id) is record:
            del self._live[record.call_id]

    async def _collect(self) -> None:
        """Get all into the database that can be: of this process, and of dead ones."""
        try:
            await asyncio.to_thread(self._spool.adopt)
        except OSError as error:
            _log.error("spools of other processes cannot be read", why=plain(error))
        await self._flush()
        while self._spool.pending and not self._commits.trouble:
            await self._flush()

    async def _flush(self) -> None:
        async with self._flushing:
            batch = list(islice(self._lines, BATCH))
            stored = bool(batch) and await self._stored(batch)
            for _ in batch if stored else ():
                self._lines.popleft()
            await self._drain()  # also when the spool is full: this is what empties it
            if (self._lines and stored) or (self._spool.pending and not self._commits.trouble):
                self._wake.set()

    async def _stored(self, batch: Sequence[Line]) -> bool:
        """Into the database, or behind what waits in the spool."""
        if not self._spool.pending and self._commits.due and await self._commits.take(batch):
            self._spool_trouble = ""
            return True
        try:
            await asyncio.to_thread(self._spool.add, batch)
        except OSError as error:
            if not self._spool_trouble:
                _log.error("spool takes no events; they wait in memory", why=plain(error), backlog=len(self._lines))
            self._spool_trouble = f"neither database nor spool takes events: {plain(error)}"
            return False
        self._spool_trouble = ""
        return True

    async def _drain(self) -> None:
        """One batch from spool to database, so that new lines never wait long for old ones."""
        if not (self._spool.pending and self._commits.due):
            return
        try:
            self._draining = self._draining or await asyncio.to_thread(self._spool.peek, BATCH)
            if await self._commits.take(self._draining):
                self._draining = ()
                await asyncio.to_thread(self._spool.confirm)
        except OSError as error:
            self._commits.fail(f"spool: {plain(error)}")

    def _fence(self, call_id: str, count: int) -> None:
        """Another process went on with this call while we stood still: it is theirs now."""
        self._fenced.add(call_id)
        if count:
            self._lose(count, "events refused: another process wrote or sealed the same call")
        if record := self._live.pop(call_id, None):
            record.taken.set()

    async def _look_at(self, call_id: str, next_seq: int) -> None:
        """Whether another process went on with this call, of which `next_seq` lines were appended here. Unreadable: no."""
        with suppress(StoreError):
            found = await self._read(LAST_LINE.where(CALLS.c.call_id == call_id))
            if found and found[0].seq >= next_seq:
                self._fence(call_id, 0)

    def _lose(self, count: int, why: str) -> None:
        before, self.lost = self.lost, self.lost + count
        if not before or before // 1_000 < self.lost // 1_000:  # a log line for each would flood the log
            _log.error("journal events lost", why=why, lost=self.lost)

    async def _read(self, wanted: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        """Raises StoreError. As in `Commits.take` no statement is cut short: one that is late ends by itself."""
        try:
            async with asyncio.timeout(READ_S):
                await self._reading.acquire()
                rows = lasting(self._rows(wanted))
                rows.add_done_callback(lambda _: self._reading.release())
                return await asyncio.shield(rows)
        except TimeoutError:
            raise StoreError("the journal cannot be read: no answer within the deadline") from None
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"the journal cannot be read: {plain(error)}") from None

    async def _rows(self, wanted: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        async with self._database.engine.connect() as connection:
            return (await connection.execute(wanted)).all()
