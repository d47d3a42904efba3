"""Two controllers behind HAProxy share the calls; when one is killed or stands still, its callers talk on with the other."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from voicebot.store import events
from voicebot.store.calls import CallRecord
from voicebot.store.history import violations
from voicebot.testbed import audio
from voicebot.testbed.pair import Pair, pair
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import Caller, calling
from voicebot.testbed.synth import synth

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="needs haproxy: apt-get install haproxy"),
]
CALLS = 4
AT_EASE = {"admission.cpu": 1.0, "admission.loop_lag_ms": 5_000, "admission.backlog_ms": 60_000}
"""A busy machine is not what is tested here."""
RESUMED_S = 8.0
"""Generous: the figure itself is the bench's."""
QUESTION, ENTRY = "how do i reset my voicemail pin", "voicemail-pin"


async def say(bot: Rig, caller: Caller, text: str) -> float:
    folder: Path = bot.settings.speech.cache / "callers"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    return await caller.say(await synth(text, "flite:rms", folder))


def of(record: CallRecord, kind: type[events.Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


async def until(holds: Callable[[], Any], timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while not await holds():
            await asyncio.sleep(0.1)


@asynccontextmanager
async def conversations(bot: Rig) -> AsyncIterator[list[Caller]]:
    """Callers who have asked a question each."""
    async with AsyncExitStack() as stack:
        yield await asyncio.gather(*(stack.enter_async_context(asking(bot)) for _ in range(CALLS)))


@asynccontextmanager
async def asking(bot: Rig) -> AsyncIterator[Caller]:
    async with calling(bot, "PCMU") as caller:
        await caller.voice(await say(bot, caller, QUESTION))
        yield caller


async def resumed(bot: Rig, callers: list[Caller]) -> list[Caller]:
    """Those whose call was taken over so far."""
    records = {caller.ani: await bot.journal(caller.ani, sealed_within_s=0) for caller in callers}
    return [caller for caller in callers if of(records[caller.ani], events.Resumed)]


async def talks_on(bot: Rig, caller: Caller, from_s: float) -> None:
    """He hears an apology, asks for a person, and the agent is told what he had asked of the controller that is gone."""
    apology = (await bot.references("en"))["prompt/lost_you"]

    async def heard() -> bool:
        return audio.locate(apology, caller.call.heard.audio(from_s)).score >= 0.6

    await until(heard, RESUMED_S)
    await caller.hear_out(20)
    await say(bot, caller, "agent please")

    async def queued() -> bool:
        return bool(of(await bot.journal(caller.ani, sealed_within_s=0), events.QueueEntered))

    await until(queued, 15)
    record = await bot.journal(caller.ani, sealed_within_s=0)
    [decided] = of(record, events.HandoverDecided)
    assert "voicemail" in decided.briefing.lower(), decided.briefing


async def all_is_told_and_nothing_is_left(bot: Rig, callers: list[Caller]) -> None:
    for caller in callers:
        record = await bot.journal(caller.ani, sealed_within_s=10)
        assert len(of(record, events.CallSealed)) == 1
        assert [line.seq for line in record.lines] == list(range(len(record.lines)))
        assert [one for one in violations(record.lines) if one] == []

    async def empty() -> bool:
        return "-bridge" not in await bot.console("bridge show all") and "0 active channels" in await bot.console("core show channels")

    await until(empty, 10)


@pytest.mark.parametrize("how", ["killed", "stands still"])
def test_when_one_is_lost_its_callers_talk_on_with_the_other(how: str, asterisk_tree: Path) -> None:
    async def scenario() -> None:
        async with pair(AT_EASE) as both:
            await (killed if how == "killed" else stands_still)(both)

    asyncio.run(scenario())


async def killed(both: Pair) -> None:
    bot = both.rig
    async with conversations(bot) as callers:
        lost_s = time.monotonic()
        os.kill(bot.controller().pid, signal.SIGKILL)
        await their_calls_go_on(bot, callers, lost_s)
    await all_is_told_and_nothing_is_left(bot, callers)


async def stands_still(both: Pair) -> None:
    """It wakes when its callers are with the other: it may touch neither them nor their records."""
    bot = both.rig
    async with conversations(bot) as callers:
        lost_s = time.monotonic()
        os.kill(both.second.pid, signal.SIGSTOP)
        await their_calls_go_on(bot, callers, lost_s, wakes=both.second.pid)
    await all_is_told_and_nothing_is_left(bot, callers)


async def their_calls_go_on(bot: Rig, callers: list[Caller], lost_s: float, wakes: int | None = None) -> None:
    async def moved() -> bool:
        return len(await resumed(bot, callers)) > 0

    await until(moved, RESUMED_S)
    await asyncio.sleep(1)
    if wakes:
        os.kill(wakes, signal.SIGCONT)
    await asyncio.gather(*(talks_on(bot, caller, lost_s) for caller in await resumed(bot, callers)))
    live = await bot.console("core show channels concise")
    assert all(caller.ani in live for caller in callers), "somebody was dropped"
