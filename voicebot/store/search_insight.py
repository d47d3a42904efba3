"""What sealed calls add up to over a stretch of time: outcomes by hour, waits, reasons, topics, unanswered questions. It counts in the database and
never reads a record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Float, Integer, Select, and_, case, cast, desc, func, select

from voicebot.store.desk import DeskStore
from voicebot.store.search_tables import DIGESTS, HOUR, TOPICS, UNANSWERED, moment, place

SERVICE_S = 20
"""A caller whom an agent answers within so long was served in time."""
TOP = 12


@dataclass(frozen=True, slots=True)
class Count:
    """How often something was; `of` is how often it could have been."""

    name: str
    calls: int
    of: int = 0
    anger: float | None = None
    """Mean of the calls' highest anger; None where none was scored."""


@dataclass(frozen=True, slots=True)
class Hour:
    """Calls that began in the hour from `begun_utc` on, by outcome."""

    begun_utc: datetime
    outcome: str
    calls: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions in the same words that got no answer; `example` is one of them as it was heard."""

    alike: str
    example: str
    calls: int


@dataclass(frozen=True, slots=True)
class Sums:
    """Counts and mean times of a stretch. Times are None where there is nothing to take the mean of."""

    calls: int = 0
    contained: int = 0
    queued: int = 0
    in_time: int = 0
    """Of `queued`: answered by an agent within SERVICE_S."""
    abandoned: int = 0
    """Of `queued`: gave up before an agent answered."""
    wait_ms: float | None = None
    talk_ms: float | None = None
    """With a briefing."""
    talk_unbriefed_ms: float | None = None
    faults: int = 0


async def sums(store: DeskStore, since_utc: datetime, until_utc: datetime) -> Sums:
    """Of the calls that began from `since_utc` on and before `until_utc`. Raises StoreError."""
    queued, joined = DIGESTS.c.wait_ms.is_not(None), DIGESTS.c.talk_ms.is_not(None)
    wanted = select(
        func.count(),
        _count(DIGESTS.c.outcome == "contained"),
        _count(queued),
        _count(and_(queued, joined, DIGESTS.c.wait_ms <= SERVICE_S * 1_000)),
        _count(and_(queued, ~joined)),
        cast(func.avg(DIGESTS.c.wait_ms), Float),
        cast(func.avg(case((DIGESTS.c.briefed, DIGESTS.c.talk_ms))), Float),
        cast(func.avg(case((~DIGESTS.c.briefed, DIGESTS.c.talk_ms))), Float),
        _count(DIGESTS.c.faults > 0),
    )
    async with store.reading() as connection:
        return Sums(*(await connection.execute(_within(wanted, DIGESTS.c.place, since_utc, until_utc))).one())


async def by_hour(store: DeskStore, since_utc: datetime, until_utc: datetime) -> list[Hour]:
    """Oldest first; hours without calls are left out. Raises StoreError."""
    hour = DIGESTS.c.place // HOUR
    wanted = select(hour, DIGESTS.c.outcome, func.count()).group_by(hour, DIGESTS.c.outcome).order_by(hour)
    async with store.reading() as connection:
        rows = await connection.execute(_within(wanted, DIGESTS.c.place, since_utc, until_utc))
        return [Hour(moment(at * HOUR), outcome, calls) for at, outcome, calls in rows]


async def reasons(store: DeskStore, since_utc: datetime, until_utc: datetime) -> list[Count]:
    """Why calls went to a person, the most frequent first; each with the mean anger. Raises StoreError."""
    why, calls = DIGESTS.c.reason, func.count().label("calls")
    wanted = select(why, calls, func.sum(calls).over(), func.avg(DIGESTS.c.anger)).where(why != "").group_by(why).order_by(desc("calls"), why)
    return await _counts(store, _within(wanted, DIGESTS.c.place, since_utc, until_utc))


async def topics(store: DeskStore, since_utc: datetime, until_utc: datetime) -> list[Count]:
    """KB entries by the calls they were answered in. Raises StoreError."""
    calls = func.count().label("calls")
    wanted = select(TOPICS.c.entry_id, calls).group_by(TOPICS.c.entry_id).order_by(desc("calls"), TOPICS.c.entry_id).limit(TOP)
    return await _counts(store, _within(wanted, TOPICS.c.place, since_utc, until_utc))


async def leading(store: DeskStore, since_utc: datetime, until_utc: datetime, at_least: int = 3) -> list[Count]:
    """KB entries after which callers went to a person, by the share of their calls; of those answered in `at_least` calls. Raises StoreError."""
    led, calls = _count(TOPICS.c.led), func.count()
    share = (cast(led, Float) / calls).label("share")
    wanted = select(TOPICS.c.entry_id, led, calls).group_by(TOPICS.c.entry_id).having(and_(calls >= at_least, led > 0))
    wanted = wanted.order_by(share.desc(), TOPICS.c.entry_id).limit(TOP)
    return await _counts(store, _within(wanted, TOPICS.c.place, since_utc, until_utc))


async def unanswered(store: DeskStore, since_utc: datetime, until_utc: datetime) -> list[Asked]:
    """Groups of questions without an answer, the most frequent first. Raises StoreError."""
    calls = func.count(UNANSWERED.c.place.distinct()).label("calls")
    wanted = select(UNANSWERED.c.alike, func.min(UNANSWERED.c.text), calls).group_by(UNANSWERED.c.alike)
    wanted = wanted.order_by(desc("calls"), UNANSWERED.c.alike).limit(TOP)
    async with store.reading() as connection:
        return [Asked(*row) for row in await connection.execute(_within(wanted, UNANSWERED.c.place, since_utc, until_utc))]


async def _counts(store: DeskStore, wanted: Select[Any]) -> list[Count]:
    async with store.reading() as connection:
        return [Count(row[0], int(row[1]), *(int(each) for each in row[2:3]), *row[3:]) for row in await connection.execute(wanted)]


def _within(wanted: Select[Any], at: Any, since_utc: datetime, until_utc: datetime) -> Select[Any]:
    return wanted.where(at >= place(since_utc), at < place(until_utc))


def _count(condition: Any) -> Any:
    return func.coalesce(func.sum(cast(condition, Integer)), 0)
