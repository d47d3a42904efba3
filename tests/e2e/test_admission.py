"""A voicebot that takes one call at a time, and one that is asked to end: what callers get, on real calls."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.stage import Play, stage
from voicebot.store import events
from voicebot.store.calls import CallRecord
from voicebot.testbed import audio
from voicebot.testbed.call import Call
from voicebot.testbed.g711 import Samples
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import calling, new_number

pytestmark = pytest.mark.e2e
GRACE_S = 6.0


@pytest.fixture(scope="module")
def play(asterisk_tree: Path) -> Iterator[Play]:
    with stage({"admission.calls": 1, "serve.grace_s": GRACE_S}) as play:
        yield play


@contextlib.asynccontextmanager
async def ringing(bot: Rig) -> AsyncIterator[tuple[Call, str]]:
    ani = new_number()
    async with bot.phone() as phone, phone.dial("100", ani) as call:
        await call.wait_answered()
        yield call, ani


async def until(holds: Callable[[], Any], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await holds():
            await asyncio.sleep(0.1)


def heard(line: Samples, call: Call) -> bool:
    return audio.locate(line, call.heard.audio()).score >= 0.6


async def queued(bot: Rig, ani: str) -> bool:
    return "!Queue!" in await _channel(bot, ani)


async def sent_on(bot: Rig, ani: str) -> bool:
    return "!voicebot-handover!" in await _channel(bot, ani)


async def _channel(bot: Rig, ani: str) -> str:
    channels = (await bot.console("core show channels concise")).splitlines()
    return next((line for line in channels if f"!{ani}!" in line), "")


def of(record: CallRecord, kind: type[events.Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


async def asked_to_end(bot: Rig) -> int:
    """The controller, which `voicebot up` starts again when it has ended."""
    pid = bot.controller().pid
    os.kill(pid, signal.SIGTERM)
    await until(lambda: _health(bot, "draining"))
    return pid


async def _health(bot: Rig, word: str) -> bool:
    try:
        reader, writer = await asyncio.open_connection(bot.settings.serve.host, bot.settings.serve.port)
    except OSError:
        return False
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = (await reader.read()).decode()
        return answer.endswith(f"\r\n\r\n{word}\n")
    except OSError:
        return False
    finally:
        writer.close()


async def _followed(bot: Rig, ani: str) -> bool:
    """Whether the new controller has found the caller in the queue."""
    return bool(of(await bot.journal(ani, sealed_within_s=0), events.QueueEntered))


async def _gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_the_caller_beyond_capacity_hears_a_line_at_once_and_waits_for_a_person(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        line = (await bot.references("en"))["prompt/at_capacity"]
        async with calling(bot, "PCMU") as first:
            async with ringing(bot) as (second, ani):
                assert second.answered_at_s is not None
                await second.until_voice(0.0, 5)
                spoken_to_s = time.monotonic() - second.answered_at_s
                assert not await queued(bot, ani)
                await until(lambda: queued(bot, ani))
                waits_s = time.monotonic() - second.answered_at_s
                assert heard(line, second)
                assert spoken_to_s < 1.0 + 1.0, "at once; a second more for a busy machine"
                assert waits_s < len(line) / 8_000 + 1.0 + 1.0, "in the queue when the line is over"
            assert await bot.calls_in_progress() == 1
            assert not first.call.ended.is_set()
        record = await bot.journal(ani)
        assert record.summary.outcome == "abandoned"
        assert record.summary.handover_reason == "not admitted: calls"
        assert [type(line.event) for line in record.lines] == [
            events.CallStarted,
            events.HandoverDecided,
            events.QueueEntered,
            events.QueueLeft,
            events.CallerHungUp,
            events.CallSealed,
        ]
        assert (await bot.metrics())['voicebot_refusals_total{reason="calls"}'] == 1

    play(scenario)


def test_asked_to_end_the_controller_lets_its_call_finish_and_takes_no_other(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        async with calling(bot, "PCMU") as live:
            pid = await asked_to_end(bot)
            async with ringing(bot) as (_, late):
                await until(lambda: sent_on(bot, late))
            assert not await sent_on(bot, live.ani)
            assert not live.call.ended.is_set()
        await until(lambda: _gone(pid), GRACE_S + 10)
        record = await bot.journal(live.ani)
        assert record.summary.outcome in {"abandoned", "contained"}
        assert not of(record, events.Fault)
        assert (await bot.journal(late)).summary.handover_reason == "not admitted: draining"
        await until(lambda: _health(bot, "ok"), 60)

    play(scenario)


def test_who_is_still_with_the_bot_when_grace_is_over_hears_a_line_and_waits_for_a_person(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        line = (await bot.references("en"))["prompt/connecting_sorry"]
        async with calling(bot, "PCMU") as live:
            pid = await asked_to_end(bot)
            await until(lambda: queued(bot, live.ani), GRACE_S + 15)
            assert heard(line, live.call)
            await until(lambda: _gone(pid))
            await until(lambda: _health(bot, "ok"), 60)
            assert await queued(bot, live.ani), "whatever becomes of the controller"
            await until(lambda: _followed(bot, live.ani))
        record = await bot.journal(live.ani, sealed_within_s=20)
        assert record.summary.outcome == "abandoned"
        assert record.summary.handover_reason == "the controller is stopping"
        assert not of(record, events.Fault)

    play(scenario)


def test_asked_to_end_voicebot_up_waits_for_those_in_the_queue_before_it_ends_asterisk(play: Play) -> None:
    """The last: it ends the voicebot that the others play on."""

    async def scenario(bot: Rig) -> None:
        async with calling(bot, "PCMU") as live:
            await live.call.dtmf("0")
            await until(lambda: queued(bot, live.ani))
            controller, asterisk = bot.controller().pid, bot.asterisk().pid
            os.kill(bot.keeper.pid, signal.SIGTERM)
            await until(lambda: _gone(controller))
            await asyncio.sleep(1)
            assert not live.call.ended.is_set()
        await until(lambda: _gone(asterisk))
        async with asyncio.timeout(10):
            assert await bot.keeper.wait() == 0

    play(scenario)
