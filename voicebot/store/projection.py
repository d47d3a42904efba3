"""The table `calls`, made from `events` by one pure function; kept while the journal is written and rebuilt by the same code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.store import events
from voicebot.store.database import open_reading, open_writing, writing
from voicebot.store.events import AgentAnswered, CallSealed, CallStarted, HandoverDecided, Line, QueueEntered
from voicebot.store.tables import CALLS, EVENTS

PROJECTED = frozenset(events.tag(kind) for kind in (CallStarted, HandoverDecided, QueueEntered, AgentAnswered, CallSealed))
"""The types that change a row of `calls`."""

_CHUNK = 500


def project(lines: Iterable[Line]) -> dict[str, Any] | None:
    """The row of `calls` for one call's lines in order; None when the call has no start."""
    row: dict[str, Any] = {column.name: None for column in CALLS.columns}
    for line in lines:
        row.update(_columns(line))
    return row if row["call_id"] else None


def _columns(line: Line) -> dict[str, Any]:
    match line.event:
        case CallStarted(ani, dnis, language, channel, at_utc):
            return {"call_id": line.call_id, "started_utc": at_utc, "ani": ani, "dnis": dnis, "language": language, "channel": channel}
        case HandoverDecided(reason=reason, queue=queue):
            return {"handover_reason": reason, "queue": queue}
        case QueueEntered(queue):
            return {"queue": queue}
        case AgentAnswered(agent):
            return {"agent": agent}
        case CallSealed(outcome, by, duration_ms):
            return {"outcome": outcome, "sealed_by": by, "sealed_utc": line.at_utc, "duration_ms": duration_ms}
    return {}


async def refresh(connection: AsyncConnection, call_ids: Sequence[str]) -> int:
    """Project these calls again, inside the caller's transaction. Returns how many have a row."""
    wanted = select(EVENTS).where(EVENTS.c.call_id.in_(call_ids), EVENTS.c.type.in_(PROJECTED)).order_by(EVENTS.c.call_id, EVENTS.c.seq)
    lines = [Line(*row) for row in await connection.execute(wanted)]
    rows = [row for _, group in groupby(lines, key=lambda line: line.call_id) if (row := project(group))]
    await connection.execute(delete(CALLS).where(CALLS.c.call_id.in_(call_ids)))
    if rows:
        await connection.execute(insert(CALLS), rows)
    return len(rows)


async def rebuild(url: str) -> int:
    """Make `calls` anew from `events`, in one transaction. Returns how many calls there are. Raises StoreError, also where there is no journal."""
    await (await open_reading(url)).dispose()  # a mistyped URL makes no empty journal
    engine = await open_writing(url)
    try:
        async with writing(engine).begin() as connection:
            await connection.execute(delete(CALLS))
            call_ids = list(await connection.scalars(select(EVENTS.c.call_id).distinct()))
            return sum([await refresh(connection, call_ids[first : first + _CHUNK]) for first in range(0, len(call_ids), _CHUNK)])
    finally:
        await engine.dispose()
