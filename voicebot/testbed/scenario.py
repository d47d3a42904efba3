"""What a test caller does in a call, from dialling to hanging up; each scenario gives back the recordings that show what came of it.

It judges nothing: figures are made by measure.py once the calls are over, so that reckoning never disturbs a call.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from voicebot.errors import StoreError
from voicebot.store.calls import CallRecord
from voicebot.store.events import CallerSpoke, QueueEntered
from voicebot.testbed.badlines import BadLine
from voicebot.testbed.call import Call
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.questions import Question
from voicebot.testbed.recording import Recording
from voicebot.testbed.rig import Rig, Target
from voicebot.testbed.sip import PhoneError

HOTLINE = "100"
REPLY_S = 8.0
"""A bot that has not said anything by then will not."""
SPOKEN_OUT_S = 1.2
"""Quiet of this length is the end of what the bot had to say; its own sentences have shorter pauses."""
LONGEST_S = 60.0
INTO_ANSWER_S = 1.2
"""An interruption comes this long after the answer began, so that the bot is in full flow."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A question and its audio."""

    question: Question
    samples: Samples


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question put to the bot: when its last voiced packet left, and the recording that holds the reply up to `until_s`."""

    question: Question
    last_voiced_s: float
    until_s: float
    heard: Recording


@dataclass(frozen=True, slots=True)
class Overlap:
    """The caller's voice over the bot's answer to `question`: the answer began at `answer_s`, the caller's voice at `onset_s`."""

    question: Question
    answer_s: float
    onset_s: float
    until_s: float
    heard: Recording
    ani: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A scenario that could not be played to its end: the bot said nothing, or the call broke."""

    question: Question
    why: str


@dataclass(frozen=True, slots=True)
class Talk:
    """One call that asked several questions: what came of each, in order. The journal knows it by `ani`."""

    ani: str
    came: tuple[Exchange | Failed, ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """One answered call of a test caller, known to the journal by its number."""

    call: Call
    ani: str

    async def hear_out(self, timeout_s: float = LONGEST_S) -> float:
        """Listen until the bot has finished; the time that was. Raises PhoneError, also when it does not finish: hold music never does."""
        try:
            await self.call.until_quiet(SPOKEN_OUT_S, timeout_s)
        except TimeoutError:
            raise PhoneError(f"speech or music went on for {timeout_s:g} s") from None
        return time.monotonic()

    async def voice(self, from_s: float) -> float:
        """When the bot began to speak. Raises PhoneError when it did not within REPLY_S."""
        try:
            return await self.call.until_voice(from_s, REPLY_S)
        except TimeoutError:
            raise PhoneError(f"the bot said nothing for {REPLY_S:g} s") from None

    async def say(self, samples: Samples) -> float:
        """Say it to the end; wire time of its last voiced packet. Raises PhoneError when the call ended meanwhile."""
        played = await self.call.play(samples)
        if played.last_voiced_s is None or not played.finished:
            raise PhoneError("the call ended while the caller spoke")
        return played.last_voiced_s

    async def ask(self, spoken: Spoken) -> Exchange:
        """Ask, and hear the reply out. No reply within REPLY_S is an exchange too, with silence in it. Raises PhoneError."""
        last_voiced_s = await self.say(spoken.samples)
        try:
            await self.call.until_voice(last_voiced_s, REPLY_S)
        except TimeoutError:
            return Exchange(spoken.question, last_voiced_s, time.monotonic(), self.call.heard)
        return Exchange(spoken.question, last_voiced_s, await self.hear_out(), self.call.heard)

    async def talk_over(self, spoken: Spoken, over: Samples) -> Overlap:
        """Ask, and say `over` into the answer; listen until the bot has been silent once. Raises PhoneError."""
        last_voiced_s = await self.say(spoken.samples)
        answer_s = await self.voice(last_voiced_s)
        await asyncio.sleep(INTO_ANSWER_S)
        begun_s = await self.voice(time.monotonic())
        await self.say(over)
        onset_s = self.call.sent.onset_s(begun_s) or begun_s
        last_s = self.call.heard.last_voiced_s(onset_s) or onset_s
        until_s = time.monotonic() if time.monotonic() - last_s > SPOKEN_OUT_S else await self.hear_out()
        return Overlap(spoken.question, answer_s, onset_s, until_s, self.call.heard, self.ani)


@asynccontextmanager
async def calling(target: Target, codec: Codec, hotline: str = HOTLINE, ani: str = "", line: BadLine | None = None) -> AsyncIterator[Caller]:
    """Dial over `line` (left out: the target's), be answered, hear the greeting out; leaving the block hangs up. Raises PhoneError, TimeoutError."""
    ani = ani or new_number()
    async with target.phone(codec) as phone, phone.dial(hotline, ani) as call:
        (line or target.line).befall(call)
        await call.wait_answered()
        caller = Caller(call, ani)
        await caller.voice(0.0)
        await caller.hear_out()
        yield caller


def new_number() -> str:
    """A number that no other caller has."""
    return f"555{secrets.randbelow(10**9):09d}"


async def ask_all(target: Target, questions: Sequence[Spoken], hotline: str = HOTLINE) -> Talk:
    """One call to `hotline` that asks all `questions`, one after the other."""
    ani = new_number()
    came: list[Exchange | Failed] = []
    try:
        async with calling(target, questions[0].question.codec, hotline, ani) as caller:
            for spoken in questions:
                came.append(await caller.ask(spoken))  # noqa: PERF401 - what came before a fault is kept
    except (PhoneError, TimeoutError) as error:
        came += [Failed(spoken.question, _why(error)) for spoken in questions[len(came) :]]
    return Talk(ani, tuple(came))


async def talk_over(target: Target, spoken: Spoken, over: Samples) -> Overlap | Failed:
    """One call that asks, and says `over` into the answer: an interruption, or an "mm-hm"."""
    try:
        async with calling(target, spoken.question.codec) as caller:
            return await caller.talk_over(spoken, over)
    except (PhoneError, TimeoutError) as error:
        return Failed(spoken.question, _why(error))


async def say_once(rig: Rig, spoken: Spoken, hang_up_after: type[CallerSpoke | QueueEntered]) -> CallRecord | Failed:
    """One call that says one thing, waits until the journal has `hang_up_after`, and hangs up. Its record."""
    try:
        async with calling(rig, spoken.question.codec) as caller:
            await caller.say(spoken.samples)
            await _journalled(rig, caller.ani, hang_up_after)
        return await rig.journal(caller.ani)
    except (PhoneError, TimeoutError, StoreError) as error:
        return Failed(spoken.question, _why(error))


async def _journalled(rig: Rig, ani: str, kind: type[CallerSpoke | QueueEntered]) -> None:
    """Until the journal of the call from `ani` holds an event of `kind`, at the longest REPLY_S."""
    deadline_s = time.monotonic() + REPLY_S
    while time.monotonic() < deadline_s:
        record = await rig.journal(ani, sealed_within_s=0)
        if any(isinstance(line.event, kind) for line in record.lines):
            return
        await asyncio.sleep(0.2)


def _why(error: Exception) -> str:
    return str(error) or "the call was not answered in time"
