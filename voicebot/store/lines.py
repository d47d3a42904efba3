"""The SQL under the journal: lines into `events`, each once, and where each call's lines end. Transactions are the caller's."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict
from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.store.database import insert_new
from voicebot.store.events import Line
from voicebot.store.projection import PROJECTED, refresh
from voicebot.store.tables import CALLS, EVENTS

_EVERY = EVENTS.alias()
_LAST_SEQ = select(func.max(_EVERY.c.seq)).where(_EVERY.c.call_id == CALLS.c.call_id).correlate(CALLS).scalar_subquery()
LAST_LINE = (
    select(CALLS, EVENTS.c.seq, EVENTS.c.t_ms, EVENTS.c.at_utc)
    .select_from(CALLS)
    .join(EVENTS, and_(EVENTS.c.call_id == CALLS.c.call_id, EVENTS.c.seq == _LAST_SEQ))
)
"""Each call with `seq`, `t_ms` and `at_utc` of its last line."""


async def write(connection: AsyncConnection, lines: Sequence[Line]) -> int:
    """Insert what is not there yet and project it. Returns how many lines found their place taken by another event."""
    if not lines:
        return 0
    insert = insert_new(connection.dialect.name, EVENTS)
    written = await connection.execute(insert, [asdict(line) for line in lines], execution_options={"preserve_rowcount": True})
    refused = 0 if written.rowcount == len(lines) else await _refused(connection, lines)
    if touched := {line.call_id for line in lines if line.type in PROJECTED}:
        await refresh(connection, sorted(touched))
    return refused


async def _refused(connection: AsyncConnection, lines: Sequence[Line]) -> int:
    """Of lines that were not all new: those that do not stand in the table, neither by this try nor by an earlier one."""
    call_ids, first = {line.call_id for line in lines}, min(line.seq for line in lines)
    standing = await connection.execute(select(EVENTS).where(EVENTS.c.call_id.in_(call_ids), EVENTS.c.seq >= first))
    known = {(line.call_id, line.seq): line.payload for line in (Line(*row) for row in standing)}
    return sum(known.get((line.call_id, line.seq)) != line.payload for line in lines)
