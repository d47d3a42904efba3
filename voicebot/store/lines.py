"""The SQL under the journal: lines into `events`, each once, and where each call's lines end. Transactions are the caller's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.store.callbacks import promise
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


def lines_of(call_id: str) -> Select[*tuple[Any, ...]]:
    """One call's lines, in order."""
    return select(EVENTS).where(EVENTS.c.call_id == call_id).order_by(EVENTS.c.seq)


async def write(connection: AsyncConnection, lines: Sequence[Line]) -> Counter[str]:
    """Insert what is not there yet and project it. Returns how many lines of which call were refused.

    A call of which one line finds its place taken by another event has gone on elsewhere: none of its lines is written, for those behind the
    other's last line would stand in the other's way.
    """
    if not lines:
        return Counter()
    attempt = await connection.begin_nested()
    if await _inserted(connection, lines) == len(lines):
        await attempt.commit()
        await _project(connection, lines)
        return Counter()
    await attempt.rollback()
    return await _written_apart(connection, lines)


async def _written_apart(connection: AsyncConnection, lines: Sequence[Line]) -> Counter[str]:
    standing = await _standing(connection, lines)
    elsewhere = {line.call_id for line in lines if standing.get((line.call_id, line.seq), line.payload) != line.payload}
    ours = [line for line in lines if line.call_id not in elsewhere]
    if ours:
        await _inserted(connection, ours)
        standing = await _standing(connection, ours)
        await _project(connection, ours)
    return Counter(line.call_id for line in lines if line.call_id in elsewhere or (line.call_id, line.seq) not in standing)


async def _inserted(connection: AsyncConnection, lines: Sequence[Line]) -> int:
    insert = insert_new(connection.dialect.name, EVENTS)
    done = await connection.execute(insert, [asdict(line) for line in lines], execution_options={"preserve_rowcount": True})
    return done.rowcount


async def _standing(connection: AsyncConnection, lines: Sequence[Line]) -> dict[tuple[str, int], str]:
    """What stands in the places of these lines."""
    found: dict[tuple[str, int], str] = {}
    for call_id, seq in {(line.call_id, line.seq) for line in lines}:
        for payload in await connection.scalars(select(EVENTS.c.payload).where(EVENTS.c.call_id == call_id, EVENTS.c.seq == seq)):
            found[call_id, seq] = payload
    return found


async def _project(connection: AsyncConnection, lines: Sequence[Line]) -> None:
    if touched := {line.call_id for line in lines if line.type in PROJECTED}:
        await refresh(connection, sorted(touched))
    await promise(connection, lines)
