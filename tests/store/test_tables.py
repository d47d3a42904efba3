from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Dialect, make_url
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from voicebot.store.tables import CALLS, EVENTS, METADATA, UtcDateTime

NOON = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC)
IN_CHINA = NOON.astimezone(timezone(timedelta(hours=8)))


def dialects() -> list[Dialect]:
    return [make_url(name + "://").get_dialect()() for name in ("sqlite", "postgresql")]


@pytest.mark.parametrize("dialect", dialects(), ids=["sqlite", "postgresql"])
@pytest.mark.parametrize("moment", [NOON, IN_CHINA])
def test_a_moment_comes_back_as_the_same_moment_in_utc(dialect: Dialect, moment: datetime) -> None:
    kind = UtcDateTime()
    back = kind.process_result_value(kind.process_bind_param(moment, dialect), dialect)
    assert back == NOON
    assert back.tzinfo is UTC


@pytest.mark.parametrize("dialect", dialects(), ids=["sqlite", "postgresql"])
def test_no_moment_stays_none(dialect: Dialect) -> None:
    kind = UtcDateTime()
    assert kind.process_bind_param(None, dialect) is None
    assert kind.process_result_value(None, dialect) is None


def test_sqlite_keeps_a_moment_without_zone_so_that_text_sorts_by_time() -> None:
    bound = UtcDateTime().process_bind_param(IN_CHINA, sqlite.dialect())
    assert bound == NOON.replace(tzinfo=None)


@pytest.mark.parametrize("dialect", dialects(), ids=["sqlite", "postgresql"])
def test_both_databases_can_have_the_tables(dialect: Dialect) -> None:
    made = [str(CreateTable(table).compile(dialect=dialect)) for table in METADATA.sorted_tables]
    made += [str(CreateIndex(index).compile(dialect=dialect)) for table in METADATA.sorted_tables for index in table.indexes]
    sealed_once = next(text for text in made if "events_sealed_once" in text)
    assert "UNIQUE" in sealed_once
    assert sealed_once.endswith("WHERE type = 'call_sealed'")


def test_a_line_is_known_by_call_and_seq() -> None:
    assert [column.name for column in EVENTS.primary_key] == ["call_id", "seq"]
    assert [column.name for column in CALLS.primary_key] == ["call_id"]
