"""Keeps the call log's search up to date with the journal: takes sealed calls in, makes all of it anew, forgets what must be forgotten.

It runs beside the calls, in the desk or by `voicebot store rebuild`, and never where a call waits for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import delete, exists, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.store.blanking import Kept
from voicebot.store.desk import DeskStore
from voicebot.store.events import Line
from voicebot.store.search_digest import Digest, alike, digest
from voicebot.store.search_tables import DIGESTS, SLOTS, TOPICS, UNANSWERED, place
from voicebot.store.tables import CALLS, EVENTS

AT_ONCE = 200
"""Calls in one transaction: the journal's writer never waits for longer."""
MERGED_PAGES = 400
_KEY = {"sqlite": "rowid", "postgresql": "place"}
_COLUMNS = tuple(column.name for column in DIGESTS.columns if column.name != "place")


async def catch_up(store: DeskStore, since_utc: datetime | None = None) -> int:
    """Take in every sealed call that is missing, of those sealed since then. Returns how many. Raises StoreError."""
    known = exists().where(DIGESTS.c.call_id == CALLS.c.call_id)
    missing = select(CALLS.c.call_id).where(CALLS.c.sealed_utc.is_not(None), ~known).order_by(CALLS.c.started_utc)
    if since_utc:
        missing = missing.where(CALLS.c.sealed_utc >= since_utc)
    async with store.reading() as connection:
        call_ids = list(await connection.scalars(missing))
    return await take_in(store, call_ids)


async def take_in(store: DeskStore, call_ids: Sequence[str]) -> int:
    """Digest these calls, again if they were before. Returns how many were sealed. Raises StoreError."""
    taken = 0
    for first in range(0, len(call_ids), AT_ONCE):
        some = call_ids[first : first + AT_ONCE]
        async with store.reading() as connection:
            found = await _digests(connection, some)
        async with store.writing() as connection:
            await _dropped(connection, some)
            await keep(connection, found)
        taken += len(found)
    return taken


async def rebuild(store: DeskStore) -> int:
    """Make all of it anew from the journal. Returns how many calls it holds. Raises StoreError."""
    async with store.writing() as connection:
        for table in ("words", "unanswered", "topics", "digests"):
            await connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - four names of ours
    return await catch_up(store)


async def rebuild_at(url: str) -> int:
    """The same for the database at `url`. Raises StoreError."""
    async with DeskStore.open(url) as store:
        return await rebuild(store)


async def keep(connection: AsyncConnection, found: Sequence[Digest]) -> None:
    """Write the rows of calls that are not there yet, inside the caller's transaction."""
    if not found:
        return
    in_order = sorted(found, key=lambda each: (each.started_utc, each.call_id))
    placed = list(zip(await _places(connection, in_order), in_order, strict=True))
    rows = [{"place": at, **{name: getattr(each, name) for name in _COLUMNS}} for at, each in placed]
    await connection.execute(insert(DIGESTS), rows)
    topics = [{"place": at, "entry_id": entry_id, "led": entry_id == each.led} for at, each in placed for entry_id in each.topics]
    asked = [
        {"place": at, "number": number, "alike": alike(asked), "text": asked} for at, each in placed for number, asked in enumerate(each.unanswered)
    ]
    for table, lines in ((TOPICS, topics), (UNANSWERED, asked)):
        if lines:
            await connection.execute(insert(table), lines)
    await _indexed(connection, [(at, each.terms) for at, each in placed if each.terms])


async def forget(connection: AsyncConnection, call_ids: Sequence[str], classes: Collection[Kept]) -> None:
    """Let go of what these calls hold of these classes of personal data, inside the caller's transaction; `purge` afterwards takes the bytes."""
    ours = DIGESTS.c.call_id.in_(call_ids)
    if Kept.WORDS in classes:
        places = list(await connection.scalars(select(DIGESTS.c.place).where(ours)))
        await connection.execute(delete(UNANSWERED).where(UNANSWERED.c.place.in_(places)))
        await _unindexed(connection, places)
    emptied: dict[str, Any] = {"ani": ""} if Kept.NUMBER in classes else {}
    if Kept.SCORES in classes:
        emptied["anger"] = None
    if emptied:
        await connection.execute(update(DIGESTS).where(ours).values(emptied))


async def purge(connection: AsyncConnection) -> None:
    """Take what was forgotten out of the index's pages, some in each transaction: SQLite only marks it
    (https://sqlite.org/fts5.html#the_merge_command)."""
    if connection.dialect.name != "sqlite":
        await connection.exec_driver_sql("VACUUM words, digests, unanswered")
        return
    pages, changes = -MERGED_PAGES, 2
    while changes > 1:
        before = (await connection.exec_driver_sql("SELECT total_changes()")).scalar_one()
        await connection.exec_driver_sql("INSERT INTO words(words, rank) VALUES ('merge', ?)", (pages,))
        changes = (await connection.exec_driver_sql("SELECT total_changes()")).scalar_one() - before
        await connection.commit()
        pages = MERGED_PAGES


async def _digests(connection: AsyncConnection, call_ids: Sequence[str]) -> list[Digest]:
    wanted = select(EVENTS).where(EVENTS.c.call_id.in_(call_ids)).order_by(EVENTS.c.call_id, EVENTS.c.seq)
    lines = [Line(*row) for row in await connection.execute(wanted)]
    found = (digest(record) for _, record in groupby(lines, key=lambda line: line.call_id))
    return [each for each in found if each]


async def _places(connection: AsyncConnection, found: Sequence[Digest]) -> list[int]:
    """A free place for each; they come in order of time."""
    firsts = [place(each.started_utc) for each in found]
    held = or_(*(DIGESTS.c.place.between(first, first + SLOTS - 1) for first in set(firsts)))
    taken = set(await connection.scalars(select(DIGESTS.c.place).where(held)))
    places: list[int] = []
    for first in firsts:
        places.append(await _free(connection, first, taken))
        taken.add(places[-1])
    return places


async def _free(connection: AsyncConnection, first: int, taken: set[int]) -> int:
    """The first place from `first` on that is not `taken`; of the milliseconds after its own `taken` learns on the way."""
    while (found := next((at for at in range(first, first + SLOTS) if at not in taken), None)) is None:
        first += SLOTS
        taken.update(await connection.scalars(select(DIGESTS.c.place).where(DIGESTS.c.place.between(first, first + SLOTS - 1))))
    return found


async def _dropped(connection: AsyncConnection, call_ids: Sequence[str]) -> None:
    places = list(await connection.scalars(select(DIGESTS.c.place).where(DIGESTS.c.call_id.in_(call_ids))))
    if places:
        for table in (DIGESTS, TOPICS, UNANSWERED):
            await connection.execute(delete(table).where(table.c.place.in_(places)))
        await _unindexed(connection, places)


async def _indexed(connection: AsyncConnection, found: Sequence[tuple[int, Iterable[str]]]) -> None:
    lite = connection.dialect.name == "sqlite"
    rows = [{"place": at, "terms": " ".join(sorted(terms)) if lite else sorted(terms)} for at, terms in found]
    if rows:
        await connection.execute(text(f"INSERT INTO words ({_KEY[connection.dialect.name]}, terms) VALUES (:place, :terms)"), rows)  # noqa: S608


async def _unindexed(connection: AsyncConnection, places: Sequence[int]) -> None:
    if places:
        key = _KEY[connection.dialect.name]
        await connection.execute(text(f"DELETE FROM words WHERE {key} = :place"), [{"place": at} for at in places])  # noqa: S608
