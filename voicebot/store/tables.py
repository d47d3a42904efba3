"""The two tables of the journal: `events`, append-only and the truth, and `calls`, a projection of it.

Migrations in `migrations/versions` make them; a test holds both descriptions equal.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, Index, Integer, MetaData, String, Table, text
from sqlalchemy.types import TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC on every database; SQLite keeps no zone, so it is dropped on the way in and put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Bind as UTC."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read as UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = MetaData()


def key(name: str, kind: type[TypeEngine[Any]] = String) -> Column[Any]:
    """A column of the primary key. Migrations use this too: it never changes its meaning."""
    return Column(name, kind, primary_key=True)


def given(name: str, kind: type[TypeEngine[Any]] = String, index: bool = False) -> Column[Any]:
    """A column that every row has; as `key`."""
    return Column(name, kind, nullable=False, index=index)


EVENTS = Table(
    "events",
    METADATA,
    key("call_id"),
    key("seq", Integer),
    given("t_ms", BigInteger),
    given("at_utc", UtcDateTime),
    given("type"),
    given("payload", JSON),
)
SEALED_ONCE = text("type = 'call_sealed'")
Index("events_sealed_once", EVENTS.c.call_id, unique=True, sqlite_where=SEALED_ONCE, postgresql_where=SEALED_ONCE)

CALLS = Table(
    "calls",
    METADATA,
    key("call_id"),
    given("started_utc", UtcDateTime, index=True),
    given("ani"),
    given("dnis"),
    given("language"),
    given("channel"),
    Column("handover_reason", String),
    Column("queue", String),
    Column("agent", String),
    Column("outcome", String),
    Column("sealed_by", String),
    Column("sealed_utc", UtcDateTime, index=True),
    Column("duration_ms", BigInteger),
)
