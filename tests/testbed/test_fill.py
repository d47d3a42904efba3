"""Filling a journal: whole records, their rows, and the search, as the writer and the projector would have made them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.kit.calllog import ENTRIES
from voicebot.store.calls import recent, show
from voicebot.store.check import check
from voicebot.store.desk import DeskStore
from voicebot.store.search import Query, search
from voicebot.store.search_keeper import catch_up
from voicebot.testbed import fill as module
from voicebot.testbed.fill import fill
from voicebot.testbed.generated import generated


def test_what_was_filled_in_reads_as_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 20)
    url = f"sqlite+aiosqlite:///{tmp_path}/journal.db"
    records = list(generated(50, 1, datetime(2026, 3, 14, tzinfo=UTC), ENTRIES))
    told: list[int] = []

    async def scenario() -> None:
        async with DeskStore.open(url) as store:
            assert await fill(store, records, told.append) == 50
            assert told == [20, 40, 50]
            assert len(await search(store, Query(), limit=100)) == 50
            assert await catch_up(store) == 0
        assert (await recent(url, 1))[0].call_id == records[-1][0].call_id
        assert (await show(url, records[7][0].call_id)).lines == records[7]
        checked = await check(url)
        assert (checked.calls, checked.open, checked.wrong) == (50, 0, {})

    asyncio.run(scenario())
