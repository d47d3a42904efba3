"""The two tables of the journal: `events`, append-only and the truth, and `calls`, a projection of it.

Migrations in `migrations/versions` make them; a test holds both descriptions equal.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, Index, Integer, MetaData, String, Table, text
from sqlalchemy.types import TypeDecorator


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

EVENTS = Table(
    "events",
    METADATA,
    Column("call_id", String, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("t_ms", BigInteger, nullable=False),
    Column("at_utc", UtcDateTime, nullable=False),
    Column("type", String, nullable=False),
    Column("payload", JSON, nullable=False),
)
SEALED_ONCE = text("type = 'call_sealed'")
Index("events_sealed_once", EVENTS.c.call_id, unique=True, sqlite_where=SEALED_ONCE, postgresql_where=SEALED_ONCE)

CALLS = Table(
    "calls",
    METADATA,
    Column("call_id", String, primary_key=True),
    Column("started_utc", UtcDateTime, nullable=False, index=True),
    Column("ani", String, nullable=False),
    Column("dnis", String, nullable=False),
    Column("language", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("handover_reason", String),
    Column("queue", String),
    Column("agent", String),
    Column("outcome", String),
    Column("sealed_by", String),
    Column("sealed_utc", UtcDateTime, index=True),
    Column("duration_ms", BigInteger),
)
