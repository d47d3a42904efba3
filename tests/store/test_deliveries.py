from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.kit.deskkit import QUEUED, WITH_BOT, journalling
from voicebot.store import deliveries
from voicebot.store.deliveries import Delivery
from voicebot.store.desk import DeskStore

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
FIRST = Delivery("http://a.test", "c1", 0, 0, "due", NOON)


def with_store(url: str, scenario: Callable[[DeskStore], Awaitable[None]]) -> None:
    async def acting() -> None:
        async with DeskStore.open(url) as store:
            await scenario(store)

    asyncio.run(acting())


def test_what_is_due_comes_the_oldest_first_and_not_before_its_time(url: str) -> None:
    async def scenario(store: DeskStore) -> None:
        later = replace(FIRST, seq=1, at_utc=NOON + timedelta(minutes=1))
        earlier = replace(FIRST, seq=2, at_utc=NOON - timedelta(minutes=1))
        for delivery in (later, FIRST, earlier, replace(FIRST, url="http://b.test")):
            await deliveries.plan(store, delivery)
        assert await deliveries.due(store, FIRST.url, NOON) == [earlier, FIRST]
        assert await deliveries.due(store, FIRST.url, NOON, limit=1) == [earlier]

    with_store(url, scenario)


def test_what_is_planned_twice_is_known_once_and_keeps_its_state(url: str) -> None:
    async def scenario(store: DeskStore) -> None:
        await deliveries.plan(store, FIRST)
        await deliveries.note(store, replace(FIRST, attempts=1, state="done"))
        await deliveries.plan(store, FIRST)
        assert await deliveries.due(store, FIRST.url, NOON) == []

    with_store(url, scenario)


def test_a_failure_puts_it_off(url: str) -> None:
    async def scenario(store: DeskStore) -> None:
        await deliveries.plan(store, FIRST)
        failed = replace(FIRST, attempts=1, at_utc=NOON + timedelta(seconds=5))
        await deliveries.note(store, failed)
        assert await deliveries.due(store, FIRST.url, NOON) == []
        assert await deliveries.due(store, FIRST.url, NOON + timedelta(seconds=5)) == [failed]

    with_store(url, scenario)


def test_the_record_ends_with_the_event(url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journalling(url, tmp_path / "spool") as calls:
            calls.begin("c1", *WITH_BOT, *QUEUED).seal(30_000, "abandoned", "floor")
        async with DeskStore.open(url) as store:
            assert [line.seq for line in await deliveries.record(store, "c1", 3)] == [0, 1, 2, 3]
            assert await deliveries.record(store, "c2", 3) == []

    asyncio.run(scenario())
