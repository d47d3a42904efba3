"""The list of callers that all desks share: what it holds, that nothing in it is markup, and that desks hear of changes alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.deskkit import QUEUED, WITH_BOT, handled, lines, started
from tests.kit.markup import Markup
from voicebot.desk import board as module
from voicebot.desk.board import KINDS, SHOWN, Board, listed, markup
from voicebot.desk.live import Live
from voicebot.desk.wording import LANGUAGES, saying
from voicebot.handover.story import Story, told
from voicebot.store.events import AgentRang, AngerScored, Event, HandoverDecided

NOW = datetime.now(UTC)


def story(*happened: tuple[int, Event], ani: str = "+441632960123") -> Story:
    found = told(lines(*WITH_BOT, *happened, begun=started(ani, NOW)))
    assert found
    return found


def test_callers_stand_by_where_they_are() -> None:
    waits, bot, talks = story(*QUEUED), story(), story(*QUEUED, *handled("6001"))
    (_, waiting, first), (_, with_bot, second) = listed([waits, talks, bot])
    assert (waiting, with_bot) == (1, 1)
    assert [each.stage for each in (*first, *second)] == ["queue", "bot"]


def test_of_many_the_first_are_listed_and_all_are_counted() -> None:
    (_, count, shown), _ = listed([story(*QUEUED)] * (SHOWN + 5))
    assert (count, len(shown)) == (SHOWN + 5, SHOWN)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lists_are_in_the_words_of_the_language(language: str) -> None:
    say = saying(language)
    found = Markup(markup(listed([story(*QUEUED)]), say))
    assert found.texts == [f"{say('queue.waiting')} · 1", "…123", say("side.queue"), f"{say('queue.bots')} · 0", say("queue.nobody")]


def test_anger_and_urgency_show() -> None:
    angry = story(
        (25_000, AngerScored(0.9, voice=0.9, words=0.9, escalate=True)), (25_100, HandoverDecided("is upset", "support", 1, "")), QUEUED[-1]
    )
    assert 'class="caller urgent angry"' in markup(listed([angry]), saying("en"))


@given(st.text(max_size=12))
def test_no_number_becomes_markup(ani: str) -> None:
    found = Markup(markup(listed([story(*QUEUED, ani=ani)]), saying("en")))
    assert found.tags == {"section", "h2", "div", "span"}
    assert (f"…{ani[-3:]}" if ani else "–") in found.texts


def test_every_stage_of_a_call_that_waits_or_talks_to_the_bot_is_listed_once() -> None:
    stages = [stage for kind in KINDS.values() for stage in kind]
    assert sorted(stages) == ["bot", "briefing", "leaving", "queue", "ringing"]


def test_desks_are_told_when_the_lists_change_and_not_otherwise() -> None:
    async def scenario() -> None:
        live = Live("sqlite+aiosqlite:///nowhere.db")
        board, told = Board(live), list[str]()
        stop = board.watch(lambda: told.append(board.markup("en")))
        for line in lines(*WITH_BOT, *QUEUED, begun=started(at_utc=NOW)):
            live.take(line)
        await board.look()
        await board.look()
        live.take(lines(*WITH_BOT, *QUEUED, (29_000, AgentRang("6001")), begun=started(at_utc=NOW))[-1])
        stop()
        await board.look()
        assert len(told) == 1
        assert saying("en")("side.queue") in told[0]
        assert saying("en")("side.ringing") in board.markup("en")

    asyncio.run(scenario())


def test_between_two_desks_other_work_goes_on() -> None:
    async def scenario() -> None:
        live = Live("sqlite+aiosqlite:///nowhere.db")
        board, order = Board(live), list[str]()
        for name in ("one", "two"):
            board.watch(lambda name=name: order.append(name))  # type: ignore[misc]
        live.take(lines(begun=started(at_utc=NOW))[0])
        async with asyncio.TaskGroup() as scope:
            scope.create_task(board.look())
            scope.create_task(noted(order))
        assert order.index("ring") == 1

    async def noted(order: list[str]) -> None:
        order.append("ring")

    asyncio.run(scenario())


def test_it_looks_again_whenever_something_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.0)

    async def scenario() -> None:
        live = Live("sqlite+aiosqlite:///nowhere.db")
        board, seen = Board(live), asyncio.Event()
        board.watch(seen.set)
        async with asyncio.TaskGroup() as scope, asyncio.timeout(15):
            run = scope.create_task(board.run())
            for line in lines(*WITH_BOT, begun=started(at_utc=NOW)):
                live.take(line)
            await seen.wait()
            run.cancel()

    asyncio.run(scenario())
