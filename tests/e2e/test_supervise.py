"""What a supervisor does to calls on a real Asterisk, asked for at the desk, proved by the audio at each phone: who hears whom, and who does not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from voicebot.store import events, postings
from voicebot.store.calls import CallRecord
from voicebot.store.desk import DeskStore
from voicebot.store.history import violations
from voicebot.store.postings import Posting
from voicebot.store.privacy import deeds
from voicebot.store.staff import Role
from voicebot.testbed import audio
from voicebot.testbed.call import Call
from voicebot.testbed.desks import desk, hire
from voicebot.testbed.g711 import Samples
from voicebot.testbed.rig import Agent, Rig
from voicebot.testbed.scenario import Caller, calling
from voicebot.testbed.synth import synth
from voicebot.up import free_port

pytestmark = pytest.mark.e2e
Play = Callable[[Callable[[Rig], Any]], Any]
PASSWORD = "a long enough password"
AGENT, OWN = "6001", "6003"
"""The agent's phone and the supervisor's."""
PATIENCE_S = 40.0
RECENT_S = 8.0
HEARD = 0.6
AGENT_SAYS = "hello this is the support desk speaking how can i help you"
SUPERVISOR_SAYS = "offer the customer a refund for the whole of last month"
CALLER_SAYS = "my internet has been slow since monday"
QUESTION, ENTRY = "how do i reset my voicemail pin", "voicemail-pin"


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk at which the supervisor has signed in, and the phones of supervisor and agent."""

    bot: Rig
    http: httpx.AsyncClient
    agent: Agent
    own: Agent
    agent_says: Samples
    own_says: Samples

    async def act(self, caller: Caller, act: str, queue: str = "") -> str:
        """Ask for it, as often as it takes; the id of the call."""
        call_id = (await self.bot.journal(caller.ani, sealed_within_s=0)).summary.call_id

        async def taken() -> bool:
            answer = await self.http.post(f"/api/calls/{call_id}/acts", json={"act": act, "queue": queue})
            return answer.status_code == 204

        await until(taken)
        return call_id

    @property
    def last(self) -> Call:
        """The call at the supervisor's phone."""
        return self.own.calls[-1]

    async def rings_own_phone(self, calls: int) -> float:
        """Until that many calls have come to it; when the latest was answered."""

        async def rung() -> bool:
            return len(self.own.calls) == calls and self.last.answered_at_s is not None

        await until(rung)
        return self.last.answered_at_s or 0.0

    async def speaks_on(self) -> float:
        """Until the supervisor has said his sentence once whole, wherever he was in it; from when."""
        loop = asyncio.get_running_loop()
        from_s = loop.time()
        await asyncio.sleep(2 * len(self.own_says) / audio.RATE_HZ + 1)
        return from_s


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():
            await asyncio.sleep(0.1)


async def voiced(bot: Rig, text: str, voice: str) -> Samples:
    folder: Path = bot.settings.speech.cache / "callers"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    return await synth(text, voice, folder)


def hears(call: Call, said: Samples, from_s: float) -> bool:
    return audio.locate(said, call.heard.audio(from_s)).score >= HEARD


async def until_heard(call: Call, said: Samples, from_s: float) -> None:
    """Looks seldom, and at the latest seconds alone: what it reckons disturbs the audio of this very process."""
    async with asyncio.timeout(PATIENCE_S):
        while not hears(call, said, max(from_s, asyncio.get_running_loop().time() - RECENT_S)):
            await asyncio.sleep(1)


