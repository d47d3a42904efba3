"""The bench of the call log: it fills, searches and opens pages of a real desk, and refuses a database that is in use."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from tests.kit.calllog import filled
from voicebot.errors import VoicebotError
from voicebot.store.desk import DeskStore
from voicebot.store.search import search
from voicebot.testbed import bench_log
from voicebot.testbed.bench_log import log, queries

NOW = datetime(2026, 3, 20, tzinfo=UTC)


def test_the_same_seed_searches_the_same(tmp_path: Path) -> None:
    one, same, other = (list(islice(queries(random.Random(seed), NOW, 5), 50)) for seed in (1, 1, 2))
    assert one == same != other
    url = f"sqlite+aiosqlite:///{tmp_path}/journal.db"

    async def all_of_them(store: DeskStore) -> list[int]:
        return [len(await search(store, query)) for query in one]

    assert len(asyncio.run(filled(url, all_of_them))) == 50


def test_a_database_in_use_is_refused(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/journal.db"

    async def refused(_store: object) -> None:
        with pytest.raises(VoicebotError, match="holds calls already"):
            await log(100, 10, url, 1, lambda _: None)

    asyncio.run(filled(url, refused))


@pytest.mark.slow
def test_a_small_log_is_filled_searched_and_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_log, "PAGES", 1)
    found = asyncio.run(log(100, 10, "", 1, lambda _: None))
    assert len(found.trials) == 10
    with_bars = {figure.name.split(" p95")[0] for figure in found.figures if figure.bar is not None}
    assert with_bars == {"search", "call page", "call log page", "wall"}
