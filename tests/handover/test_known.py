"""What earlier calls of a number do to its caller's place in the queue: one step, or nothing at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.kit.deskkit import ANI
from voicebot.dialogue.knowledge import Knowledge
from voicebot.handover.known import Known, nobody
from voicebot.store.desk import DeskStore
from voicebot.store.events import CallStarted, Outcome
from voicebot.store.journal import Journal

NOW = datetime.now(UTC)
OTHER = "+441632960999"


@asynccontextmanager
async def earlier_calls(folder: Path, *calls: tuple[str, Outcome, datetime]) -> AsyncIterator[Known]:
    """A journal with these calls from ANI; what is known of them."""
    url = f"sqlite+aiosqlite:///{folder}/journal.db"
    async with DeskStore.open(url) as store, asyncio.TaskGroup() as scope:
        journal = await Journal.open(url, folder / "spool")
        scope.create_task(journal.run())
        try:
            for call_id, outcome, started in calls:
                journal.call(call_id, CallStarted(ANI, "100", "en", call_id, started)).seal(1, outcome, "bot")
                await journal.lines(call_id)
            yield Known(store, journal, Knowledge((), "v1"), within_s=20)
        finally:
            await journal.close()


@pytest.mark.parametrize(
    ("outcome", "days", "ani", "priority"),
    [
        ("abandoned", 0, ANI, 1),
        ("abandoned", 2, ANI, 1),
        ("abandoned", 5, ANI, 0),
        ("contained", 0, ANI, 0),
        ("abandoned", 0, OTHER, 0),
        ("abandoned", 0, "", 0),
    ],
)
def test_who_was_not_served_just_now_is_one_step_ahead(tmp_path: Path, outcome: Outcome, days: int, ani: str, priority: int) -> None:
    async def acting() -> int:
        async with earlier_calls(tmp_path, ("c1", outcome, NOW - timedelta(days=days))) as known:
            return await known.priority(ani, "c2")

    assert asyncio.run(acting()) == priority


def test_the_call_itself_is_no_earlier_one(tmp_path: Path) -> None:
    async def acting() -> int:
        async with earlier_calls(tmp_path, ("c1", "abandoned", NOW)) as known:
            return await known.priority(ANI, "c1")

    assert asyncio.run(acting()) == 0


def test_what_cannot_be_read_in_time_delays_nobody(tmp_path: Path) -> None:
    class Slow:
        async def lines(self, _call_id: str) -> list[Any]:
            await asyncio.sleep(3_600)
            return []

    async def acting() -> int:
        async with earlier_calls(tmp_path, ("c1", "abandoned", NOW)) as known:
            slow: Any = Slow()
            return await Known(known.store, slow, known.knowledge, within_s=0.05).priority(ANI, "c2")

    with capture_logs() as logs:
        assert asyncio.run(acting()) == 0
    assert [entry["event"] for entry in logs] == ["the caller's earlier calls are not known in time"]


def test_where_profiles_do_not_count_nobody_is_brought_forward() -> None:
    assert asyncio.run(nobody(ANI, "c1")) == 0
