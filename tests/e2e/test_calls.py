"""Real calls through a real Asterisk: what a caller, an agent and the call log get."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import StoreError
from voicebot.store import events
from voicebot.store.calls import CallRecord
from voicebot.testbed import audio
from voicebot.testbed.call import Call
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.processes import open_files
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import Caller, calling
from voicebot.testbed.sip import PhoneError
from voicebot.testbed.synth import synth

pytestmark = pytest.mark.e2e
Play = Callable[[Callable[[Rig], Any]], Any]
QUESTION, ENTRY = "how do i reset my voicemail pin", "voicemail-pin"
PERSON = "can i talk to a real person please"
AGENT_SAYS = "hello this is the support desk speaking how can i help you"


async def say(bot: Rig, caller: Caller, text: str, voice: str = "flite:rms") -> float:
    return await caller.say(await voiced(bot, text, voice))


async def voiced(bot: Rig, text: str, voice: str = "flite:rms") -> Samples:
    folder: Path = bot.settings.speech.cache / "callers"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    return await synth(text, voice, folder)


def of(record: CallRecord, kind: type[events.Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


def heard(reference: Samples, call: Call, from_s: float | None = None) -> bool:
    return audio.locate(reference, call.heard.audio(from_s)).score >= 0.6


async def until(holds: Callable[[], object], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def ringing(bot: Rig, number: str = "100") -> AsyncIterator[tuple[Call, str]]:
    """A call that is dialled and answered, its greeting still to come."""
    ani = f"556{random.randrange(10**8):08d}"
    async with bot.phone() as phone, phone.dial(number, ani) as call:
        await call.wait_answered()
        yield call, ani


def check_sealed(record: CallRecord, outcome: str) -> None:
    assert len(of(record, events.CallSealed)) == 1
    assert record.summary.outcome == outcome
    kinds = [type(line.event) for line in record.lines]
    assert kinds[0] is events.CallStarted
    assert kinds[-1] is events.CallSealed
    assert [line.seq for line in record.lines] == list(range(len(record.lines)))
    if events.CallerSpoke in kinds:
        assert kinds.index(events.NoticeGiven) < kinds.index(events.Decided), "notice before anything is decided"


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_question_is_answered_and_a_person_takes_over(play: Play, codec: Codec) -> None:
    async def scenario(bot: Rig) -> None:
        references = await bot.references("en")
        agent_line = await voiced(bot, AGENT_SAYS, "flite:awb")
        async with bot.agent("6001", agent_line) as agent, calling(bot, codec) as caller:
            assert heard(references["prompt/greeting"], caller.call)
            asked_s = await say(bot, caller, QUESTION)
            await caller.call.until_voice(asked_s, 5)
            await caller.hear_out()
            assert heard(references[f"answer/{ENTRY}"], caller.call, asked_s)
            await say(bot, caller, PERSON)
            await until(lambda: agent.calls and heard(agent_line, caller.call))
            words = await voiced(bot, "my internet has been slow since monday")
            await caller.say(words)
            await until(lambda: heard(words, agent.calls[0]), 5)
            assert agent.calls[0].ani == caller.ani, "the agent sees the caller's number"
            ani = caller.ani
        record = await bot.journal(ani)
        check_sealed(record, "handed_over")
        assert [spoke.entry_id for spoke in of(record, events.BotSpoke) if spoke.kind == "answer"] == [ENTRY]
        assert of(record, events.HandoverDecided)[0].reason == "asked for a person"
        order = [type(line.event) for line in record.lines]
        told = [events.HandoverDecided, events.QueueEntered, events.AgentRang, events.AgentAnswered, events.BriefingStarted, events.AgentJoined]
        assert [kind for kind in order if kind in told] == told
        handed = order.index(events.HandoverDecided)
        assert events.CallerSpoke not in order[handed:], "nothing is analysed after the handover"

    play(scenario)


def test_a_silent_bot_still_sends_audio(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        async with calling(bot, "PCMU") as caller:
            before = len(caller.call.heard.packet_times_s)
            await asyncio.sleep(2)
            assert len(caller.call.heard.packet_times_s) - before >= 90

    play(scenario)


def test_the_bot_gives_way_to_an_interruption(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        references = await bot.references("en")
        async with calling(bot, "PCMU") as caller:
            asked_s = await say(bot, caller, QUESTION)
            await caller.call.until_voice(asked_s, 5)
            await asyncio.sleep(1.5)
            over_s = await say(bot, caller, "what are your opening hours")
            await caller.call.until_voice(over_s, 5)
            await caller.hear_out()
            assert heard(references["answer/opening-hours"], caller.call, over_s)
            ani = caller.ani
        record = await bot.journal(ani)
        first = next(spoke for spoke in of(record, events.BotSpoke) if spoke.entry_id == ENTRY)
        assert first.cut
        assert first.heard_ms < first.length_ms
        assert first.text.startswith(first.heard_text)
        assert [barged.outcome for barged in of(record, events.BargedIn)] == ["taken"]

    play(scenario)


def test_words_over_the_greeting_are_kept_and_answered_after_it(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        references = await bot.references("en")
        async with ringing(bot) as (call, ani):
            await call.until_voice(0.0, 5)
            await asyncio.sleep(1.0)
            await call.play(await voiced(bot, QUESTION))
            await until(lambda: heard(references[f"answer/{ENTRY}"], call), 15)
            assert heard(references["prompt/greeting"], call)
        record = await bot.journal(ani)
        greeting = next(spoke for spoke in of(record, events.BotSpoke) if spoke.kind == "greeting")
        assert not greeting.cut

    play(scenario)


@pytest.mark.parametrize("how", ["rfc4733", "dtmf-relay"])
def test_key_0_brings_a_person_even_during_the_greeting(play: Play, how: Any) -> None:
    async def scenario(bot: Rig) -> None:
        async with ringing(bot) as (call, ani):
            await call.until_voice(0.0, 5)
            await call.dtmf("0", how=how)
            async with asyncio.timeout(8):
                while "voicebot-handover" not in await bot.console("core show channels concise"):
                    await asyncio.sleep(0.1)
        record = await bot.journal(ani)
        check_sealed(record, "abandoned")
        assert of(record, events.DigitPressed)[0].key == "0"
        assert of(record, events.QueueEntered)

    play(scenario)


def test_the_mandarin_hotline_greets_reads_its_menu_and_answers_a_key(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        references = await bot.references("zh")
        async with ringing(bot, "200") as (call, ani):
            await call.until_voice(0.0, 5)
            await asyncio.sleep(5)
            await call.dtmf("9")
            await until(lambda: heard(references[f"answer/{ENTRY}"], call), 20)
        record = await bot.journal(ani)
        assert record.summary.language == "zh"
        assert [spoke.entry_id for spoke in of(record, events.BotSpoke) if spoke.kind == "answer"] == [ENTRY]

    play(scenario)


def test_nobody_free_ends_with_a_message_and_a_hang_up_never_a_dead_line(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        overflow = (await bot.references("en"))["prompt/queue_full"]
        async with calling(bot, "PCMU") as caller:
            await say(bot, caller, PERSON)
            await caller.call.wait_ended(45)
            assert caller.call.ended_by == "there"
            assert heard(overflow, caller.call)
            ani = caller.ani
        record = await bot.journal(ani)
        check_sealed(record, "abandoned")
        assert of(record, events.QueueLeft)[0].why == "nobody answered in time"

    play(scenario)


def test_goodbye_ends_the_call_from_our_side(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        async with calling(bot, "PCMU") as caller:
            asked_s = await say(bot, caller, QUESTION)
            await caller.call.until_voice(asked_s, 5)
            await caller.hear_out()
            await say(bot, caller, "that's all thank you goodbye", "flite:awb")
            await caller.call.wait_ended(15)
            assert caller.call.ended_by == "there"
            ani = caller.ani
        check_sealed(await bot.journal(ani), "contained")

    play(scenario)


def test_a_line_without_audio_is_ended_and_never_queued(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        async with ringing(bot) as (call, ani):
            call.stream.enabled = False
            await call.wait_ended(25)
        record = await bot.journal(ani)
        assert record.summary.outcome == "abandoned"
        assert not of(record, events.QueueEntered)

    play(scenario)


@pytest.mark.parametrize("number", ["999", "100@x", "6001", "0044123456"])
def test_numbers_that_are_no_hotline_are_refused(play: Play, number: str) -> None:
    async def scenario(bot: Rig) -> None:
        async with bot.phone() as phone, phone.dial(number, "5550000") as call:
            with pytest.raises(PhoneError):
                await call.wait_answered(5)

    play(scenario)


def test_calls_hung_up_at_random_moments_leave_nothing(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        dice = random.Random(7)
        anis: list[str] = []

        async def one(wait_s: float) -> None:
            ani = f"557{dice.randrange(10**8):08d}"
            anis.append(ani)
            async with bot.phone() as phone, phone.dial("100", ani) as call:
                with contextlib.suppress(PhoneError, TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await call.wait_answered()
                        await call.play(await voiced(bot, dice.choice([QUESTION, PERSON])))
                        await asyncio.sleep(20)

        files = open_files(bot.controller().pid).total()
        async with asyncio.TaskGroup() as scope:
            for number in range(12):
                scope.create_task(one(0.2 + number * 0.9 + dice.random()))
        async with asyncio.timeout(15):
            while "0 active channels" not in await bot.console("core show channels"):
                await asyncio.sleep(0.2)
        await until(lambda: open_files(bot.controller().pid).total() <= files, 10)
        assert await bot.calls_in_progress() == 0
        assert "-bridge" not in await bot.console("bridge show all")
        records = 0
        for ani in anis:
            with contextlib.suppress(StoreError):  # a call given up before the controller heard of it has no record
                record = await bot.journal(ani)
                records += 1
                assert len(of(record, events.CallSealed)) == 1
        assert records >= 8

    play(scenario)


async def queued_or_resumed(bot: Rig, ani: str) -> bool:
    channels = (await bot.console("core show channels concise")).splitlines()
    queued = any("!Queue!" in channel and ani in channel for channel in channels)
    return queued or bool(of(await bot.journal(ani, sealed_within_s=0), events.Resumed))


def test_a_killed_controller_strands_nobody(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        async with contextlib.AsyncExitStack() as stack:
            calls = [await stack.enter_async_context(calling(bot, "PCMU")) for _ in range(3)]
            os.kill(bot.controller().pid, signal.SIGKILL)
            async with asyncio.timeout(5):
                while not all([await queued_or_resumed(bot, caller.ani) for caller in calls]):
                    await asyncio.sleep(0.1)
        async with asyncio.timeout(90):
            while await bot.calls_in_progress() is None:
                await asyncio.sleep(0.3)
        async with asyncio.timeout(30):
            for caller in calls:
                while not (await bot.journal(caller.ani)).summary.outcome:
                    await asyncio.sleep(0.3)
        async with calling(bot, "PCMU") as caller:
            assert heard((await bot.references("en"))["prompt/greeting"], caller.call)

    play(scenario)
