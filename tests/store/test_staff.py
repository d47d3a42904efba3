from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from voicebot.errors import StoreError
from voicebot.store import postings, staff
from voicebot.store.desk import DeskStore
from voicebot.store.postings import Posting
from voicebot.store.staff import Role, SignIn, Staff

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
ANN = Staff("ann", Role.AGENT, "hash")
With = Callable[[Callable[[DeskStore], Awaitable[None]]], None]


@pytest.fixture
def with_store(url: str) -> With:
    def act(scenario: Callable[[DeskStore], Awaitable[None]]) -> None:
        async def acting() -> None:
            async with DeskStore.open(url) as store:
                await scenario(store)

        asyncio.run(acting())

    return act


def entry(digest: str, until: datetime, name: str = "ann") -> SignIn:
    return SignIn(digest, name, NOON, NOON, until)


def test_people_are_found_as_they_were_added_and_listed_by_name(with_store: With) -> None:
    zoe = Staff("zoe", Role.ADMIN, "other", "zh", "dark", 2, NOON)

    async def scenario(store: DeskStore) -> None:
        await staff.add(store, zoe)
        await staff.add(store, ANN)
        assert await staff.everybody(store) == [ANN, zoe]
        assert await staff.find(store, "zoe") == zoe
        assert await staff.find(store, "nobody") is None

    with_store(scenario)


def test_a_name_is_given_once(with_store: With) -> None:
    async def scenario(store: DeskStore) -> None:
        await staff.add(store, ANN)
        with pytest.raises(StoreError, match="'ann' is on the staff already"):
            await staff.add(store, ANN)

    with_store(scenario)


def test_nobody_can_be_changed_or_removed(with_store: With) -> None:
    async def scenario(store: DeskStore) -> None:
        for attempt in (staff.change(store, "x", role=Role.ADMIN), staff.remove(store, "x", NOON)):
            with pytest.raises(StoreError, match="nobody on the staff is named 'x'"):
                await attempt

    with_store(scenario)


def test_columns_are_changed_alone(with_store: With) -> None:
    async def scenario(store: DeskStore) -> None:
        await staff.add(store, ANN)
        await staff.change(store, "ann", role=Role.SUPERVISOR, theme="dark")
        assert await staff.find(store, "ann") == Staff("ann", Role.SUPERVISOR, "hash", theme="dark")

    with_store(scenario)


def test_the_last_failure_locks_and_begins_the_count_anew(with_store: With) -> None:
    async def scenario(store: DeskStore) -> None:
        await staff.add(store, ANN)
        for failures in (1, 2):
            await staff.count_failure(store, "ann", limit=3, locked_until_utc=NOON)
            found = await staff.find(store, "ann")
            assert found
            assert (found.failures, found.locked_until_utc) == (failures, None)
        await staff.count_failure(store, "ann", limit=3, locked_until_utc=NOON)
        await staff.count_failure(store, "nobody", limit=3, locked_until_utc=NOON)
        found = await staff.find(store, "ann")
        assert found
        assert (found.failures, found.locked_until_utc) == (0, NOON)

    with_store(scenario)


def test_a_sign_in_clears_away_what_has_run_out(with_store: With) -> None:
    later = NOON + timedelta(hours=1)

    async def scenario(store: DeskStore) -> None:
        await staff.sign_in(store, SignIn("old", "ann", NOON - timedelta(hours=9), NOON, NOON))
        await staff.sign_in(store, entry("a", later))
        await staff.sign_in(store, entry("b", later))
        assert {one.digest for one in await staff.sign_ins(store)} == {"a", "b"}
        await staff.seen(store, "a", later)
        await staff.sign_out(store, "b")
        assert [one.seen_utc for one in await staff.sign_ins(store)] == [later]

    with_store(scenario)


def test_who_is_removed_is_signed_out_and_frees_the_phone(with_store: With) -> None:
    async def scenario(store: DeskStore) -> None:
        await staff.add(store, ANN)
        await staff.sign_in(store, entry("a", NOON + timedelta(hours=1)))
        await staff.sign_in(store, entry("b", NOON + timedelta(hours=1), "bob"))
        await postings.begin(store, Posting("6001", NOON, None, "ann", "ready", "", NOON))
        await staff.remove(store, "ann", NOON)
        assert await staff.find(store, "ann") is None
        assert [one.digest for one in await staff.sign_ins(store)] == ["b"]
        assert await postings.current(store) == []

    with_store(scenario)


def test_all_browsers_of_one_person_are_signed_out(with_store: With) -> None:
    async def scenario(store: DeskStore) -> None:
        for digest, name in (("a", "ann"), ("b", "ann"), ("c", "bob")):
            await staff.sign_in(store, entry(digest, NOON + timedelta(hours=1), name))
        await staff.sign_out_everywhere(store, "ann")
        assert [one.digest for one in await staff.sign_ins(store)] == ["c"]

    with_store(scenario)
