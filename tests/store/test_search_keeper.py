"""Keeping the search up to date: what is missing comes in, once; made anew it is the same; what is forgotten is gone from the bytes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.kit.calllog import CALLS, NOON, filled, known
from voicebot.store.blanking import Kept
from voicebot.store.desk import DeskStore
from voicebot.store.privacy import erase, expire
from voicebot.store.search import Found, Query, search
from voicebot.store.search_insight import unanswered
from voicebot.store.search_keeper import catch_up, rebuild, rebuild_at, take_in
from voicebot.store.search_tables import DIGESTS, TOPICS, UNANSWERED

NOW = datetime(2026, 3, 20, tzinfo=UTC)
RARE = "quicksilver umbrella marmalade"


async def everything(store: DeskStore) -> list[Found]:
    return await search(store, Query()) + await search(store, Query(words="bill")) + await search(store, Query(led="bill"))


async def emptied(store: DeskStore) -> None:
    async with store.writing() as connection:
        for table in ("words", *(each.name for each in (DIGESTS, TOPICS, UNANSWERED))):
            await connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - four names


def test_made_anew_it_is_what_it_was(url: str) -> None:
    async def work(store: DeskStore) -> None:
        was = await everything(store)
        assert await rebuild(store) == len(CALLS)
        assert await everything(store) == was
        assert await rebuild_at(url) == len(CALLS)
        assert await everything(store) == was

    asyncio.run(filled(url, work))


def test_what_is_missing_comes_in_once(url: str) -> None:
    async def work(store: DeskStore) -> None:
        was = await everything(store)
        await emptied(store)
        assert await catch_up(store) == len(CALLS)
        assert await everything(store) == was
        assert await catch_up(store) == 0
        assert await take_in(store, ["bill-1", "nothing"]) == 1
        assert await everything(store) == was

    asyncio.run(filled(url, work))


def test_only_calls_sealed_since_then_are_looked_for(url: str) -> None:
    async def work(store: DeskStore) -> None:
        await emptied(store)
        assert await catch_up(store, NOON + timedelta(days=1)) == 3

    asyncio.run(filled(url, work))


def test_an_open_call_waits_for_its_seal(url: str) -> None:
    async def work(store: DeskStore) -> None:
        assert await search(store, Query()) == []
        assert await catch_up(store) == 0

    asyncio.run(filled(url, work, [known("open", "hello")[:-1]]))


def bytes_hold(folder: Path, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in folder.glob("journal.db*"))


def test_after_an_erasure_no_byte_of_the_search_holds_the_caller(url: str, tmp_path: Path) -> None:
    calls = [*CALLS, known("secret", RARE, ani="0201555999", entry="", anger=0.9), *(known(f"n{number}", "hello there") for number in range(300))]

    async def work(store: DeskStore) -> None:
        assert all(bytes_hold(tmp_path, word) for word in (*RARE.split(), "0201555999"))
        await erase(store, "0201555999", "boss", NOW)
        assert [each.call_id for each in await search(store, Query(words="marmalade"))] == []
        assert [each.alike for each in await unanswered(store, NOON, NOW)] == ["cards do gift sell you"]
        (row,) = [each for each in await search(store, Query(), limit=500) if each.call_id == "secret"]
        assert (row.ani, row.anger) == ("", None)
        assert len(await search(store, Query(words="hello"), limit=500)) == 300, "others are found as before"
        await rebuild(store)
        assert await search(store, Query(words="marmalade")) == []

    asyncio.run(filled(url, work, calls))
    assert [word for word in (*RARE.split(), "0201555999") if bytes_hold(tmp_path, word)] == []
    assert bytes_hold(tmp_path, "hello")


@pytest.mark.parametrize(("kept", "words", "number", "scores"), [(Kept.WORDS, 0, 1, 1), (Kept.NUMBER, 1, 0, 1), (Kept.SCORES, 1, 1, 0)])
def test_each_class_is_forgotten_alone(url: str, kept: Kept, words: int, number: int, scores: int) -> None:
    async def work(store: DeskStore) -> None:
        await expire(store, {kept: 1}, NOW)
        for query, left in ((Query(words=RARE), words), (Query(number="0201"), number), (Query(anger=0.5), scores)):
            assert len(await search(store, query)) == left

    asyncio.run(filled(url, work, [known("secret", RARE, anger=0.9)]))
