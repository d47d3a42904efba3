"""Finds calls in the call log: by time, number, outcome, reason, anger, agent, topic and words; newest first, a page at a time. Never writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, literal, literal_column, select, text, true

from voicebot.store.desk import DeskStore
from voicebot.store.events import Line
from voicebot.store.search_tables import DIGESTS, TOPICS, UNANSWERED, moment, place
from voicebot.store.search_terms import wanted
from voicebot.store.tables import EVENTS

PAGE = 50


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; what is left empty restricts nothing. `before` is the place of the last call of the page before.

    `number` is how a number begins, `anger` the least it must have come to, `words` must all have been said by the caller, `topic` and `led` are KB
    entries, `unanswered` a group of questions without an answer.
    """

    since_utc: datetime | None = None
    until_utc: datetime | None = None
    number: str = ""
    outcome: str = ""
    reason: str = ""
    agent: str = ""
    language: str = ""
    anger: float | None = None
    topic: str = ""
    led: str = ""
    unanswered: str = ""
    words: str = ""
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One call of a result. `anger` is its highest score, None when none was scored."""

    place: int
    call_id: str
    ani: str
    language: str
    outcome: str
    reason: str
    queue: str
    agent: str
    anger: float | None
    duration_ms: int
    wait_ms: int | None

    @property
    def started_utc(self) -> datetime:
        """When it began, to the millisecond."""
        return moment(self.place)


_SHOWN = [DIGESTS.c[each.name] for each in fields(Found)]


async def search(store: DeskStore, query: Query, limit: int = PAGE) -> list[Found]:
    """The newest calls that answer to `query`, at most `limit`. Raises StoreError."""
    async with store.reading() as connection:
        chosen = _chosen(query, connection.dialect.name)
        return [Found(*row) for row in await connection.execute(chosen.limit(limit))]


async def record(store: DeskStore, call_id: str) -> tuple[Line, ...]:
    """Every line of the call of exactly this id; none when there is no such call. Raises StoreError."""
    async with store.reading() as connection:
        rows = await connection.execute(select(EVENTS).where(EVENTS.c.call_id == call_id).order_by(EVENTS.c.seq))
        return tuple(Line(*row) for row in rows)


def _chosen(query: Query, dialect: str) -> Select[Any]:
    at: ColumnElement[int] = DIGESTS.c.place
    chosen = select(*_SHOWN)
    said = wanted(query.words)
    if said:
        key, matching = _WORDS[dialect](said)
        at = literal_column(f"words.{key}")  # SQLite walks its index of words from the newest back, and stops when a page is full
        chosen = chosen.select_from(text("words")).join(DIGESTS, DIGESTS.c.place == at).where(matching)
    elif query.words.strip():
        chosen = chosen.where(literal(False))
    return chosen.where(and_(true(), *_conditions(query, at))).order_by(at.desc())


def _conditions(query: Query, at: ColumnElement[int]) -> Iterator[ColumnElement[bool]]:
    if query.since_utc:
        yield at >= place(query.since_utc)
    if query.until_utc:
        yield at < place(query.until_utc)
    if query.before is not None:
        yield at < query.before
    if query.number:
        yield and_(DIGESTS.c.ani >= query.number, DIGESTS.c.ani < query.number + "\U0010ffff")
    if query.anger is not None:
        yield DIGESTS.c.anger >= query.anger
    for name in ("outcome", "reason", "agent", "language"):
        if value := getattr(query, name):
            yield DIGESTS.c[name] == value
    if query.topic or query.led:
        about = and_(TOPICS.c.place == at, TOPICS.c.entry_id == (query.led or query.topic))
        yield exists().where(about, TOPICS.c.led if query.led else true())
    if query.unanswered:
        yield exists().where(UNANSWERED.c.place == at, UNANSWERED.c.alike == query.unanswered)


def _lite(terms: frozenset[str]) -> tuple[str, ColumnElement[bool]]:
    together = " AND ".join(f'"{term}"' for term in sorted(terms))
    return "rowid", text("words MATCH :together").bindparams(together=together)  # type: ignore[return-value]


def _postgres(terms: frozenset[str]) -> tuple[str, ColumnElement[bool]]:
    return "place", text("words.terms @> CAST(:together AS TEXT[])").bindparams(together=sorted(terms))  # type: ignore[return-value]


_WORDS: Mapping[str, Callable[[frozenset[str]], tuple[str, ColumnElement[bool]]]] = {"sqlite": _lite, "postgresql": _postgres}
