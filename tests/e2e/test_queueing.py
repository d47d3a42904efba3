"""From the bot to the right people, or to what is best without them: a call-back that becomes a task, then a call to the queue of its reason, a step
ahead, and a mark for the agent. On a real Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.kit.stage import Play, stage
from voicebot.desk.controller import ControllerDoor
from voicebot.errors import StoreError
from voicebot.store import after
from voicebot.store.calls import CallRecord
from voicebot.store.desk import DeskStore
from voicebot.store.events import (
    AgentJoined,
    AgentLeft,
    BriefingStarted,
    CallbackRequested,
    Event,
    HandoverDecided,
    NobodyThere,
    QueueEntered,
    SurveyAnswered,
)
from voicebot.testbed import audio
from voicebot.testbed.call import Call
from voicebot.testbed.rig import Rig
from voicebot.testbed.sip import PhoneError

pytestmark = pytest.mark.e2e
PATIENCE_S = 40.0
SETTINGS: dict[str, Any] = {
    **{"handover.nobody": "offer", "handover.survey": "calm", "handover.profile": True, "handover.ring_s": 8},
    **{"handover.queues.person.queue": "front", "handover.agents.front": ["6002"]},
}


@pytest.fixture(scope="module")
def play(asterisk_tree: object) -> Iterator[Play]:
    with stage(SETTINGS) as play:
        yield play


def of(record: CallRecord, kind: type[Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


async def until(bot: Rig, call: Call, ani: str, kind: type[Event]) -> None:
    """Until the newest record of this caller has such an event."""
    async with asyncio.timeout(PATIENCE_S):
        while not call.ended.is_set():
            with contextlib.suppress(StoreError):  # its first line is still on its way
                if of(await bot.journal(ani, sealed_within_s=0), kind):
                    return
            await asyncio.sleep(0.2)


async def presses(call: Call, key: str, done: Callable[[], object]) -> None:
    """Again and again, for what asks for the key may not have been said yet."""
    async with asyncio.timeout(PATIENCE_S):
        while not done():
            with contextlib.suppress(PhoneError):  # the call ended meanwhile
                await call.dtmf(key)
            await asyncio.sleep(1)


async def wants_a_person(call: Call) -> None:
    await call.wait_answered()
    await call.until_voice(0.0, 10)
    await call.dtmf("0")


async def likes_no_briefing(bot: Rig, agent: str) -> None:
    """As the desk tells it."""
    assert await ControllerDoor(bot.settings).brief({agent: "off"})
    async with asyncio.timeout(PATIENCE_S):
        while f"VOICEBOT_BRIEF_{agent}=off" not in await bot.console("dialplan show globals"):
            await asyncio.sleep(0.1)


async def finds_nobody(bot: Rig, ani: str) -> CallRecord:
    async with bot.phone() as phone, phone.dial("100", ani) as call:
        await wants_a_person(call)
        await until(bot, call, ani, NobodyThere)
        await presses(call, "1", call.ended.is_set)
    return await bot.journal(ani, sealed_within_s=10)


async def is_served(bot: Rig, ani: str) -> CallRecord:
    async with bot.agent("6002", audio.tone(440, 1.0)) as agent, bot.phone() as phone, phone.dial("100", ani) as call:
        await wants_a_person(call)
        await until(bot, call, ani, AgentJoined)
        await agent.calls[0].hang_up()
        await presses(call, "5", call.ended.is_set)
    return await bot.journal(ani, sealed_within_s=10)


def test_who_finds_nobody_is_a_task_and_is_a_step_ahead_when_he_calls_again(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        ani = f"557{random.randrange(10**8):08d}"
        first = await finds_nobody(bot, ani)
        assert [nobody.why for nobody in of(first, NobodyThere)] == ["nobody signed in"]
        assert (len(of(first, CallbackRequested)), of(first, QueueEntered), first.summary.outcome) == (1, [], "abandoned")
        async with DeskStore.open(bot.settings.store.url) as store:
            assert [(task.call_id, number) for task, number in await after.follow_ups(store, "anybody")] == [(first.summary.call_id, ani)]

        await likes_no_briefing(bot, "6002")
        again = await is_served(bot, ani)
        [decided] = of(again, HandoverDecided)
        assert (decided.queue, decided.priority, decided.urgent) == ("front", 1, False)
        assert [entered.queue for entered in of(again, QueueEntered)] == ["front"]
        assert of(again, BriefingStarted) == [], "6002 hears none"
        assert of(again, NobodyThere) == []
        assert [(left.agent, left.why) for left in of(again, AgentLeft)] == [("6002", "hung up")]
        assert of(again, SurveyAnswered) == [SurveyAnswered(5, "agent")]
        assert again.summary.outcome == "handed_over"

    play(scenario)
