"""Reads calls back out of the journal, for people and programs: a list, one whole record, or lines as they come.

Never writes. Text is as the caller said it; `render.py` makes it safe for a terminal.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ColumnElement, FunctionElement, Integer, Select, String, cast, func, literal, or_, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.errors import StoreError
from voicebot.store import events
from voicebot.store.database import open_reading, plain
from voicebot.store.events import BargedIn, BotSpoke, CallerSpoke, CallSealed, Decided, DigitPressed, Line, TurnMeasured
from voicebot.store.tables import CALLS, EVENTS

_DATA_VERSION = text("PRAGMA data_version")
_SEALED = events.tag(CallSealed)
_FOLLOWED_FOR = timedelta(hours=1)
"""A call that started longer ago and is sealed gets no new lines, even out of a spool."""


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One row of the call list. `outcome`, `sealed_utc` and `duration_ms` are None while the call is open."""

    call_id: str
    started_utc: datetime
    ani: str
    dnis: str
    language: str
    channel: str
    handover_reason: str | None
    queue: str | None
    agent: str | None
    outcome: str | None
    sealed_by: str | None
    sealed_utc: datetime | None
    duration_ms: int | None
    utterances: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What the caller said or pressed at `at_ms` and all that came of it. Turn 0, without a caller, is the greeting."""

    number: int
    at_ms: int
    caller: CallerSpoke | DigitPressed | None
    decided: tuple[Decided, ...]
    bot: tuple[BotSpoke, ...]
    barge_ins: tuple[BargedIn, ...]
    measured: TurnMeasured | None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, whole: `lines` is every line of the journal, `turns` the conversation in them."""

    summary: CallSummary
    turns: tuple[Turn, ...]
    lines: tuple[Line, ...]


async def recent(url: str, limit: int = 20) -> list[CallSummary]:
    """The newest calls, newest first. Raises StoreError."""
    async with _reading(url) as connection:
        rows = await connection.execute(_summaries().order_by(CALLS.c.started_utc.desc(), CALLS.c.call_id).limit(limit))
        return [CallSummary(*row) for row in rows]


async def show(url: str, call_id: str) -> CallRecord:
    """The call whose id begins with `call_id`. Raises StoreError when there is none or more than one."""
    async with _reading(url) as connection:
        summary = await _unique(connection, call_id)
        lines = tuple(await _lines(connection, summary.call_id))
        return CallRecord(summary, turns(lines), lines)


def turns(lines: Iterable[Line]) -> tuple[Turn, ...]:
    """Group a call's lines into turns; each begins with words or a key of the caller."""
    groups: list[list[Line]] = [[]]
    for line in lines:
        if isinstance(line.event, CallerSpoke | DigitPressed):
            groups.append([])
        groups[-1].append(line)
    return tuple(_turn(number, group) for number, group in enumerate(groups) if group)


def _turn(number: int, lines: Sequence[Line]) -> Turn:
    happened = [line.event for line in lines]
    first = happened[0]
    return Turn(
        number=number,
        at_ms=lines[0].t_ms,
        caller=first if isinstance(first, CallerSpoke | DigitPressed) else None,
        decided=tuple(event for event in happened if isinstance(event, Decided)),
        bot=tuple(event for event in happened if isinstance(event, BotSpoke)),
        barge_ins=tuple(event for event in happened if isinstance(event, BargedIn)),
        measured=next((event for event in happened if isinstance(event, TurnMeasured)), None),
    )


async def follow(url: str, call_id: str | None = None, poll_ms: int = 100) -> AsyncGenerator[Line]:
    """Lines as they are committed: open calls from their first line, then all that come; in order within each call.

    With `call_id` only that call, and the end is its seal; else there is no end: leave it inside `contextlib.aclosing`, so that
    the connection is closed at once. Raises StoreError.
    """
    async with _reading(url) as connection:
        place = _Place(call_id)
        if call_id is None:
            place.passed_over = set(await connection.scalars(select(CALLS.c.call_id).where(_current(), CALLS.c.sealed_utc.is_not(None))))
        async for _ in _changes(connection, poll_ms):
            for line in await _fresh(connection, place):
                yield line
            if call_id in place.passed_over:
                return


