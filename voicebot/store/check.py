"""Holds every record of a journal against the invariants of `history`. Never writes, and repairs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.errors import StoreError
from voicebot.store import events
from voicebot.store.database import open_reading, plain
from voicebot.store.events import CallSealed, Line
from voicebot.store.history import Violation, violations
from voicebot.store.tables import EVENTS

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Checked:
    """What was read, and what is wrong with it by call id. A call is `open` while its record has no seal."""

    calls: int
    open: int
    wrong: dict[str, tuple[Violation, ...]]


async def check(url: str) -> Checked:
    """Read every record of the journal at `url`. Raises StoreError."""
    calls = opened = 0
    wrong: dict[str, tuple[Violation, ...]] = {}
    engine = await open_reading(url)
    try:
        async with engine.connect() as connection:
            async for call_id, lines in _records(connection):
                calls += 1
                opened += all(line.type != events.tag(CallSealed) for line in lines)
                if found := violations(lines):
                    wrong[call_id] = found
    except SQLAlchemyError as error:
        raise StoreError(f"the journal cannot be read: {plain(error)}") from None
    finally:
        await engine.dispose()
    return Checked(calls, opened, wrong)


def told(checked: Checked) -> list[str]:
    """One line a violation, then the sum; not yet safe for a terminal."""
    each = [f"{call_id}, line {one.seq}: {one.invariant}: {one.what}" for call_id, found in checked.wrong.items() for one in found]
    verdict = f"violations in {len(checked.wrong)} of them" if checked.wrong else "no violations"
    return [*each, f"{checked.calls} calls checked, {checked.open} still open: {verdict}"]


async def _records(connection: AsyncConnection) -> AsyncIterator[tuple[str, list[Line]]]:
    """Each call with its lines in order; some hundred calls are in memory at a time."""
    call_ids = list(await connection.scalars(select(EVENTS.c.call_id).distinct().order_by(EVENTS.c.call_id)))
    for first in range(0, len(call_ids), _CHUNK):
        wanted = select(EVENTS).where(EVENTS.c.call_id.in_(call_ids[first : first + _CHUNK])).order_by(EVENTS.c.call_id, EVENTS.c.seq)
        lines = [Line(*row) for row in await connection.execute(wanted)]
        for call_id, record in groupby(lines, key=lambda line: line.call_id):
            yield call_id, list(record)
