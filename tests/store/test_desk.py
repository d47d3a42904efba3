from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from voicebot.errors import StoreError
from voicebot.store.desk import DeskStore, TakenError
from voicebot.store.desk_tables import STAFF


class _Interrupted(Exception):  # noqa: N818
    """Something that goes wrong half-way."""


ROW = {"name": "ann", "role": "agent", "password_hash": "h", "language": "en", "theme": "auto", "failures": 0}


def test_a_row_that_is_there_is_taken(url: str) -> None:
    async def scenario() -> None:
        async with DeskStore.open(url) as store:
            async with store.writing() as connection:
                await connection.execute(insert(STAFF), [ROW])
            with pytest.raises(TakenError):
                async with store.writing() as connection:
                    await connection.execute(insert(STAFF), [ROW])

    asyncio.run(scenario())


def test_what_fails_within_a_transaction_leaves_nothing_behind(url: str, database: Path) -> None:
    async def scenario() -> None:
        async with DeskStore.open(url) as store, store.writing() as connection:
            await connection.execute(insert(STAFF), [ROW])
            raise _Interrupted

    with pytest.raises(_Interrupted):
        asyncio.run(scenario())
    assert rows(database, "select * from staff") == []


def test_faults_of_the_database_are_one_line_without_values(url: str) -> None:
    async def scenario() -> None:
        async with DeskStore.open(url) as store:
            with pytest.raises(StoreError, match="cannot be read: no such table: nowhere") as reading:
                async with store.reading() as connection:
                    await connection.execute(text("select * from nowhere where a = 'secret'"))
            with pytest.raises(StoreError) as writing:
                async with store.writing() as connection:
                    await connection.execute(text("insert into nowhere values ('secret')"))
            for caught in (reading, writing):
                assert "secret" not in str(caught.value)
                assert "\n" not in str(caught.value)

    asyncio.run(scenario())


def test_one_statement_holds_the_lock_for_itself_alone(url: str, database: Path) -> None:
    """Between a statement and what ends a transaction this process may be busy with something else: the journal must not wait for that."""

    async def scenario() -> None:
        async with DeskStore.open(url) as store, store.stating() as connection:
            await connection.execute(insert(STAFF), [ROW])
            with contextlib.closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as another:
                another.execute("update staff set failures = 1")

    asyncio.run(scenario())
    assert rows(database, "select failures from staff") == [(1,)]


def test_the_desk_may_come_before_the_first_call(url: str, database: Path) -> None:
    async def scenario() -> None:
        async with DeskStore.open(url):
            pass

    asyncio.run(scenario())
    assert rows(database, "select count(*) from events") == [(0,)]


def rows(database: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(database)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
