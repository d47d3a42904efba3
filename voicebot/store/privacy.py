"""What a caller may ask for and a law may demand: all that is kept of a number, erased or handed out; what is too old, blanked; all of it audited.

Lines of the journal stay as empty lines, so that counts and invariants hold; words, numbers, scores and audio go, from the file's free pages and the
write-ahead log too. Nothing of a number under a legal hold is touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Select, Table, and_, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.errors import StoreError
from voicebot.store import events
from voicebot.store.blanking import Kept, without
from voicebot.store.database import insert_new
from voicebot.store.desk import DeskStore
from voicebot.store.desk_tables import FOLLOW_UPS, NOTES, PROPOSALS, WRAP_UPS
from voicebot.store.events import Line, Recorded
from voicebot.store.privacy_tables import AUDIT, BLANKED, HOLDS
from voicebot.store.search_keeper import forget, purge
from voicebot.store.tables import CALLS, EVENTS

WRITTEN: Mapping[Table, tuple[str, ...]] = {
    NOTES: ("text",),
    WRAP_UPS: ("meant",),
    FOLLOW_UPS: ("text",),
    PROPOSALS: ("question", "answer"),
}
"""What people wrote about calls: these columns go with the words of the call. A proposal that was approved lives on in the knowledge base's files."""
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Erased:
    """How much went."""

    calls: int
    recordings: int


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the audit log. `about` names calls, never a number or words."""

    at_utc: datetime
    staff: str
    deed: str
    about: str


async def audit(store: DeskStore, deed: Deed) -> None:
    """Keep it, for good. Raises StoreError."""
    async with store.stating() as connection:
        await _audited(connection, deed)


async def deeds(store: DeskStore, limit: int = 200) -> list[Deed]:
    """The newest deeds, newest first. Raises StoreError."""
    columns = AUDIT.c.at_utc, AUDIT.c.staff, AUDIT.c.deed, AUDIT.c.about
    async with store.reading() as connection:
        return [Deed(*row) for row in await connection.execute(select(*columns).order_by(AUDIT.c.audit_id.desc()).limit(limit))]


async def hold(store: DeskStore, number: str, why: str, staff: str, at_utc: datetime) -> None:
    """Keep all of `number`, whatever expires or is asked to be erased, until `release`. Raises StoreError."""
    async with store.writing() as connection:
        await connection.execute(delete(HOLDS).where(HOLDS.c.ani == number))
        await connection.execute(insert(HOLDS), [{"ani": number, "at_utc": at_utc, "staff": staff, "why": why}])
        await _audited(connection, Deed(at_utc, staff, "hold", why))


async def release(store: DeskStore, number: str, staff: str, at_utc: datetime) -> None:
    """End a hold. Raises StoreError when there is none."""
    async with store.writing() as connection:
        found = await connection.execute(delete(HOLDS).where(HOLDS.c.ani == number))
        if not found.rowcount:
            raise StoreError("no legal hold is on this number")
        await _audited(connection, Deed(at_utc, staff, "release", ""))


async def erase(store: DeskStore, number: str, staff: str, at_utc: datetime) -> Erased:
    """Blank all that is kept of `number`, and delete its recordings. Raises StoreError while a call of it is open, or a hold is on it."""
    async with store.writing() as connection:
        await _refused_on_hold(connection, number)
        open_call = await connection.scalar(select(CALLS.c.call_id).where(CALLS.c.ani == number, CALLS.c.sealed_utc.is_(None)).limit(1))
        if open_call:
            raise StoreError(f"{open_call}: a call of this number is still open; erase it when that is over")
        call_ids = list(await connection.scalars(select(CALLS.c.call_id).where(CALLS.c.ani == number)))
        recordings = await _blanked(connection, call_ids, tuple(Kept), at_utc)
        await _audited(connection, Deed(at_utc, staff, "erase", " ".join(call_ids)))
    await _forgotten(store)
    return Erased(len(call_ids), recordings)


async def expire(store: DeskStore, terms_days: Mapping[Kept, int], at_utc: datetime, staff: str = "nightly") -> Erased:
    """Blank what is older than its term; a class without a term stays for ever. Doing it again changes nothing. Raises StoreError."""
    calls, recordings = 0, 0
    for kept, days in terms_days.items():
        while call_ids := await _too_old(store, kept, at_utc - timedelta(days=days)):
            async with store.writing() as connection:
                recordings += await _blanked(connection, call_ids, (kept,), at_utc)
            calls += len(call_ids)
    if calls:
        await audit(store, Deed(at_utc, staff, "expire", f"{calls} calls"))
        await _forgotten(store)
    return Erased(calls, recordings)


async def export(store: DeskStore, number: str, staff: str, at_utc: datetime) -> list[dict[str, Any]]:
    """All that is kept of `number`, a call an item: its journal, what people wrote about it, and where its audio lies. Audited. Raises StoreError."""
    async with store.writing() as connection:
        call_ids = list(await connection.scalars(select(CALLS.c.call_id).where(CALLS.c.ani == number).order_by(CALLS.c.started_utc)))
        await _audited(connection, Deed(at_utc, staff, "export", " ".join(call_ids)))
        return [await _exported(connection, call_id) for call_id in call_ids]


async def _exported(connection: AsyncConnection, call_id: str) -> dict[str, Any]:
    lines = [Line(*row) for row in await connection.execute(_lines_of([call_id]))]
    written = {}
    for table in WRITTEN:
        rows = (await connection.execute(select(table).where(table.c.call_id == call_id))).mappings()
        written[table.name] = [{name: _told(value) for name, value in row.items()} for row in rows]
    journal = [{"t_ms": line.t_ms, "at_utc": line.at_utc.isoformat(), "type": line.type, "event": line.payload} for line in lines]
    return {"call_id": call_id, "journal": journal, "recordings": sorted(_recordings(lines)), **written}


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


async def _too_old(store: DeskStore, kept: Kept, before: datetime) -> list[str]:
    done = exists().where(and_(BLANKED.c.call_id == CALLS.c.call_id, BLANKED.c.kept == kept))
    held = exists().where(HOLDS.c.ani == CALLS.c.ani)
    wanted = select(CALLS.c.call_id).where(CALLS.c.started_utc < before, CALLS.c.sealed_utc.is_not(None), ~done, ~held).limit(_AT_ONCE)
    async with store.reading() as connection:
        return list(await connection.scalars(wanted))


async def _refused_on_hold(connection: AsyncConnection, number: str) -> None:
    held = (await connection.execute(select(HOLDS.c.why).where(HOLDS.c.ani == number))).first()
    if held:
        raise StoreError(f"a legal hold is on this number ({held.why}); end it first with `voicebot privacy release`")


async def _blanked(connection: AsyncConnection, call_ids: Sequence[str], classes: Sequence[Kept], at_utc: datetime) -> int:
    """Overwrite what these calls hold of `classes`. Returns how many recordings went: one that stays undoes all."""
    recordings = 0
    for first in range(0, len(call_ids), _AT_ONCE):
        some = call_ids[first : first + _AT_ONCE]
        lines = [Line(*row) for row in await connection.execute(_lines_of(some))]
        if Kept.AUDIO in classes:
            recordings += await asyncio.to_thread(_deleted, _recordings(lines))
        for line in lines:
            await _overwritten(connection, line, classes)
        await _with_it(connection, some, classes)
        await forget(connection, some, classes)
        marks = [{"call_id": call_id, "kept": str(kept), "at_utc": at_utc} for call_id in some for kept in classes]
        await connection.execute(insert_new(connection.dialect.name, BLANKED), marks)
    return recordings


async def _overwritten(connection: AsyncConnection, line: Line, classes: Iterable[Kept]) -> None:
    event = was = line.event
    for kept in classes:
        event = without(event, kept)
    if event != was:
        place = and_(EVENTS.c.call_id == line.call_id, EVENTS.c.seq == line.seq)
        await connection.execute(update(EVENTS).where(place).values(payload=events.encode(event)))


async def _with_it(connection: AsyncConnection, call_ids: Sequence[str], classes: Iterable[Kept]) -> None:
    if Kept.WORDS in classes:
        for table, columns in WRITTEN.items():
            await connection.execute(update(table).where(table.c.call_id.in_(call_ids)).values(dict.fromkeys(columns, "")))
    if Kept.NUMBER in classes:
        await connection.execute(update(CALLS).where(CALLS.c.call_id.in_(call_ids)).values(ani=""))


def _lines_of(call_ids: Sequence[str]) -> Select[Any]:
    return select(EVENTS).where(EVENTS.c.call_id.in_(call_ids)).order_by(EVENTS.c.call_id, EVENTS.c.seq)


def _recordings(lines: Iterable[Line]) -> set[str]:
    return {line.event.path for line in lines if isinstance(line.event, Recorded) and line.event.path}


def _deleted(paths: Iterable[str]) -> int:
    """How many recordings there were. Raises StoreError for one that stays."""
    count = 0
    for path in map(Path, paths):
        try:
            path.unlink()
            count += 1
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"{path.name}: this recording cannot be deleted: {error.strerror}") from None
    return count


async def _audited(connection: AsyncConnection, deed: Deed) -> None:
    await connection.execute(insert(AUDIT), [{"at_utc": deed.at_utc, "staff": deed.staff, "deed": deed.deed, "about": deed.about}])


async def _forgotten(store: DeskStore) -> None:
    """SQLite's write-ahead log still holds what was overwritten: take it in and empty it. Waits for readers as long as the database waits for locks.

    Raises StoreError when a reader keeps it open. PostgreSQL overwrites by itself as it vacuums.
    """
    async with store.outside() as connection:
        await purge(connection)
        if connection.dialect.name != "sqlite":
            await connection.exec_driver_sql("VACUUM events, calls")
            return
        busy, *_ = (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).one()
        if busy:
            raise StoreError("erased, but another program reads the database and keeps its old pages; run this again when it has ended")
