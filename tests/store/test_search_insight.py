"""Counts over a stretch of time, each held against calls whose ends a test knows, and against the calls that a search finds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from tests.kit.calllog import ENTRIES, NOON, filled
from voicebot.store import search_insight as insight
from voicebot.store.desk import DeskStore
from voicebot.store.search import Query, search
from voicebot.store.search_insight import Asked, Count, Hour, Sums
from voicebot.testbed.generated import generated

LATER = NOON + timedelta(days=3)


def counted(url: str, count: Callable[[DeskStore, datetime, datetime], Awaitable[Any]], since: datetime = NOON, until: datetime = LATER) -> Any:
    return asyncio.run(filled(url, lambda store: count(store, since, until)))


def test_sums_of_known_calls(url: str) -> None:
    found = counted(url, insight.sums)
    assert found == Sums(
        calls=6,
        contained=3,
        queued=3,
        in_time=2,
        abandoned=1,
        wait_ms=21_000,
        talk_ms=30_000,
        talk_unbriefed_ms=None,
        faults=0,
    )


def test_of_no_calls_there_is_no_mean(url: str) -> None:
    assert counted(url, insight.sums, LATER, LATER + timedelta(days=1)) == Sums()


def test_calls_by_the_hour_they_began_in(url: str) -> None:
    assert counted(url, insight.by_hour, NOON, NOON + timedelta(hours=2)) == [
        Hour(NOON, "contained", 1),
        Hour(NOON + timedelta(hours=1), "handed_over", 2),
    ]


def test_why_calls_went_to_a_person(url: str) -> None:
    assert counted(url, insight.reasons) == [
        Count("asked for a person", 1, 3, 0.1),
        Count("is upset", 1, 3, 0.8),
        Count("was not understood", 1, 3, 0.1),
    ]


def test_topics_and_what_led_to_a_person(url: str) -> None:
    assert counted(url, insight.topics) == [Count("bill", 3), Count("roaming", 1)]
    assert counted_anew(url, lambda store: insight.leading(store, NOON, LATER, at_least=1)) == [Count("roaming", 1, 1), Count("bill", 1, 3)]
    assert counted_anew(url, lambda store: insight.leading(store, NOON, LATER)) == [Count("bill", 1, 3)]


def counted_anew(url: str, count: Callable[[DeskStore], Awaitable[Any]]) -> Any:
    return asyncio.run(filled(url, count, ()))


def test_questions_without_an_answer_stand_together(url: str) -> None:
    assert counted(url, insight.unanswered) == [Asked("cards do gift sell you", "do you sell gift cards", 2)]


def test_every_number_is_the_number_of_calls_behind_it(url: str) -> None:
    calls = list(generated(200, 3, LATER, ENTRIES))
    since = calls[0][0].at_utc

    async def compared(store: DeskStore) -> None:
        async def behind(**query: Any) -> int:
            return len(await search(store, Query(**query), limit=1_000))

        sums = await insight.sums(store, since, LATER)
        assert sums.calls == 200 == await behind()
        assert sums.contained == await behind(outcome="contained")
        assert sum(hour.calls for hour in await insight.by_hour(store, since, LATER)) == 200
        for each in await insight.reasons(store, since, LATER):
            assert each.calls == await behind(reason=each.name)
        for each in await insight.topics(store, since, LATER):
            assert each.calls == await behind(topic=each.name)
        for each in await insight.leading(store, since, LATER):
            assert each.calls == await behind(led=each.name)
        for asked in await insight.unanswered(store, since, LATER):
            assert asked.calls == await behind(unanswered=asked.alike)

    asyncio.run(filled(url, compared, calls))
