"""One follower for all pages: what the journal commits is folded, told to whoever watches, and found again from the store when it is old."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.kit.deskkit import BEGUN, QUEUED, WITH_BOT, Calls, handled, journalling, lines, over, started
from voicebot.desk import live as module
from voicebot.desk.live import Live
from voicebot.handover.story import Story
from voicebot.store.events import AgentRang, HandoverDecided, Line, tag

NOW = datetime.now(UTC)


def taken(*records: list[Line]) -> Live:
    live = Live("sqlite+aiosqlite:///nowhere.db")
    for line in (line for record in records for line in record):
        live.take(line)
    return live


def test_lines_become_stories_and_watchers_are_told_until_they_stop() -> None:
    live = Live("sqlite+aiosqlite:///nowhere.db")
    told: list[tuple[str, str]] = []
    stop = live.watch(lambda story, line: told.append((story.stage, line.type)))
    record = lines(*WITH_BOT, *QUEUED, begun=started(at_utc=NOW))
    for line in record[:-1]:
        live.take(line)
    stop()
    live.take(record[-1])
    assert told[-1] == ("leaving", tag(HandoverDecided))
    assert len(told) == len(record) - 1
    assert live.calls["c1"].stage == "queue"


def test_a_line_of_a_call_whose_start_was_not_seen_is_passed_over() -> None:
    assert taken(lines(*WITH_BOT)[1:]).calls == {}


def test_the_call_at_a_phone_is_found_while_it_rings_and_talks() -> None:
    live = taken(lines(*WITH_BOT, *QUEUED, *handled("6001")[:1], begun=started(at_utc=NOW)))
    found = live.at("6001")
    assert found
    assert found.call_id == "c1"
    assert live.at("6002") is None
    assert live.at("") is None


def test_who_waits_for_a_person_comes_first_the_urgent_before_all() -> None:
    urgent = ((1_000, HandoverDecided("reports an emergency", "support", 1, "")), (1_100, QUEUED[-1][1]))
    live = taken(
        lines(*WITH_BOT, call_id="bot", begun=started(at_utc=NOW)),
        lines(*WITH_BOT, *QUEUED, call_id="waits", begun=started(at_utc=NOW)),
        lines(*urgent, call_id="urgent", begun=started(at_utc=NOW + timedelta(seconds=60))),
        lines(*WITH_BOT, *QUEUED, *handled("6001"), *over(), call_id="over", begun=started(at_utc=NOW)),
    )
    assert [story.call_id for story in live.open()] == ["urgent", "waits", "bot"]


def test_calls_that_ended_long_ago_are_forgotten_when_another_ends() -> None:
    live = taken(
        lines(*WITH_BOT, *QUEUED, *handled("6001"), *over(), call_id="old", begun=started(at_utc=BEGUN - timedelta(days=400))),
        lines(*WITH_BOT, *QUEUED, *handled("6001"), *over(), call_id="new", begun=started(at_utc=NOW)),
    )
    assert set(live.calls) == {"new"}


async def until_rung(live: Live, calls: Calls) -> Story:
    rang = asyncio.Event()
    live.watch(lambda _story, line: rang.set() if isinstance(line.event, AgentRang) else None)
    record = calls.begin("c9", *WITH_BOT, *QUEUED)
    record.append(29_000, AgentRang("6001"))
    async with asyncio.timeout(15):
        await rang.wait()
    found = live.at("6001")
    assert found
    return found


def test_what_the_controller_writes_arrives(url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journalling(url, tmp_path / "spool") as calls, asyncio.TaskGroup() as scope:
            live = Live(url)
            run = scope.create_task(live.run())
            assert (await until_rung(live, calls)).call_id == "c9"
            run.cancel()

    asyncio.run(scenario())


def test_a_journal_that_comes_later_is_followed_then(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.05)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as scope:
            live = Live(url)
            run = scope.create_task(live.run())
            await asyncio.sleep(0.05)  # it finds no journal first
            async with journalling(url, tmp_path / "spool") as calls:
                assert (await until_rung(live, calls)).call_id == "c9"
                run.cancel()

    asyncio.run(scenario())


def test_an_old_call_is_read_from_the_store_by_its_whole_id(url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journalling(url, tmp_path / "spool") as calls:
            record = calls.begin("call-1", *WITH_BOT, *QUEUED, *handled("6001"))
            record.seal(60_000, "handed_over", "floor")
        live = Live(url)
        found = await live.story("call-1")
        assert found
        assert (found.call_id, found.outcome) == ("call-1", "handed_over")
        assert await live.story("call-") is None
        assert await live.story("another") is None
        assert await live.story("") is None

    asyncio.run(scenario())
