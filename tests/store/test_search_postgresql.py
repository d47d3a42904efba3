"""The same call log on PostgreSQL finds and counts what it finds and counts on SQLite, and forgets as well."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

from tests.kit.calllog import NOON, filled
from tests.kit.postgresql import postgresql
from voicebot.store import search_insight as insight
from voicebot.store.desk import DeskStore
from voicebot.store.privacy import erase
from voicebot.store.search import Query, search
from voicebot.store.search_keeper import rebuild

QUERIES = (Query(), Query(words="bill"), Query(words="话费"), Query(words="gift cards"), Query(number="+86"), Query(led="bill"), Query(anger=0.5))
COUNTS = (insight.sums, insight.by_hour, insight.reasons, insight.topics, insight.leading, insight.unanswered)


async def told(store: DeskStore) -> list[object]:
    await rebuild(store)
    found: list[object] = [await search(store, query) for query in QUERIES]
    found += [await count(store, NOON, NOON + timedelta(days=3)) for count in COUNTS]
    await erase(store, "+8613800000000", "boss", NOON)
    return [*found, await search(store, Query(words="话费"))]


def test_both_databases_tell_the_same(url: str) -> None:
    with tempfile.TemporaryDirectory() as folder, postgresql(Path(folder) / "cluster") as other:
        lite, big = asyncio.run(filled(url, told)), asyncio.run(filled(other, told))
    assert lite == big
    assert lite[-1] == []
