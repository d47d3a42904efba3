"""Every way a handover can go wrong, on a real Asterisk: agents who do not take the call, callers who give up, nobody there. Each ends right."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from voicebot.errors import StoreError
from voicebot.store.calls import CallRecord
from voicebot.store.events import (
    AgentAnswered,
    AgentJoined,
    AgentLeft,
    BriefingStarted,
    CallbackRequested,
    CallerHungUp,
    CallSealed,
    Event,
    QueueEntered,
    QueueLeft,
)
from voicebot.testbed.call import Call
from voicebot.testbed.dialog import Account
from voicebot.testbed.phone import Phone
from voicebot.testbed.rig import Rig
from voicebot.testbed.sip import PhoneError

pytestmark = pytest.mark.e2e
Play = Callable[[Callable[[Rig], Any]], Any]
Fate = Callable[[Call], Awaitable[object]]
PATIENCE_S = 40.0


@dataclass
class Desk:
    """Agents who treat each call as its caller's fates say, ring by ring; whoever has no fate left is talked to, and hung up on."""

    fates: dict[str, list[Fate]] = field(default_factory=dict)
    rung: dict[str, list[Call]] = field(default_factory=dict)

    async def take(self, phone: Phone) -> None:
        async with asyncio.TaskGroup() as scope:
            while True:
                call = await phone.ring()
                self.rung.setdefault(call.ani, []).append(call)
                fates = self.fates.get(call.ani) or [talk]
                scope.create_task(self._meet(call, fates.pop(0)))

    async def _meet(self, call: Call, fate: Fate) -> None:
        with contextlib.suppress(PhoneError, TimeoutError):  # the caller gave up first
            await fate(call)


@asynccontextmanager
async def agents(bot: Rig, desk: Desk) -> AsyncIterator[None]:
    """All of them, signed in."""
    async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as scope:
        taking = []
        for number, secret in bot.plan.agents.items():
            phone = await stack.enter_async_context(Phone.open(bot.address, account=Account(number, secret)))
            await phone.register()
            taking.append(scope.create_task(desk.take(phone)))
        yield
        for each in taking:
            each.cancel()


async def busy(call: Call) -> None:
    await call.reject(486)


async def declines(call: Call) -> None:
    await call.reject(603)


async def ignores(call: Call) -> None:
    await call.wait_ended(PATIENCE_S)


async def hears_the_briefing_and_hangs_up(call: Call) -> None:
    await call.answer()
    await call.until_voice(0.0, 5)
    await call.hang_up()


async def hears_the_briefing(call: Call) -> None:
    await call.answer()
    await call.wait_ended(PATIENCE_S)


async def talk(call: Call) -> None:
    await call.answer()
    await call.until_voice(0.0, 5)
    await call.wait_ended(PATIENCE_S)


async def wants_a_person(bot: Rig, ani: str, until: Callable[[CallRecord], bool]) -> CallRecord:
    """A caller who asks for a person at once and hangs up when his record says so; the record when it is sealed."""
    async with bot.phone() as phone, phone.dial("100", ani) as call:
        await call.wait_answered()
        await call.until_voice(0.0, 10)
        await call.dtmf("0")
        async with asyncio.timeout(PATIENCE_S):
            while not await journalled(bot, ani, until):
                await asyncio.sleep(0.2)
    return await bot.journal(ani, sealed_within_s=10)


async def journalled(bot: Rig, ani: str, holds: Callable[[CallRecord], bool]) -> bool:
    try:
        return holds(await bot.journal(ani, sealed_within_s=0))
    except StoreError:
        return False  # the first line is still on its way


