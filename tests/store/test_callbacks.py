"""Who asked to be called back is a task for whoever takes it: from the journal alone, once, and with the number of his call."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.kit.deskkit import ANI, QUEUED, WITH_BOT, journalling
from voicebot.store import after
from voicebot.store.callbacks import DUE
from voicebot.store.database import open_writing, writing
from voicebot.store.desk import DeskStore
from voicebot.store.events import CallbackRequested, Line, encode, tag
from voicebot.store.lines import write

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
ASKED = (40_000, CallbackRequested())


def test_a_wish_in_the_journal_is_a_task_for_everybody_with_the_number_of_the_call(url: str, tmp_path: Path) -> None:
    async def acting() -> None:
        async with journalling(url, tmp_path / "spool") as calls:
            calls.begin("c1", *WITH_BOT, *QUEUED, ASKED, ani=ANI).seal(60_000, "abandoned", "floor")
            calls.begin("c2", *WITH_BOT, *QUEUED, ani="+441632960999").seal(60_000, "abandoned", "floor")
        async with DeskStore.open(url) as store:
            [(task, ani)] = await after.follow_ups(store, "ann")
            assert (task.call_id, task.staff, task.text, ani) == ("c1", after.NOBODY, "", ANI)
            assert task.due_utc - task.at_utc == DUE
            assert await after.follow_ups(store, "bob") == [(task, ani)]

    asyncio.run(acting())


@pytest.mark.parametrize("done", [False, True])
def test_the_same_line_again_makes_no_second_task_and_opens_none_that_is_done(url: str, done: bool) -> None:
    line = Line("c1", 0, 0, NOON, tag(CallbackRequested), encode(CallbackRequested()))

    async def acting() -> None:
        engine = await open_writing(url)
        async with DeskStore.open(url) as store:
            for _ in range(2):
                async with writing(engine).begin() as connection:
                    await write(connection, [line])
                if done:
                    await after.take(store, "callback-c1", "ann")
                    await after.follow_up_done(store, "callback-c1", "ann", NOON)
            assert len(await after.follow_ups(store, "ann")) == (0 if done else 1)
        await engine.dispose()

    asyncio.run(acting())
