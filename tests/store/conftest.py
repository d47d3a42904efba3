"""What the journal's tests share: a fresh database, a running journal, and waiting for a condition."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from voicebot.store.events import CallStarted
from voicebot.store.journal import Journal

Running = Callable[[], AbstractAsyncContextManager[Journal]]
Query = Callable[..., list[tuple[Any, ...]]]
Until = Callable[[Callable[[], bool]], Awaitable[None]]

BEGUN = datetime(2026, 3, 14, 9, 26, 53, 589_793, tzinfo=UTC)


@pytest.fixture
def begun() -> CallStarted:
    return CallStarted("0201555777", "100", "en", "PJSIP/trunk-00000001", BEGUN, "kb-1")


@pytest.fixture
def begun_now(begun: CallStarted) -> CallStarted:
    return msgspec.structs.replace(begun, at_utc=datetime.now(UTC))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def url(database: Path) -> str:
    return f"sqlite+aiosqlite:///{database}"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def query(database: Path) -> Query:
    """Run SQL beside the journal, as another program would."""

    def run(sql: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(database, timeout=5)
        try:
            rows = connection.execute(sql, values).fetchall()
            connection.commit()
            return rows
        finally:
            connection.close()

    return run


@pytest.fixture
def running(url: str, spool: Path) -> Running:
    """A journal with its writer; leaving closes it."""

    @asynccontextmanager
    async def context() -> AsyncIterator[Journal]:
        journal = await Journal.open(url, spool)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(journal.run())
            try:
                yield journal
            finally:
                await journal.close()

    return context


@pytest.fixture
def until() -> Until:
    async def wait(condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < deadline_s, "the condition never came true"
            await asyncio.sleep(0.005)

    return wait
