"""Searching the call log: each way alone, several together, page by page, in English and Mandarin; odd words break nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.calllog import CALLS, NOON, filled, known
from voicebot.store.desk import DeskStore
from voicebot.store.search import Query, record, search

NEWEST_FIRST = ["gift-2", "gift-1", "zh-1", "roam-1", "bill-2", "bill-1"]


def found(url: str, *queries: Query) -> list[list[str]]:
    async def looking(store: DeskStore) -> list[list[str]]:
        return [[each.call_id for each in await search(store, query)] for query in queries]

    return asyncio.run(filled(url, looking))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), NEWEST_FIRST),
        (Query(since_utc=NOON + timedelta(hours=1)), NEWEST_FIRST[:-1]),
        (Query(until_utc=NOON + timedelta(hours=1)), ["bill-1"]),
        (Query(number="+4416"), ["bill-1"]),
        (Query(number="441632"), []),
        (Query(outcome="handed_over"), ["roam-1", "bill-2"]),
        (Query(reason="is upset"), ["bill-2"]),
        (Query(agent="6002"), ["roam-1"]),
        (Query(anger=0.5), ["zh-1", "bill-2"]),
        (Query(topic="roaming"), ["roam-1"]),
        (Query(topic="bill"), ["zh-1", "bill-2", "bill-1"]),
        (Query(led="bill"), ["bill-2"]),
        (Query(unanswered="cards do gift sell you"), ["gift-2", "gift-1"]),
        (Query(words="bill"), ["bill-2", "bill-1"]),
        (Query(words="Bill HIGH"), ["bill-1"]),
        (Query(words="话费"), ["zh-1"]),
        (Query(words="费话"), []),
        (Query(words="费"), ["zh-1"]),
        (Query(words="bill spain"), []),
        (Query(words="?!"), []),
        (Query(words="bill", anger=0.5, agent="6001"), ["bill-2"]),
        (Query(words="gift", until_utc=NOON), []),
    ],
)
def test_each_way_to_look(url: str, query: Query, expected: list[str]) -> None:
    assert found(url, query) == [expected]


def test_a_search_goes_on_where_the_last_page_ended(url: str) -> None:
    async def paged(store: DeskStore) -> list[str]:
        seen: list[str] = []
        query = Query(words="you")
        while some := await search(store, query, limit=1):
            seen += [each.call_id for each in some]
            query = Query(words="you", before=some[-1].place)
        return seen

    assert asyncio.run(filled(url, paged)) == ["gift-2", "gift-1"]


def test_a_row_tells_of_its_call(url: str) -> None:
    async def looking(store: DeskStore) -> None:
        (row,) = await search(store, Query(agent="6001"))
        assert (row.call_id, row.started_utc, row.outcome, row.reason) == ("bill-2", NOON + timedelta(hours=1), "handed_over", "is upset")
        assert (row.anger, row.duration_ms, row.wait_ms, row.queue) == (0.8, 50_000, 10_000, "support")

    asyncio.run(filled(url, looking))


def test_a_record_is_read_by_its_whole_id_alone(url: str) -> None:
    async def looking(store: DeskStore) -> None:
        assert await record(store, "bill-1") == CALLS[0]
        assert await record(store, "bill") == ()

    asyncio.run(filled(url, looking))


def test_calls_of_one_millisecond_are_all_found(url: str) -> None:
    calls = [known(f"c{number}", "hello", NOON) for number in range(70)]

    async def looking(store: DeskStore) -> int:
        return len(await search(store, Query(words="hello"), limit=100))

    assert asyncio.run(filled(url, looking, calls)) == 70


def test_no_words_break_a_search(url: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(words=st.text(max_size=30) | st.sampled_from(['"', 'bill" OR *', "NEAR(", "bill*", "terms:bill", "{a}", "'; DROP TABLE words; --"]))
    def tried(words: str) -> None:
        asyncio.run(once(words))

    async def once(words: str) -> None:
        async with DeskStore.open(url) as store:
            assert len(await search(store, Query(words=words, number=words))) <= len(CALLS)

    found(url)
    tried()
