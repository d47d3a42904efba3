from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.store import postings
from voicebot.store.desk import DeskStore, TakenError
from voicebot.store.postings import Posting, sat_at

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
POSTING = Posting("6001", NOON, None, "ann", "pause", "lunch", NOON)


def hour(number: int) -> datetime:
    return NOON + timedelta(hours=number)


@pytest.mark.parametrize(("extension", "staff"), [("6001", "bob"), ("6002", "ann")])
def test_the_database_holds_that_one_phone_has_one_person_and_one_person_one_phone(url: str, extension: str, staff: str) -> None:
    async def scenario() -> None:
        async with DeskStore.open(url) as store:
            await postings.begin(store, POSTING)
            second = replace(POSTING, extension=extension, staff=staff, since_utc=hour(1))
            with pytest.raises(TakenError):
                await postings.begin(store, second)
            await postings.change(store, POSTING, until_utc=hour(1))
            await postings.begin(store, second)
            assert await postings.current(store) == [second]

    asyncio.run(scenario())


def test_a_change_is_of_one_posting(url: str) -> None:
    async def scenario() -> None:
        async with DeskStore.open(url) as store:
            other = replace(POSTING, extension="6002", staff="bob")
            await postings.begin(store, POSTING)
            await postings.begin(store, other)
            await postings.change(store, POSTING, state="wrap_up", call_id="c1")
            assert await postings.current(store) == [replace(POSTING, state="wrap_up", call_id="c1"), other]

    asyncio.run(scenario())


def test_where_somebody_sat_since(url: str) -> None:
    async def scenario() -> None:
        async with DeskStore.open(url) as store:
            await postings.begin(store, POSTING)
            await postings.change(store, POSTING, until_utc=hour(1))
            assert len(await postings.of(store, "ann", hour(1))) == 1
            assert await postings.of(store, "ann", hour(2)) == []
            assert await postings.of(store, "bob", NOON) == []

    asyncio.run(scenario())


@given(st.integers(-5, 5), st.one_of(st.none(), st.integers(-5, 5)), st.integers(-5, 5))
def test_a_seat_is_had_from_its_first_moment_to_before_its_last(since: int, until: int | None, at: int) -> None:
    held = (replace(POSTING, since_utc=hour(since), until_utc=None if until is None else hour(until)),)
    assert sat_at(held, "6001", hour(at)) is (since <= at and (until is None or at < until))
    assert not sat_at(held, "6002", hour(at))
