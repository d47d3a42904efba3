"""The record of one open call: appended to, sealed once, let go, and taken away by another controller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from voicebot.store.events import CallStarted, DigitPressed
from voicebot.store.journal import Journal

Running = Callable[[], AbstractAsyncContextManager[Journal]]


def keys(journal_lines: object) -> list[str]:
    assert isinstance(journal_lines, list)
    return [line.event.key for line in journal_lines if isinstance(line.event, DigitPressed)]


def test_a_record_is_sealed_once(running: Running, begun: CallStarted) -> None:
    async def scenario() -> None:
        async with running() as journal:
            record = journal.call("c1", begun)
            assert record.seal(10, "contained", "bot")
            assert not record.seal(20, "lost", "floor")
            record.append(30, DigitPressed("1"))
            assert [line.t_ms for line in await journal.lines("c1")] == [0, 10]

    asyncio.run(scenario())


def test_a_record_that_is_let_go_can_be_gone_on_with(running: Running, begun: CallStarted) -> None:
    async def scenario() -> None:
        async with running() as journal:
            record = journal.call("c1", begun)
            assert await journal.unsealed() == []
            record.let_go()
            assert [call.call_id for call in await journal.unsealed()] == ["c1"]
            again = await journal.resume("c1")
            assert again is not record
            again.append(10, DigitPressed("1"))
            record.let_go()
            assert await journal.resume("c1") is again

    asyncio.run(scenario())


def test_going_on_is_behind_what_others_wrote(running: Running, begun: CallStarted) -> None:
    async def scenario() -> None:
        async with running() as first, running() as second:
            ours = first.call("c1", begun)
            ours.append(10, DigitPressed("1"))
            assert await ours.ours()
            theirs = await second.resume("c1")
            theirs.append(20, DigitPressed("2"))
            assert await theirs.ours()
            assert await first.resume("c1") is ours
            ours.append(30, DigitPressed("3"))
            assert keys(await first.lines("c1")) == ["1", "2", "3"]
            theirs.append(40, DigitPressed("4"))
            assert not await theirs.ours()
            assert keys(await second.lines("c1")) == ["1", "2", "3"]
            assert second.lost == 1

    asyncio.run(scenario())


def test_whether_a_call_is_still_ours_is_asked_also_when_nothing_is_to_be_written(running: Running, begun: CallStarted) -> None:
    async def scenario() -> None:
        async with running() as first, running() as second:
            ours = first.call("c1", begun)
            assert await ours.ours()
            assert await ours.ours()
            theirs = await second.resume("c1")
            theirs.append(20, DigitPressed("2"))
            assert await theirs.ours()
            assert not await ours.ours()
            ours.append(30, DigitPressed("3"))
            assert keys(await first.lines("c1")) == ["2"]
            assert first.lost == 0

    asyncio.run(scenario())


def test_a_record_sealed_elsewhere_is_sealed_here(running: Running, begun: CallStarted) -> None:
    async def scenario() -> None:
        async with running() as first, running() as second:
            ours = first.call("c1", begun)
            assert await ours.ours()
            (await second.resume("c1")).seal(10, "lost", "floor")
            await second.lines("c1")
            assert (await first.resume("c1")).sealed
            assert not ours.seal(20, "contained", "bot")

    asyncio.run(scenario())


def test_who_lost_a_call_may_take_it_back(running: Running, begun: CallStarted) -> None:
    async def scenario() -> None:
        async with running() as first, running() as second:
            ours = first.call("c1", begun)
            assert await ours.ours()
            (await second.resume("c1")).append(10, DigitPressed("1"))
            await second.lines("c1")
            ours.append(20, DigitPressed("lost"))
            assert not await ours.ours()
            back = await first.resume("c1")
            assert back is not ours
            back.append(30, DigitPressed("2"))
            assert keys(await first.lines("c1")) == ["1", "2"]

    asyncio.run(scenario())