@dataclass(slots=True)
class _Place:
    """How far a follower has read: the next seq of each open call, and the recent calls it is through with."""

    call_id: str | None
    next_seq: dict[str, int] = field(default_factory=dict)
    passed_over: set[str] = field(default_factory=set)


async def _changes(connection: AsyncConnection, poll_ms: int) -> AsyncIterator[None]:
    """Once now and after every commit of others. SQLite tells (https://www.sqlite.org/pragma.html#pragma_data_version)."""
    last: Any = None
    while True:
        version = await connection.scalar(_DATA_VERSION) if connection.dialect.name == "sqlite" else object()
        await connection.rollback()
        if version != last:
            last = version
            yield
        await asyncio.sleep(poll_ms / 1_000)


async def _fresh(connection: AsyncConnection, place: _Place) -> list[Line]:
    followed = _current() if place.call_id is None else CALLS.c.call_id == place.call_id
    current = set(await connection.scalars(select(CALLS.c.call_id).where(followed)))
    lines = await _lines_from(connection, {call_id: place.next_seq.get(call_id, 0) for call_id in current - place.passed_over})
    place.next_seq |= {line.call_id: line.seq + 1 for line in lines}
    await connection.rollback()
    sealed = {line.call_id for line in lines if line.type == _SEALED}
    place.passed_over = place.passed_over & current | sealed
    for call_id in sealed:
        del place.next_seq[call_id]
    return lines


def _current() -> ColumnElement[bool]:
    return or_(CALLS.c.sealed_utc.is_(None), CALLS.c.started_utc >= datetime.now(UTC) - _FOLLOWED_FOR)


def _summaries() -> Select[*tuple[Any, ...]]:
    spoke = (EVENTS.c.call_id == CALLS.c.call_id) & (EVENTS.c.type == events.tag(CallerSpoke))
    return select(CALLS, select(func.count()).select_from(EVENTS).where(spoke).correlate(CALLS).scalar_subquery())


async def _unique(connection: AsyncConnection, prefix: str) -> CallSummary:
    matching = _summaries().where(CALLS.c.call_id.startswith(prefix, autoescape=True)).order_by(CALLS.c.call_id).limit(4)
    found = [CallSummary(*row) for row in await connection.execute(matching)]
    exact = [summary for summary in found if summary.call_id == prefix]
    match exact or found:
        case [summary]:
            return summary
        case []:
            raise StoreError(f"{prefix!r}: no call has an id that begins so; see `voicebot calls list`")
    raise StoreError(f"{prefix!r}: more than one call begins so: {', '.join(summary.call_id for summary in found)}; give more of the id")


async def _lines(connection: AsyncConnection, call_id: str, first_seq: int = 0) -> list[Line]:
    wanted = select(EVENTS).where(EVENTS.c.call_id == call_id, EVENTS.c.seq >= first_seq).order_by(EVENTS.c.seq)
    return [Line(*row) for row in await connection.execute(wanted)]


async def _lines_from(connection: AsyncConnection, first_seqs: Mapping[str, int]) -> list[Line]:
    """Of each call the lines from a seq on: one question for all of them, for they are asked after every commit."""
    each = _EACH[connection.dialect.name](literal(json.dumps(first_seqs), String)).table_valued("key", "value")
    asked = (EVENTS.c.call_id == each.c.key) & (EVENTS.c.seq >= cast(each.c.value, Integer))
    wanted = select(EVENTS).select_from(each).join(EVENTS, asked).order_by(EVENTS.c.call_id, EVENTS.c.seq)
    return [Line(*row) for row in await connection.execute(wanted)]


_EACH: Mapping[str, Callable[[Any], FunctionElement[Any]]] = {
    "sqlite": func.json_each,
    "postgresql": lambda given: func.json_each_text(cast(given, JSON)),
}
"""Key and value of each member of a JSON object, as rows."""


@asynccontextmanager
async def _reading(url: str) -> AsyncIterator[AsyncConnection]:
    engine = await open_reading(url)
    try:
        async with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise StoreError(f"the journal cannot be read: {plain(error)}") from None
    finally:
        await engine.dispose()
