"""The journal, the desk's tables and privacy on PostgreSQL, as on SQLite: one cluster for this file, a database for each test."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from tests.kit.postgresql import postgresql
from voicebot.errors import StoreError
from voicebot.store import calls, privacy, versions
from voicebot.store.after import Note, note, notes_of
from voicebot.store.blanking import Kept
from voicebot.store.check import check
from voicebot.store.database import open_writing
from voicebot.store.desk import DeskStore
from voicebot.store.events import BotSpoke, CallAnswered, CallerSpoke, CallStarted, NoticeGiven
from voicebot.store.journal import Journal
from voicebot.store.projection import rebuild
from voicebot.store.versions import Version

NOW = datetime.now(UTC)
NUMBER = "0201555777"
VERSION = Version(NOW, "en", "wifi", "ann", "sue", "asked often", "proposal 1", "", "new", "+new")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, postgresql(Path(folder) / "cluster") as url:
        yield url


@pytest.fixture
def url(cluster: str, request: pytest.FixtureRequest) -> str:
    name = "".join(sign if sign.isalnum() else "_" for sign in request.node.name)[:60].lower()

    async def created() -> None:
        engine = create_async_engine(cluster, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {name}"))
        await engine.dispose()

    asyncio.run(created())
    return cluster.replace("/postgres", f"/{name}")


async def written(url: str, spool: Path, call_id: str = "c1", ani: str = NUMBER, *, words: str = "quicksilver", at_utc: datetime = NOW) -> None:
    journal = await Journal.open(url, spool)
    async with asyncio.TaskGroup() as scope:
        writing = scope.create_task(journal.run())
        record = journal.call(call_id, CallStarted(ani, "100", "en", f"PJSIP/{call_id}", at_utc, "kb-1"))
        greeting = BotSpoke("welcome", "greeting", 0, 500, 500, False, "welcome")
        for event in (CallAnswered(), greeting, NoticeGiven(False), CallerSpoke(words, 0.9, 600, 900)):
            record.append(1_000, event)
        record.seal(2_000, "contained", "bot")
        await journal.close()
        await writing


def on(url: str, work: Callable[[DeskStore], Awaitable[Any]]) -> Any:
    async def working() -> Any:
        async with DeskStore.open(url) as store:
            return await work(store)

    return asyncio.run(working())


def test_a_call_is_written_listed_shown_and_checked(url: str, tmp_path: Path) -> None:
    asyncio.run(written(url, tmp_path))
    (listed,) = asyncio.run(calls.recent(url))
    assert (listed.ani, listed.outcome, listed.utterances) == (NUMBER, "contained", 1)
    assert [line.type for line in asyncio.run(calls.show(url, "c1")).lines][-1] == "call_sealed"
    checked = asyncio.run(check(url))
    assert (checked.calls, checked.wrong) == (1, {})


def test_a_record_is_sealed_once_whoever_tries(url: str, tmp_path: Path) -> None:
    asyncio.run(written(url, tmp_path))

    async def again() -> None:
        engine = await open_writing(url)
        try:
            async with engine.begin() as connection:
                copy = "INSERT INTO events SELECT call_id, seq + 100, t_ms, at_utc, type, payload FROM events WHERE type = 'call_sealed'"
                await connection.execute(text(copy))
        finally:
            await engine.dispose()

    with pytest.raises(DBAPIError, match="events_sealed_once"):
        asyncio.run(again())


def test_lines_are_followed_as_they_come(url: str, tmp_path: Path) -> None:
    async def following() -> list[str]:
        await written(url, tmp_path / "a", "c0")
        types = []
        async with asyncio.TaskGroup() as scope, aclosing(calls.follow(url, poll_ms=20)) as lines:
            scope.create_task(written(url, tmp_path / "b", "c1"))
            async for line in lines:
                types.append(line.type)
                if line.type == "call_sealed":
                    break
        return types

    assert asyncio.run(following()) == ["call_started", "call_answered", "bot_spoke", "notice_given", "caller_spoke", "call_sealed"]


def test_two_controllers_migrate_a_new_database_at_once(url: str, tmp_path: Path) -> None:
    async def both() -> None:
        await asyncio.gather(*(written(url, tmp_path / str(number), f"c{number}") for number in range(4)))

    asyncio.run(both())
    assert len(asyncio.run(calls.recent(url))) == 4


def test_a_database_that_hangs_makes_a_read_fail_in_time(url: str, tmp_path: Path) -> None:
    async def hanging() -> None:
        journal = await Journal.open(url, tmp_path)
        async with _transaction(url) as other:
            await other.execute(text("LOCK TABLE calls IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(StoreError, match="no answer within the deadline"):
                await journal.unsealed()
        assert await journal.unsealed() == []
        await journal.close()

    asyncio.run(hanging())


@asynccontextmanager
async def _transaction(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


def test_two_versions_of_the_knowledge_base_are_kept_one_after_the_other(url: str) -> None:
    """So that whoever comes second sees what the first has written into the files, as the approval does."""

    async def both(store: DeskStore) -> None:
        second = asyncio.Event()
        async with asyncio.TaskGroup() as scope:
            async with store.writing() as connection:
                assert await versions.add(connection, VERSION) == 1
                adding = scope.create_task(_added(store, second))
                await _somebody_waits(store)
                assert not second.is_set()
            assert await adding == 2

    on(url, both)


async def _added(store: DeskStore, done: asyncio.Event) -> int:
    async with store.writing() as connection:
        number = await versions.add(connection, VERSION)
        done.set()
        return number


async def _somebody_waits(store: DeskStore) -> None:
    async with asyncio.timeout(20):
        while True:
            async with store.reading() as connection:
                if await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                    return
            await asyncio.sleep(0.02)


def test_the_call_list_is_made_anew(url: str, tmp_path: Path) -> None:
    asyncio.run(written(url, tmp_path))
    assert asyncio.run(rebuild(url)) == 1
    assert asyncio.run(calls.recent(url))[0].ani == NUMBER


def test_erasure_expiry_and_the_audit_log_that_stays(url: str, tmp_path: Path) -> None:
    asyncio.run(written(url, tmp_path / "a"))
    asyncio.run(written(url, tmp_path / "b", "c2", "0201555888", words="marmalade", at_utc=NOW - timedelta(days=100)))
    on(url, lambda store: note(store, Note("n1", "c1", "agent", NOW, "spoke of quicksilver")))
    assert on(url, lambda store: privacy.erase(store, NUMBER, "boss", NOW)).calls == 1
    assert on(url, lambda store: privacy.expire(store, {Kept.WORDS: 90}, NOW)).calls == 1
    assert [found.text for found in on(url, lambda store: notes_of(store, "c1"))] == [""]
    told = "".join(line.payload for call_id in ("c1", "c2") for line in asyncio.run(calls.show(url, call_id)).lines)
    assert not any(word in told for word in ("quicksilver", "marmalade", NUMBER))
    with pytest.raises(StoreError, match="cannot be changed"):
        on(url, _tampering)


async def _tampering(store: DeskStore) -> None:
    async with store.writing() as connection:
        await connection.execute(text("DELETE FROM audit"))
