"""The clock that jumps: no real time passes, order is kept, and what would hang fails instead."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.kit.clock import VirtualLoop, run_virtual


def test_an_hour_passes_at_once_and_timers_keep_their_order() -> None:
    came: list[str] = []

    async def after(delay_s: float, name: str) -> None:
        await asyncio.sleep(delay_s)
        came.append(name)

    async def scenario() -> float:
        async with asyncio.TaskGroup() as scope:
            for delay_s, name in ((3_600, "late"), (1, "soon"), (60, "between")):
                scope.create_task(after(delay_s, name))
        return asyncio.get_running_loop().time()

    began_s = time.monotonic()
    assert run_virtual(scenario()) == pytest.approx(3_600)
    assert time.monotonic() - began_s < 5
    assert came == ["soon", "between", "late"]


def test_a_deadline_strikes_in_virtual_time() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(10):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run_virtual(scenario())


def test_what_would_hang_for_ever_fails() -> None:
    loop = VirtualLoop()
    waiting = asyncio.Event().wait()
    with pytest.raises(RuntimeError, match="nothing will ever happen"):
        loop.run_until_complete(waiting)
    for task in asyncio.all_tasks(loop):
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()


def test_a_task_left_behind_fails() -> None:
    async def scenario() -> None:
        left.append(asyncio.ensure_future(asyncio.sleep(1)))
        await asyncio.sleep(0)

    left: list[asyncio.Future[None]] = []
    with pytest.raises(AssertionError, match="tasks left behind"):
        run_virtual(scenario())


def test_what_would_run_in_a_thread_runs_in_the_loop_with_its_errors() -> None:
    async def scenario() -> None:
        assert await asyncio.to_thread(lambda: 1 + 1) == 2
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)

    run_virtual(scenario())


def test_a_process_that_stood_still_finds_all_that_fell_due_in_order() -> None:
    came: list[tuple[str, float]] = []

    def fall_due(name: str) -> None:
        came.append((name, asyncio.get_running_loop().time()))

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        for delay_s in (3, 1, 2, 9):
            loop.call_later(delay_s, fall_due, str(delay_s))
        loop.leap(5)
        await asyncio.sleep(0.1)
        assert [name for name, _ in came] == ["1", "2", "3"]
        assert all(at_s >= 5 for _, at_s in came)
        assert [timer.when() for timer in loop.timers if timer.when() > 5.2] == [9]

    run_virtual(scenario())


def test_steps_are_those_of_tasks_and_the_same_each_time() -> None:
    async def scenario() -> None:
        for _ in range(5):
            await asyncio.sleep(1)

    counts = []
    for _ in range(2):
        loop = VirtualLoop()
        run_virtual(scenario(), loop)
        counts.append(loop.steps)
    assert counts[0] == counts[1]
    assert 5 < counts[0] < 20
