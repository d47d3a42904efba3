"""A whole voicebot kept up on a loop of its own, so that many tests can play on it one after the other.

At its end the record of every call it had is held against the invariants of `voicebot.store.history`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from voicebot.store.check import check, told
from voicebot.testbed.rig import Rig, rig

Play = Callable[[Callable[[Rig], Coroutine[Any, Any, Any]]], Any]


@contextmanager
def stage(overrides: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Iterator[Play]:
    """Start a voicebot with these settings, and this beside our own environment; what is given plays a scenario on it."""
    kept = _Stage(overrides, environment or {})
    kept.open()
    try:
        yield kept.play
    finally:
        kept.close()


class _Stage:
    def __init__(self, overrides: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._overrides = overrides
        self._environment = environment
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._over = asyncio.Event()

    def open(self) -> None:
        self._thread.start()
        opened: asyncio.Future[Rig] = self._loop.create_future()
        self._kept = asyncio.run_coroutine_threadsafe(self._keep(opened), self._loop)
        self._rig = asyncio.run_coroutine_threadsafe(_result(opened), self._loop).result(300)

    def play(self, scenario: Callable[[Rig], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run_coroutine_threadsafe(scenario(self._rig), self._loop).result(240)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._kept.result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _keep(self, opened: asyncio.Future[Rig]) -> None:
        try:
            async with rig(self._overrides, environment=self._environment) as bot:
                opened.set_result(bot)
                await self._over.wait()
                checked = await check(bot.settings.store.url)
            assert not checked.wrong, "\n".join(told(checked))
        except BaseException as error:
            if not opened.done():
                opened.set_exception(error)
            raise


async def _result(opened: asyncio.Future[Rig]) -> Rig:
    return await opened
