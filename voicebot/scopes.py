"""The shapes of concurrency that a TaskGroup alone does not give: whichever ends first, work that is never cut short, tasks ended together.

The one place with tasks outside of a TaskGroup.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_LASTING: set[asyncio.Task[Any]] = set()
"""The loop itself keeps no hold of its tasks."""


async def first_of(*runs: Coroutine[Any, Any, T]) -> T:
    """The result of whichever ends first; the others are cancelled and waited for. An error of any of them is raised."""
    async with asyncio.TaskGroup() as scope:
        tasks = [scope.create_task(run) for run in runs]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    return next(iter(done)).result()


def lasting(run: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """`run` as a task that ends by itself, whoever waits for it gives up or is cancelled: a write, a read, a clean-up that must not be cut short."""
    task = asyncio.get_running_loop().create_task(run)
    _LASTING.add(task)
    task.add_done_callback(_LASTING.discard)
    return task


async def finished(clean_up: Coroutine[Any, Any, None]) -> None:
    """Await `clean_up` to its end, however often this is cancelled meanwhile; the cancellation is raised only then."""
    task = lasting(clean_up)
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled:
        raise cancelled


class Tasks:
    """Tasks on one TaskGroup that can be ended before it is left."""

    def __init__(self, scope: asyncio.TaskGroup) -> None:
        self._scope = scope
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, run: Coroutine[Any, Any, None]) -> None:
        """Run it beside all others."""
        task = self._scope.create_task(run)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def end(self) -> None:
        """Cancel all, and wait until they have ended."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
