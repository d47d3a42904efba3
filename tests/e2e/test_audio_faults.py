"""Bad lines and odd phones on the real Asterisk: each call goes on, or ends as stated, and the journal says how."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from voicebot.store import events
from voicebot.store.calls import CallRecord
from voicebot.testbed import audio
from voicebot.testbed.badlines import BAD_LINES
from voicebot.testbed.call import Call
from voicebot.testbed.g711 import Samples
from voicebot.testbed.packets import key_frames
from voicebot.testbed.phone import Phone
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import Caller, calling, new_number
from voicebot.testbed.synth import synth

pytestmark = pytest.mark.e2e
Play = Callable[[Callable[[Rig], Any]], Any]
QUESTION, ENTRY = "how do i reset my voicemail pin", "voicemail-pin"
MENU = "200"


async def voiced(bot: Rig, text: str = QUESTION) -> Samples:
    return await synth(text, "flite:rms", bot.settings.speech.cache / "callers")


def of(record: CallRecord, kind: type[events.Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


def answers(record: CallRecord) -> list[str]:
    return [spoke.entry_id for spoke in of(record, events.BotSpoke) if spoke.kind == "answer"]


def decided(record: CallRecord) -> str | None:
    """The entry of the newest decision."""
    return next((step.entry_id for step in reversed(of(record, events.Decided))), None)


async def journalled(bot: Rig, ani: str, holds: Callable[[CallRecord], object], within_s: float = 25.0) -> None:
    """Until the journal of the call from `ani` is as `holds` wants it."""
    async with asyncio.timeout(within_s):
        while not holds(await bot.journal(ani, sealed_within_s=0)):
            await asyncio.sleep(0.2)


async def at_once(*scenes: Awaitable[None]) -> None:
    """Calls that overlap, begun a little apart."""

    async def later(scene: Awaitable[None], wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        await scene

    async with asyncio.TaskGroup() as scope:
        for number, scene in enumerate(scenes):
            scope.create_task(later(scene, 0.8 * number))


PLAYED = ("loss-jitter", "reorder", "duplicates", "stalls", "dtx", "comfort-noise", "fast-5pc", "slow-5pc", "ptime-10", "ptime-30", "ptime-40")


def test_a_question_over_a_bad_line_is_answered(play: Play) -> None:
    came: dict[str, list[str]] = {}

    async def ask(bot: Rig, name: str) -> None:
        ani, words = new_number(), await voiced(bot)
        async with calling(bot, "PCMU", ani=ani, line=BAD_LINES[name]) as caller:
            await caller.say(words)
            await journalled(bot, ani, lambda record: of(record, events.Decided))
            await caller.call.until_voice(0.0, 5)
        record = await bot.journal(ani)
        came[name] = answers(record)
        assert len(of(record, events.CallerSpoke)) == 1, f"{name}: one question is one turn"

    async def scenario(bot: Rig) -> None:
        await at_once(*(ask(bot, name) for name in PLAYED))

    play(scenario)
    right = [name for name, entries in came.items() if entries == [ENTRY]]
    assert len(right) >= len(PLAYED) - 1, f"a lost packet may cost a word, not more: {came}"


def test_audio_that_stops_in_mid_word_ends_the_turn_and_not_the_call(play: Play) -> None:
    async def two_seconds(bot: Rig) -> None:
        ani, words = new_number(), await voiced(bot)
        async with calling(bot, "PCMU", ani=ani) as caller:
            await caller.call.play(words[: len(words) // 2])
            caller.call.stream.enabled = False
            await asyncio.sleep(2)
            caller.call.stream.enabled = True
            await journalled(bot, ani, lambda record: of(record, events.Decided))
            await caller.hear_out()
            await caller.say(words)
            await journalled(bot, ani, lambda record: decided(record) == ENTRY)

    async def for_ever(bot: Rig) -> None:
        ani, words = new_number(), await voiced(bot)
        async with calling(bot, "PCMU", ani=ani) as caller:
            caller.call.speak(words)
            await asyncio.sleep(len(words) / 2 / audio.RATE_HZ)
            caller.call.stream.enabled = False
            await caller.call.wait_ended(40)
        record = await bot.journal(ani)
        assert len(of(record, events.CallerSpoke)) == 1, "the turn ended"
        assert record.summary.outcome in {"contained", "abandoned"}
        assert of(record, events.Decided)[-1].reason == "no audio arrives from the caller"
        assert not of(record, events.QueueEntered), "no ghost reaches an agent"

    async def scenario(bot: Rig) -> None:
        await at_once(two_seconds(bot), for_ever(bot))

    play(scenario)


@contextlib.asynccontextmanager
async def at_menu(bot: Rig, tones: bool = False) -> AsyncIterator[tuple[Call, str]]:
    """A call to the hotline that is led by keys; `tones`: from a phone that knows no telephone-events."""
    ani = f"558{random.randrange(10**8):08d}"
    async with Phone.open(bot.address, ("PCMU",), events=not tones) as phone, phone.dial(MENU, ani) as call:
        await call.wait_answered()
        await call.until_voice(0.0, 8)
        yield call, ani


async def lost_ends(call: Call) -> None:
    assert call.stream.event_type is not None
    await call.stream.start(key_frames("8", call.stream.event_type, 160, ends=0)).done


async def both_ways(call: Call) -> None:
    assert call.stream.event_type is not None
    call.stream.beside(key_frames("8", call.stream.event_type, 160))
    await call.dtmf("8", "dtmf-relay", key_ms=160)


async def over_speech(call: Call) -> None:
    assert call.stream.event_type is not None
    playing = call.speak(audio.tone(440, 0.6))
    call.stream.beside(key_frames("8", call.stream.event_type, 160))
    await playing.done


async def over_tones(call: Call) -> None:
    """A phone that sends the tone as well as the event."""
    assert call.stream.event_type is not None
    playing = call.speak(audio.dtmf_tone("8", 0.2))
    call.stream.beside(key_frames("8", call.stream.event_type, 160))
    await playing.done


PRESSES: dict[str, Callable[[Call], Awaitable[object]]] = {
    "events": lambda call: call.dtmf("8", "rfc4733"),
    "events, their ends lost": lost_ends,
    "INFO dtmf-relay": lambda call: call.dtmf("8", "dtmf-relay"),
    "INFO dtmf": lambda call: call.dtmf("8", "dtmf"),
    "tones": lambda call: call.dtmf("8", "inband"),
    "events and INFO": both_ways,
    "events over speech": over_speech,
    "events over their tones": over_tones,
}


def test_a_key_is_one_key_however_it_is_sent(play: Play) -> None:
    came: dict[str, list[str]] = {}

    async def press(bot: Rig, name: str) -> None:
        async with at_menu(bot, tones=name == "tones") as (call, ani):
            await PRESSES[name](call)
            await call.play(audio.silence(1.0))
            await journalled(bot, ani, lambda record: of(record, events.DigitPressed))
        came[name] = [pressed.key for pressed in of(await bot.journal(ani), events.DigitPressed)]

    async def scenario(bot: Rig) -> None:
        await at_once(*(press(bot, name) for name in PRESSES))

    play(scenario)
    assert came == {name: ["8"] for name in PRESSES}


def test_the_same_key_twice_is_two_keys(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        async with at_menu(bot) as (call, ani):
            await call.dtmf("88", "rfc4733", key_ms=80, gap_ms=80)
            await call.dtmf("88", "dtmf-relay", key_ms=80, gap_ms=80)
            await journalled(bot, ani, lambda record: len(of(record, events.DigitPressed)) == 4)

    play(scenario)


async def held(bot: Rig) -> None:
    """Hold in the middle of an answer, seven seconds of music, and back."""
    ani = new_number()
    async with calling(bot, "PCMU", ani=ani) as caller:
        asked_s = await caller.say(await voiced(bot))
        await caller.voice(asked_s)
        await asyncio.sleep(2)
        await caller.call.hold("sendonly")
        await caller.say(await voiced(bot, "what are your opening hours"))
        await asyncio.sleep(7)
        await caller.call.unhold()
        await journalled(bot, ani, answers)
        record = await bot.journal(ani, sealed_within_s=0)
        assert [spoke.cut for spoke in of(record, events.BotSpoke)] == [False, False], "the answer went on to its end"
        assert (len(of(record, events.CallerOnHold)), len(of(record, events.CallerOffHold))) == (1, 1)
        assert len(of(record, events.CallerSpoke)) == 1, "what comes on hold is no turn"
        await ask_on(bot, caller, 2)


async def ask_on(bot: Rig, caller: Caller, turns: int) -> None:
    await caller.say(await voiced(bot, "what are your opening hours"))
    await journalled(bot, caller.ani, lambda record: len(of(record, events.CallerSpoke)) >= turns)
    await journalled(bot, caller.ani, lambda record: decided(record) == "opening-hours")


async def moved(bot: Rig) -> None:
    """Another codec, then another port, then another RTP source whose timestamps jump, and junk all the while."""
    ani = new_number()
    async with bot.phone("PCMU") as phone:
        phone.codecs = ("PCMU", "PCMA")
        async with phone.dial("100", ani) as call:
            await call.wait_answered()
            caller = Caller(call, ani)
            await caller.voice(0.0)
            await caller.hear_out()
            await call.change_codec("PCMA")
            for junk in (b"", b"\x80", b"\x80\x00\x00\x01" + bytes(8), random.Random(1).randbytes(172)):
                call.stream.inject(junk)
            loud = b"\x80\x08" + bytes(10) + np.random.default_rng(1).integers(0, 255, 160, np.uint8).tobytes()
            for _ in range(30):
                call.stream.inject(loud, stray=True)
            asked_s = await caller.say(await voiced(bot))
            await journalled(bot, ani, lambda record: decided(record) == ENTRY)
            assert call.stream.codec == "PCMA"
            await caller.voice(asked_s)
            await call.move()
            call.stream.renumber(later_s=3_600)
            await caller.hear_out()
            await ask_on(bot, caller, 2)


def test_hold_is_waited_out_and_a_call_goes_on_through_any_re_invite(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        await at_once(held(bot), moved(bot))

    play(scenario)


def test_nothing_can_be_sent_before_the_answer(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        async with bot.phone() as phone, phone.dial("100", new_number()) as call:
            await call.wait_answered()
            assert {status.code for status in call.statuses} <= {100, 180, 200}, "no early media: ringing carries no address to send to"

    play(scenario)
