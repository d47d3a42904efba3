"""One controller, killed and started again: each caller talks on with it or waits for a person, and nothing of the first one is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from voicebot.store import events
from voicebot.store.calls import CallRecord
from voicebot.store.history import violations
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import Caller, calling

pytestmark = pytest.mark.e2e
Play = Callable[[Callable[[Rig], Any]], Any]
CALLERS = 2


async def safe(bot: Rig, caller: Caller) -> bool:
    """Whether the caller is in the queue, or with a bot again."""
    record = await bot.journal(caller.ani, sealed_within_s=0)
    queued = [line for line in (await bot.console("core show channels concise")).splitlines() if "!Queue!" in line and caller.ani in line]
    return bool(queued) or any(isinstance(line.event, events.Resumed) for line in record.lines)


def check(record: CallRecord) -> None:
    assert sum(isinstance(line.event, events.CallSealed) for line in record.lines) == 1
    assert [line.seq for line in record.lines] == list(range(len(record.lines)))
    assert list(violations(record.lines)) == []


def test_after_a_restart_every_caller_is_with_a_bot_or_in_the_queue_and_nothing_is_left(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        async with contextlib.AsyncExitStack() as stack:
            callers = await asyncio.gather(*(stack.enter_async_context(calling(bot, "PCMU")) for _ in range(CALLERS)))
            os.kill(bot.controller().pid, signal.SIGKILL)
            async with asyncio.timeout(10):
                while not all([await safe(bot, caller) for caller in callers]):
                    await asyncio.sleep(0.1)
        async with asyncio.timeout(90):
            while await bot.calls_in_progress() != 0:
                await asyncio.sleep(0.2)
            while "-bridge" in await bot.console("bridge show all") or "0 active channels" not in await bot.console("core show channels"):
                await asyncio.sleep(0.2)
        for caller in callers:
            check(await bot.journal(caller.ani, sealed_within_s=20))

    play(scenario)
