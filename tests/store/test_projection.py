from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import StoreError
from voicebot.store import events
from voicebot.store.events import AgentAnswered, CallerSpoke, CallSealed, CallStarted, Event, HandoverDecided, Line, QueueEntered
from voicebot.store.journal import Journal
from voicebot.store.projection import PROJECTED, project, rebuild

Running = Callable[[], AbstractAsyncContextManager[Journal]]
Query = Callable[..., list[tuple[Any, ...]]]

LATER = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


def lines(*happened: Event) -> list[Line]:
    return [Line("c1", seq, seq, LATER, events.tag(event), events.encode(event)) for seq, event in enumerate(happened)]


def row(*happened: Event) -> dict[str, Any]:
    projected = project(lines(*happened))
    assert projected is not None
    return {name: value for name, value in projected.items() if value is not None}


def test_a_started_call_has_its_number_language_and_channel_and_no_end(begun: CallStarted) -> None:
    assert row(begun) == {
        "call_id": "c1",
        "started_utc": begun.at_utc,
        "ani": "0201555777",
        "dnis": "100",
        "language": "en",
        "channel": "PJSIP/trunk-00000001",
    }


def test_a_call_without_its_start_has_no_row() -> None:
    assert project(lines(CallSealed("lost", "floor", 0))) is None
    assert project([]) is None


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (HandoverDecided("asked", "support", 0, "Bill."), {"handover_reason": "asked", "queue": "support"}),
        (QueueEntered("support"), {"queue": "support"}),
        (AgentAnswered("6001"), {"agent": "6001"}),
        (CallSealed("contained", "call", 4_000), {"outcome": "contained", "sealed_by": "call", "sealed_utc": LATER, "duration_ms": 4_000}),
    ],
)
def test_each_projected_event_sets_its_columns(begun: CallStarted, event: Event, expected: dict[str, Any]) -> None:
    assert row(begun, event) == row(begun) | expected
    assert events.tag(event) in PROJECTED


def test_the_last_queue_and_agent_stand(begun: CallStarted) -> None:
    told = row(begun, QueueEntered("support"), AgentAnswered("6001"), QueueEntered("billing"), AgentAnswered("6002"))
    assert (told["queue"], told["agent"]) == ("billing", "6002")


def test_events_outside_the_projection_change_nothing(begun: CallStarted) -> None:
    spoke = CallerSpoke("my bill", 0.9, 100, 900)
    assert row(begun, spoke) == row(begun)
    assert events.tag(spoke) not in PROJECTED


def test_rebuild_makes_the_table_that_writing_made(running: Running, url: str, query: Query, begun: CallStarted) -> None:
    async def calls() -> None:
        async with running() as journal:
            for number in range(3):
                call = journal.call(f"c{number}", begun)
                call.append(10, CallerSpoke("an agent please", 0.9, 0, 10))
                call.append(20, HandoverDecided("asked", "support", 0, ""))
            call.seal(30, "handed_over", "floor")

    asyncio.run(calls())
    before = query("SELECT * FROM calls ORDER BY call_id")
    assert len(before) == 3
    query("UPDATE calls SET ani = 'wrong', outcome = 'lost'")
    query("INSERT INTO calls (call_id, started_utc, ani, dnis, language, channel) VALUES ('ghost', '2026-01-01', '', '', '', '')")
    query("DELETE FROM calls WHERE call_id = 'c1'")
    assert asyncio.run(rebuild(url)) == 3
    assert query("SELECT * FROM calls ORDER BY call_id") == before


def test_rebuild_of_an_empty_journal_is_empty(running: Running, url: str) -> None:
    async def nothing() -> None:
        async with running():
            pass

    asyncio.run(nothing())
    assert asyncio.run(rebuild(url)) == 0


def test_rebuild_makes_no_database_where_there_is_none(url: str, database: Path) -> None:
    with pytest.raises(StoreError, match="no journal here yet"):
        asyncio.run(rebuild(url))
    assert not database.exists()


def test_rebuild_says_what_is_wrong_with_the_url() -> None:
    with pytest.raises(StoreError, match="not a database URL"):
        asyncio.run(rebuild("journal"))
