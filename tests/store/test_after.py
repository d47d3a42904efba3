from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.kit.deskkit import ANI, QUEUED, WITH_BOT, journalling
from voicebot.errors import StoreError
from voicebot.store import after
from voicebot.store.after import Earlier, Finished, FollowUp, Note, Proposal, WrapUp
from voicebot.store.desk import DeskStore

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
DONE = WrapUp("c1", "ann", NOON, "answered", True)
PROPOSAL = Proposal("p1", "c1", "ann", NOON, "missing", "en", "", "a question", "an answer")
TASK = FollowUp("f1", "c1", "ann", NOON, NOON + timedelta(hours=24), "call back")


def with_store(url: str, scenario: Callable[[DeskStore], Awaitable[None]]) -> None:
    async def acting() -> None:
        async with DeskStore.open(url) as store:
            await scenario(store)

    asyncio.run(acting())


def test_notes_are_kept_as_written_oldest_first(url: str) -> None:
    text = '<b>it\'s "fine"</b>\n备注 \U0001f642'

    async def scenario(store: DeskStore) -> None:
        later = Note("n2", "c1", "ann", NOON + timedelta(minutes=1), text)
        for written in (later, Note("n1", "c1", "bob", NOON, "first"), Note("n3", "c2", "bob", NOON, "of another call")):
            await after.note(store, written)
        assert [(one.staff, one.text) for one in await after.notes_of(store, "c1")] == [("bob", "first"), ("ann", text)]

    with_store(url, scenario)


def test_a_wrap_up_keeps_all_of_it_and_a_second_one_replaces_the_first(url: str) -> None:
    async def scenario(store: DeskStore) -> None:
        await after.finish(store, Finished(DONE, PROPOSAL, TASK))
        assert await after.wrap_ups_of(store, "c1") == [DONE]
        assert await after.proposals(store) == [PROPOSAL]
        assert await after.follow_ups(store, "ann") == [(TASK, "")]
        again = replace(DONE, disposition="fault", resolved=False, meant="outage")
        await after.finish(store, Finished(again))
        assert await after.wrap_ups_of(store, "c1") == [again]

    with_store(url, scenario)


def test_a_wrap_up_is_kept_whole_or_not_at_all(url: str) -> None:
    async def scenario(store: DeskStore) -> None:
        await after.finish(store, Finished(DONE, PROPOSAL))
        with pytest.raises(StoreError):
            await after.finish(store, Finished(replace(DONE, call_id="c2"), PROPOSAL))  # the same proposal again
        assert await after.wrap_ups_of(store, "c2") == []

    with_store(url, scenario)


def test_a_proposal_is_reviewed_once(url: str) -> None:
    async def scenario(store: DeskStore) -> None:
        await after.finish(store, Finished(DONE, PROPOSAL))
        assert await after.review(store, "p1", "declined", "sue", NOON)
        assert not await after.review(store, "p1", "approved", "sam", NOON)
        assert not await after.review(store, "p2", "approved", "sam", NOON)
        assert await after.proposals(store) == []
        assert [one.reviewed_by for one in await after.proposals(store, "declined")] == ["sue"]

    with_store(url, scenario)


def test_tasks_are_ones_own_the_most_urgent_first_until_done(url: str) -> None:
    async def scenario(store: DeskStore) -> None:
        urgent = replace(TASK, follow_up_id="f2", due_utc=NOON)
        for task in (TASK, urgent, replace(TASK, follow_up_id="f3", staff="bob")):
            await after.finish(store, Finished(DONE, None, task))
        assert [task for task, _ in await after.follow_ups(store, "ann")] == [urgent, TASK]
        await after.follow_up_done(store, "f2", "bob", NOON)  # not his
        await after.follow_up_done(store, "f1", "ann", NOON)
        assert [task for task, _ in await after.follow_ups(store, "ann")] == [urgent]

    with_store(url, scenario)


def test_a_task_that_is_nobodys_is_seen_by_all_until_one_takes_it(url: str) -> None:
    async def scenario(store: DeskStore) -> None:
        await after.finish(store, Finished(DONE, None, replace(TASK, staff=after.NOBODY)))
        assert [len(await after.follow_ups(store, name)) for name in ("ann", "bob")] == [1, 1]
        await after.follow_up_done(store, "f1", "ann", NOON)  # not hers yet
        assert [await after.take(store, "f1", name) for name in ("bob", "ann")] == [True, False]
        assert [len(await after.follow_ups(store, name)) for name in ("ann", "bob")] == [0, 1]
        await after.follow_up_done(store, "f1", "bob", NOON)
        assert await after.follow_ups(store, "bob") == []

    with_store(url, scenario)


def test_earlier_calls_of_a_number_come_with_what_was_written(url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journalling(url, tmp_path / "spool") as calls:
            for number, ani in (("c1", ANI), ("c2", ANI), ("c3", "+441632960999"), ("c4", "")):
                calls.begin(number, *WITH_BOT, *QUEUED, ani=ani).seal(60_000, "handed_over", "floor")
        async with DeskStore.open(url) as store:
            await after.finish(store, Finished(DONE))
            await after.note(store, Note("n1", "c1", "ann", NOON, "refund promised"))
            [found] = await after.earlier(store, ANI, but="c2")
            assert replace(found, started_utc=NOON) == Earlier("c1", NOON, "handed_over", "asked for a person", "answered", ("refund promised",))
            assert len(await after.earlier(store, ANI, but="", limit=1)) == 1
            assert await after.earlier(store, "", but="c2") == []

    asyncio.run(scenario())


def test_each_row_has_a_name_of_its_own() -> None:
    assert len({after.new_id() for _ in range(100)}) == 100
