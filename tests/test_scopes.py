"""Whichever ends first, clean-up that is not interrupted, tasks that end together."""

from __future__ import annotations

import asyncio
import gc

import pytest

from voicebot.scopes import Tasks, finished, first_of, lasting


def test_clean_up_is_finished_however_often_it_is_cancelled() -> None:
    async def scenario() -> None:
        done: list[str] = []

        async def clean_up() -> None:
            await asyncio.sleep(0.05)
            done.append("clean")

        task = asyncio.create_task(finished(clean_up()))
        for _ in range(5):
            await asyncio.sleep(0)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == ["clean"]

    asyncio.run(scenario())


def test_a_fault_in_clean_up_is_raised_rather_than_the_cancellation() -> None:
    async def scenario() -> None:
        async def clean_up() -> None:
            await asyncio.sleep(0.01)
            raise ValueError("unclean")

        task = asyncio.create_task(finished(clean_up()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(ValueError, match="unclean"):
            await task

    asyncio.run(scenario())


def test_the_first_result_counts_and_the_others_are_cancelled_and_waited_for() -> None:
    ended: list[str] = []

    async def slow() -> str:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append("slow")
        return "slow"

    async def quick() -> str:
        await asyncio.sleep(0)
        return "quick"

    assert asyncio.run(first_of(slow(), quick())) == "quick"
    assert ended == ["slow"]


def test_an_error_of_any_is_raised() -> None:
    async def breaks() -> None:
        raise ValueError("broken")

    async def waits() -> None:
        await asyncio.sleep(60)

    async def scenario() -> None:
        await first_of(waits(), breaks())

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(scenario())
    assert isinstance(caught.value.exceptions[0], ValueError)


def test_what_lasts_ends_by_itself_even_when_nobody_waits_or_holds_it() -> None:
    done: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.append("work")

    async def waits(scope: asyncio.TaskGroup) -> None:
        waiting = scope.create_task(_waited(lasting(work())))
        await asyncio.sleep(0)
        waiting.cancel()

    async def scenario() -> None:
        async with asyncio.TaskGroup() as scope:
            await waits(scope)
        gc.collect()
        assert done == []
        await asyncio.sleep(0.05)
        assert done == ["work"]

    asyncio.run(scenario())


async def _waited(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})


def test_tasks_are_ended_together_and_waited_for() -> None:
    ended: list[int] = []

    async def slow(number: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            ended.append(number)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as scope:
            tasks = Tasks(scope)
            for number in range(3):
                tasks.spawn(slow(number))
            await asyncio.sleep(0)
            await tasks.end()
            assert sorted(ended) == [0, 1, 2]
            await tasks.end()

    asyncio.run(scenario())