def of(record: CallRecord, kind: type[events.Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


@asynccontextmanager
async def supervised(bot: Rig) -> AsyncIterator[Desk]:
    """The supervisor sits at his phone, where no caller of the queue rings; one agent takes calls."""
    url, said = bot.settings.store.url, random.randrange(10**6)
    name = f"sue{said}"
    await hire(url, PASSWORD, {name: Role.SUPERVISOR})
    now = datetime.now(UTC)
    seat = Posting(OWN, now, None, name, "pause", "training", now)
    async with DeskStore.open(url) as store:
        for left in [each for each in await postings.current(store) if each.extension == OWN]:  # by a test before this one
            await postings.change(store, left, until_utc=now)
        await postings.begin(store, seat)
    lines = await voiced(bot, AGENT_SAYS, "flite:awb"), await voiced(bot, SUPERVISOR_SAYS, "flite:slt")
    try:
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(desk(bot.settings_file, {"VOICEBOT_DESK__PORT": str(free_port("127.0.0.1"))}))
            http = await stack.enter_async_context(httpx.AsyncClient(base_url=base, headers={"Origin": base}, trust_env=False, timeout=20))
            assert (await http.post("/sign-in", data={"name": name, "password": PASSWORD})).status_code == 303
            agent, own = await stack.enter_async_context(bot.agent(AGENT, lines[0])), await stack.enter_async_context(bot.agent(OWN, lines[1]))

            async def paused() -> bool:
                told = (await bot.console("queue show support")).splitlines()
                return any(f"PJSIP/{OWN}" in line and "paused" in line for line in told)

            await until(paused)
            yield Desk(bot, http, agent, own, *lines)
    finally:
        async with DeskStore.open(url) as store:
            await postings.change(store, seat, until_utc=datetime.now(UTC))


async def sealed(it: Desk, caller: Caller, outcome: str, by: str) -> CallRecord:
    record = await it.bot.journal(caller.ani, sealed_within_s=20)
    [seal] = of(record, events.CallSealed)
    assert (seal.outcome, seal.by) == (outcome, by)
    assert violations(record.lines) == ()
    return record


def test_who_hears_a_supervisor_is_as_he_asks_and_his_caller_is_pulled_sent_on_and_ended(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        async with supervised(bot) as it, calling(bot, "PCMU") as caller:
            from_s = asyncio.get_running_loop().time()
            call_id = await it.act(caller, "send")
            await until_heard(caller.call, it.agent_says, from_s)
            await heard_as_asked(it, caller, it.agent.calls[-1])
            await sent_on(it, caller, it.agent.calls[-1])
            await it.act(caller, "end")
            await caller.call.wait_ended(PATIENCE_S)
            await it.last.wait_ended(PATIENCE_S)
            record = await sealed(it, caller, "handed_over", "supervisor")
            kinds = [type(line.event) for line in record.lines]
            assert not {events.CallerSpoke, events.AngerScored, events.CallerHungUp} & set(kinds[kinds.index(events.HandoverDecided) :])
            assert kinds.count(events.QueueEntered) == 2
            left = [(each.agent, each.why) for each in of(record, events.AgentLeft)]
            assert left == [(AGENT, "sent on by a supervisor"), (AGENT, "ended by a supervisor")]
            async with DeskStore.open(bot.settings.store.url) as store:
                told = [(each.deed, each.about) for each in await deeds(store) if each.about.startswith(call_id)]
            by_phone = [(deed, f"{call_id} {OWN}") for deed in ("listen", "whisper", "barge")]
            assert list(dict.fromkeys(told[::-1])) == [("send", call_id), *by_phone, ("send", f"{call_id} support"), ("end", call_id)]

    async def heard_as_asked(it: Desk, caller: Caller, at_agent: Call) -> None:
        words = await voiced(it.bot, CALLER_SAYS, "flite:rms")
        await it.act(caller, "listen")
        from_s = await it.rings_own_phone(1)
        await until_heard(it.last, it.agent_says, from_s)
        await caller.say(words)
        await until_heard(it.last, words, from_s)
        await it.speaks_on()
        assert not hears(caller.call, it.own_says, from_s), "listening is heard by nobody"
        assert not hears(at_agent, it.own_says, from_s), "listening is heard by nobody"

        await it.act(caller, "whisper")
        await until_heard(at_agent, it.own_says, from_s)
        from_s = await it.speaks_on()
        assert not hears(caller.call, it.own_says, from_s), "a whisper does not reach the caller"
        await until_heard(at_agent, it.own_says, from_s)
        await until_heard(it.last, it.agent_says, from_s)

        await it.act(caller, "barge")
        await until_heard(caller.call, it.own_says, from_s)
        from_s = asyncio.get_running_loop().time()
        await until_heard(at_agent, it.own_says, from_s)
        await until_heard(caller.call, it.agent_says, from_s)
        assert len(it.own.calls) == 1, "his phone rang once"

    async def sent_on(it: Desk, caller: Caller, first: Call) -> None:
        await it.act(caller, "send", "support")
        await first.wait_ended(PATIENCE_S)

        async def again() -> bool:
            return len(it.agent.calls) == 2

        await until(again)
        await until_heard(caller.call, it.agent_says, it.agent.calls[-1].answered_at_s or 0.0)
        assert caller.call.ended_at_s is None, "the caller stayed"

    play(scenario)


def test_a_supervisor_listens_to_the_bot_takes_its_caller_and_ends_a_call(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        async with supervised(bot) as it:
            await listens_and_takes(it)
            await ends(it)

    async def listens_and_takes(it: Desk) -> None:
        question, words = await voiced(it.bot, QUESTION, "flite:rms"), await voiced(it.bot, CALLER_SAYS, "flite:rms")
        answer = (await it.bot.references("en"))[f"answer/{ENTRY}"]
        async with calling(it.bot, "PCMU") as caller:
            await it.act(caller, "listen")
            from_s = await it.rings_own_phone(1)
            await caller.say(question)
            await until_heard(it.last, answer, from_s)
            assert hears(it.last, question, from_s)
            assert not hears(caller.call, it.own_says, from_s)
            await it.act(caller, "take")
            from_s = await it.rings_own_phone(2)
            await until_heard(caller.call, it.own_says, from_s)
            await caller.say(words)
            await until_heard(it.last, words, from_s)
        record = await sealed(it, caller, "handed_over", "floor")
        [handed] = of(record, events.HandoverDecided)
        assert (handed.reason, handed.queue) == ("was taken from the bot by a supervisor", f"direct-{OWN}")
        assert [joined.agent for joined in of(record, events.AgentJoined)] == [OWN]

    async def ends(it: Desk) -> None:
        goodbye = (await it.bot.references("en"))["prompt/goodbye"]
        async with calling(it.bot, "PCMU") as caller:
            from_s = asyncio.get_running_loop().time()
            await it.act(caller, "end")
            await caller.call.wait_ended(PATIENCE_S)
            assert hears(caller.call, goodbye, from_s)
            record = await sealed(it, caller, "abandoned", "bot")
            assert of(record, events.Decided)[-1].reason == "ended by a supervisor"

    play(scenario)
