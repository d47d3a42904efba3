"""The worker processes of one engine: streams go where there is room and an answer. Whom to trust with the next one is all it decides."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from voicebot.errors import EngineError
from voicebot.speech.workers import HUNG_S, Worker

STALLED_S = 0.5
"""A worker that has owed an answer for this long gets no new stream while another has not."""


class Pool:
    """Worker processes of one engine. An async context manager: start and stop it in the same task."""

    def __init__(self, factory: str, arguments: Mapping[str, object], processes: int = 1, hung_s: float = HUNG_S, *, memory_mb: int = 0) -> None:
        self._memory_mb = memory_mb
        self._factory, self._arguments, self._processes, self._hung_s = factory, arguments, processes, hung_s
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []
        self.workers: tuple[Worker, ...] = ()

    async def start(self) -> None:
        """Return when every worker is ready. Raises EngineError, with nothing left running, when one ends before it was."""
        await self.launch()
        try:
            await self.until_ready()
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def launch(self) -> None:
        """Start the processes and return at once, so that other things can be made ready beside them."""
        await self._group.__aenter__()
        self.workers = tuple(Worker(self._factory, self._arguments, self._hung_s, self._memory_mb) for _ in range(self._processes))
        self._tasks = [self._group.create_task(worker.run()) for worker in self.workers]

    async def until_ready(self) -> None:
        """Return when every worker that was launched is ready. Raises EngineError, with nothing left running, when one ends before it was."""
        for outcome in await asyncio.gather(*(worker.first_start for worker in self.workers), return_exceptions=True):
            if outcome is not None:
                await self.stop()
                raise outcome

    async def stop(self) -> None:
        """End all processes; streams still open are lost. Stopping twice is allowed."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await self._group.__aexit__(None, None, None)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        await self.stop()

    @property
    def healthy(self) -> bool:
        """Whether a worker runs and answers."""
        return any(worker.ready and worker.owing_s < HUNG_S / 2 for worker in self.workers)

    def least_loaded(self) -> Worker:
        """Of the running workers that answer, else of all that run, the one with the fewest streams. Raises EngineError when none runs."""
        running = [worker for worker in self.workers if worker.ready]
        if not running:
            raise EngineError("no worker process is running; see the log for why")
        return min(running, key=lambda worker: (worker.owing_s > STALLED_S, worker.streams))
