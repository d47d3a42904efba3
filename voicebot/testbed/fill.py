"""Fills a journal with generated calls, and the call log's search with them, as fast as the database takes them. For figures, and for
looking; it never stands between a call and its record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec
from sqlalchemy import insert

from voicebot.store.desk import DeskStore
from voicebot.store.events import Line
from voicebot.store.projection import project
from voicebot.store.search_digest import digest
from voicebot.store.search_keeper import keep
from voicebot.store.tables import CALLS, EVENTS

AT_ONCE = 500


async def fill(store: DeskStore, records: Iterable[tuple[Line, ...]], progress: Callable[[int], None] = lambda _: None) -> int:
    """Write whole records of new calls, and tell how many are written after each transaction. Returns how many. Raises StoreError."""
    written = 0
    for some in _chunks(records):
        async with store.writing() as connection:
            await connection.execute(insert(EVENTS), [msgspec.structs.asdict(line) for record in some for line in record])
            await connection.execute(insert(CALLS), [row for record in some if (row := project(record))])
            await keep(connection, [found for record in some if (found := digest(record))])
        written += len(some)
        progress(written)
    return written


def _chunks(records: Iterable[tuple[Line, ...]]) -> Iterator[list[tuple[Line, ...]]]:
    following = iter(records)
    while some := list(islice(following, AT_ONCE)):
        yield some
