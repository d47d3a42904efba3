"""One whole voicebot for the end-to-end tests: controller, workers, private Asterisk, on free ports in a folder of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from voicebot.testbed.rig import Rig, rig

Play = Callable[[Callable[[Rig], Coroutine[Any, Any, Any]]], Any]


class Stage:
    """A rig kept up on a loop of its own; each test plays a scenario on it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._over = asyncio.Event()
        self._opened: asyncio.Future[Rig] | None = None

    def open(self) -> None:
        self._thread.start()
        opened: asyncio.Future[Rig] = self._loop.create_future()
        self._kept = asyncio.run_coroutine_threadsafe(self._keep(opened), self._loop)
        self._rig = asyncio.run_coroutine_threadsafe(self._wait(opened), self._loop).result(300)

    def play(self, scenario: Callable[[Rig], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run_coroutine_threadsafe(scenario(self._rig), self._loop).result(240)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._kept.result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _wait(self, opened: asyncio.Future[Rig]) -> Rig:
        return await opened

    async def _keep(self, opened: asyncio.Future[Rig]) -> None:
        try:
            async with rig({"handover.ring_s": 8, "handover.max_wait_s": 12, "turns.no_rtp_ms": 4000}) as bot:
                opened.set_result(bot)
                await self._over.wait()
        except BaseException as error:
            if not opened.done():
                opened.set_exception(error)
            raise


@pytest.fixture(scope="session")
def play(asterisk_tree: Path) -> Iterator[Play]:
    """Play a scenario on the shared voicebot."""
    stage = Stage()
    stage.open()
    yield stage.play
    stage.close()
