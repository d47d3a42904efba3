from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from voicebot.errors import StoreError
from voicebot.store import database as db
from voicebot.store.tables import EVENTS, METADATA
from voicebot.testbed.processes import open_targets


def message(url: str, reading: bool = False) -> str:
    async def attempt() -> None:
        engine = await (db.open_reading if reading else db.open_writing)(url)
        await engine.dispose()

    with pytest.raises(StoreError) as caught:
        asyncio.run(attempt())
    text = str(caught.value)
    assert "\n" not in text
    return text


async def made(url: str) -> None:
    engine = await db.open_writing(url)
    await engine.dispose()


def test_the_migrations_make_the_tables_that_the_code_describes(url: str) -> None:
    def described(_object: object, name: str | None, kind: str, *_: object) -> bool:
        """The index of callers' words is a virtual table, which SQLAlchemy cannot describe, and brings tables of its own."""
        return kind != "table" or not str(name).startswith("words")

    def difference(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"include_object": described}), METADATA))

    async def check() -> list[object]:
        engine = await db.open_writing(url)
        async with engine.connect() as connection:
            found = await connection.run_sync(difference)
        await engine.dispose()
        return found

    assert asyncio.run(check()) == []


def test_a_new_database_is_for_the_owner_alone_and_makes_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b%c" / "journal.db"
    asyncio.run(made(f"sqlite+aiosqlite:///{path}"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_opening_again_changes_nothing(url: str, database: Path) -> None:
    asyncio.run(made(url))
    before = database.read_bytes()
    asyncio.run(made(url))
    assert database.read_bytes() == before


def test_several_that_open_at_once_migrate_once(url: str, database: Path) -> None:
    async def all_at_once() -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(made(url))

    asyncio.run(all_at_once())
    with closing(sqlite3.connect(database)) as found:
        assert found.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_sqlite_runs_in_wal_mode_with_the_settings_of_the_design(url: str) -> None:
    async def pragmas() -> list[object]:
        engine: AsyncEngine = await db.open_writing(url)
        async with engine.connect() as connection:
            names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "cache_size")
            found = [(await connection.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in names]
        await engine.dispose()
        return found

    assert asyncio.run(pragmas()) == ["wal", 1, 1, db.WRITER_BUSY_MS, -512]


def test_an_sqlite_file_has_one_connection_to_write_and_one_to_read_however_many_ask(url: str, database: Path) -> None:
    async def files_open() -> int:
        engine = await db.open_writing(url)

        async def asked(writes: bool) -> None:
            async with (db.writing(engine) if writes else engine).begin() as connection:
                await connection.exec_driver_sql("SELECT count(*) FROM calls")

        async with asyncio.TaskGroup() as tasks:
            for number in range(12):
                tasks.create_task(asked(number % 3 == 0))
        found = open_targets(os.getpid()).count(str(database))
        await engine.dispose()
        return found

    assert asyncio.run(files_open()) == 2


def test_who_waits_for_a_connection_waits_so_long_and_no_longer(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "READER_BUSY_MS", 100)

    async def beyond() -> None:
        engine = await db.open_writing(url)
        try:
            async with engine.connect(), engine.connect():
                with pytest.raises(SQLAlchemyError):
                    async with engine.connect():
                        pass
        finally:
            await engine.dispose()

    asyncio.run(beyond())


def test_writing_takes_the_lock_at_begin_and_reading_does_not(url: str, database: Path) -> None:
    async def locked_while(writing: bool) -> bool:
        engine = await db.open_writing(url)
        other = sqlite3.connect(database, timeout=0)
        try:
            async with (db.writing(engine) if writing else engine).begin():
                other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        finally:
            other.close()
            await engine.dispose()
        return False

    assert asyncio.run(locked_while(writing=True))
    assert not asyncio.run(locked_while(writing=False))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("var/voicebot.db", "not a database URL; write sqlite+aiosqlite:///"),
        ("sqlite:///x.db", "'sqlite' cannot be used; use sqlite+aiosqlite"),
        ("oracle8://h/x", "unknown database 'oracle8'"),
        ("sqlite+aiosqlite:////proc/none/x.db", "/proc/none/x.db: the journal cannot be written here"),
    ],
)
def test_a_wrong_url_is_one_line_with_the_fix(url: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the driver makes its file before it can be refused
    assert said in message(url)


def test_a_url_is_never_echoed_with_its_password() -> None:
    assert "hunter2" not in message("postgresql//bot:hunter2@db/voicebot")


def test_a_file_that_is_no_database_is_named(url: str, database: Path) -> None:
    database.write_bytes(b"shopping list\n" * 100)
    assert message(url) == f"{database}: cannot be used as the journal: file is not a database; see [store] url"


def test_a_database_of_a_newer_version_is_left_alone(url: str, database: Path) -> None:
    asyncio.run(made(url))
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    assert message(url) == f"{database}: written by a newer voicebot; upgrade this one"


def test_a_reader_makes_no_database(url: str, database: Path) -> None:
    assert f"{database}: no journal here yet" in message(url, reading=True)
    assert not database.exists()


def test_a_reader_says_when_the_tables_are_missing(url: str, database: Path) -> None:
    sqlite3.connect(database).close()
    database.touch()
    assert "no such table: calls" in message(url, reading=True)


def test_only_sqlite_urls_with_a_file_have_one() -> None:
    assert db.sqlite_file(make_url("sqlite+aiosqlite:///a/b.db")) == Path("a/b.db")
    assert db.sqlite_file(make_url("sqlite+aiosqlite:///:memory:")) is None
    assert db.sqlite_file(make_url("sqlite+aiosqlite://")) is None
    assert db.sqlite_file(make_url("postgresql+asyncpg://h/x")) is None


def test_both_databases_leave_rows_that_are_there_alone() -> None:
    assert "ON CONFLICT DO NOTHING" in str(db.insert_new("sqlite", EVENTS))
    assert "ON CONFLICT DO NOTHING" in str(db.insert_new("postgresql", EVENTS).compile(dialect=make_url("postgresql://").get_dialect()()))


def test_an_error_is_told_without_sql_and_values() -> None:
    error = OperationalError("INSERT INTO events", {"ani": "0201555777"}, sqlite3.OperationalError("database is\nlocked"))
    assert db.plain(error) == "database is locked"
    assert db.plain(TimeoutError()) == "TimeoutError"


def open_close(url: str) -> str:
    async def attempt() -> str:
        database = db.Database(url)
        why = await database.open()
        await database.close()
        return why

    return asyncio.run(attempt())


@pytest.mark.parametrize("exists", [True, False])
def test_a_database_that_is_locked_at_the_start_is_one_to_wait_for(url: str, database: Path, monkeypatch: pytest.MonkeyPatch, exists: bool) -> None:
    monkeypatch.setattr(db, "WRITER_BUSY_MS", 20)
    monkeypatch.setattr(db, "OPENING_S", 0.05)
    if exists:
        assert open_close(url) == ""
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        assert "locked" in open_close(url)
    finally:
        other.close()
    assert open_close(url) == ""


def test_a_damaged_database_is_one_to_wait_for_and_what_is_none_is_not(url: str, database: Path) -> None:
    asyncio.run(made(url))
    whole = database.read_bytes()
    database.write_bytes(whole[:100] + b"\xa5" * (len(whole) - 100))
    assert "malformed" in open_close(url)
    database.write_bytes(b"shopping list\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_close(url)


@pytest.mark.parametrize("replaced", [True, False])
def test_a_file_taken_away_while_open_is_made_anew(url: str, database: Path, replaced: bool) -> None:
    async def insert(held: db.Database, name: str) -> None:
        async with held.begin() as connection:
            await connection.exec_driver_sql(
                "INSERT INTO calls (call_id, started_utc, ani, dnis, language, channel) VALUES (?, '', '', '', '', '')", (name,)
            )

    async def run() -> None:
        held = db.Database(url)
        await held.open()
        await insert(held, "before")
        database.rename(database.with_name("away.db"))
        if replaced:
            await made(url)
        await insert(held, "after")
        await held.close()

    asyncio.run(run())
    connection = sqlite3.connect(database)
    assert connection.execute("SELECT call_id FROM calls").fetchall() == [("after",)]
    connection.close()
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


def test_a_connection_that_may_only_read_is_opened_anew(url: str) -> None:
    """SQLite falls back to reading where the file may not be written, and stays there."""

    async def attempt(held: db.Database) -> None:
        async with held.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM calls")

    async def run() -> None:
        held = db.Database(url)
        await held.open()
        async with held.engine.connect() as connection:
            await connection.exec_driver_sql("PRAGMA query_only = ON")
        with pytest.raises(OperationalError, match="readonly"):
            await attempt(held)
        await attempt(held)
        await held.close()

    asyncio.run(run())