def of(record: CallRecord, kind: type[Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


def has(kind: type[Event]) -> Callable[[CallRecord], bool]:
    return lambda record: bool(of(record, kind))


def numbers(count: int) -> Sequence[str]:
    return [f"558{random.randrange(10**8):08d}" for _ in range(count)]


async def left_nothing(bot: Rig) -> None:
    """No channel, no bridge, no briefing."""
    async with asyncio.timeout(15):
        while "0 active channels" not in await bot.console("core show channels"):
            await asyncio.sleep(0.2)
    assert await bot.calls_in_progress() == 0
    assert "-bridge" not in await bot.console("bridge show all")
    assert not list(bot.plan.spool.glob("*.sln16"))


def sealed_once(record: CallRecord, outcome: str) -> None:
    assert len(of(record, CallSealed)) == 1
    assert isinstance(record.lines[-1].event, CallSealed)
    assert record.summary.outcome == outcome
    assert len(of(record, QueueEntered)) == 1, "a caller keeps his place"


def test_an_agent_who_does_not_take_the_call_is_followed_by_one_who_does(play: Play) -> None:
    reasons = {"busy": busy, "declined": declines, "no answer": ignores, "left before the caller was through": hears_the_briefing_and_hangs_up}

    async def scenario(bot: Rig) -> None:
        anis = numbers(len(reasons))
        desk = Desk({ani: [fate, talk] for ani, fate in zip(anis, reasons.values(), strict=True)})
        async with agents(bot, desk), asyncio.TaskGroup() as scope:
            calls = [scope.create_task(wants_a_person(bot, ani, has(AgentJoined))) for ani in anis]
        for call, why in zip(calls, reasons, strict=True):
            record = call.result()
            sealed_once(record, "handed_over")
            assert [left.why for left in of(record, AgentLeft)] == [why]
            assert len(of(record, AgentJoined)) == 1
        await left_nothing(bot)

    play(scenario)


def test_a_caller_who_gives_up_while_it_rings_or_during_the_briefing_frees_the_agent(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        ringing, briefed = numbers(2)
        desk = Desk({ringing: [ignores], briefed: [hears_the_briefing]})
        async with agents(bot, desk), asyncio.TaskGroup() as scope:
            given_up = scope.create_task(wants_a_person(bot, ringing, lambda _: bool(desk.rung.get(ringing))))
            cut = scope.create_task(wants_a_person(bot, briefed, has(BriefingStarted)))
        for call in (given_up, cut):
            record = call.result()
            sealed_once(record, "abandoned")
            assert [left.why for left in of(record, QueueLeft)] == ["caller hung up"]
            assert len(of(record, CallerHungUp)) == 1
            assert not of(record, AgentJoined)
        assert not of(given_up.result(), AgentAnswered)
        assert all(call.ended_by == "there" for calls in desk.rung.values() for call in calls), "the agent's phone is free at once"
        await left_nothing(bot)

    play(scenario)


def test_a_caller_asks_for_a_call_back_while_waiting_and_one_whom_nobody_answers_is_offered_it(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        asks, waits = numbers(2)
        async with asyncio.TaskGroup() as scope:
            kept = scope.create_task(wants_a_call_back(bot, asks, has(QueueEntered)))
            after_all = scope.create_task(wants_a_call_back(bot, waits, has(QueueLeft)))
        for call, why in ((kept, "would rather be called back"), (after_all, "nobody answered in time")):
            record = call.result()
            sealed_once(record, "abandoned")
            assert [left.why for left in of(record, QueueLeft)] == [why]
            assert len(of(record, CallbackRequested)) == 1
        await left_nothing(bot)

    play(scenario)


async def wants_a_call_back(bot: Rig, ani: str, ready: Callable[[CallRecord], bool]) -> CallRecord:
    """A caller with nobody signed in who presses 1 again and again from when he is `ready` until the dialplan ends his call."""
    async with bot.phone() as phone, phone.dial("100", ani) as call:
        await call.wait_answered()
        await call.until_voice(0.0, 10)
        await call.dtmf("0")
        async with asyncio.timeout(PATIENCE_S):
            while not await journalled(bot, ani, ready):
                await asyncio.sleep(0.2)
            while not call.ended.is_set():
                with contextlib.suppress(PhoneError):  # it ended meanwhile
                    await call.dtmf("1")
                await asyncio.sleep(1)
        assert call.ended_by == "there"
    return await bot.journal(ani, sealed_within_s=10)
