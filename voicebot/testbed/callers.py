"""Test callers while something breaks: brought into conversation, watched at their phones and in Asterisk, and made to ask for a person.

It breaks nothing and judges nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from voicebot.errors import PbxError
from voicebot.testbed.bench_runs import SPEECH
from voicebot.testbed.call import Call
from voicebot.testbed.g711 import Samples
from voicebot.testbed.leftovers import channels
from voicebot.testbed.phone import Phone
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import HOTLINE
from voicebot.testbed.sip import PhoneError
from voicebot.testbed.synth import synth

STAGGER_S = 9.0
"""Callers dial within this span: at its end one hears the greeting, one asks, one hears an answer."""
INTO_CALL_S = 3.0
"""The last of them has been in the call for so long."""
LISTEN_S = 1.5
"""How long the music is listened to before a caller counts as safe."""
VOICE = "flite:rms"
QUESTIONS = ("how do i reset my voicemail pin", "my bill is higher than last month", "there is no signal at my house")
PERSON = "can i talk to a real person please"
PERSON_KEY = "0"
TURN_S = 0.4
"""Callers who ask for a person do so one after the other: a chorus would try the recogniser, not the bot."""
ASKED_S = 9.0
"""A caller who asked for a person is in the queue by then, or asks again by key."""
POLL_S = 0.1
Ask = Callable[[Call], Awaitable[object]]


@dataclass
class Line:
    """One test caller's call. Times are monotonic seconds; `struck_s` is when the fault met it."""

    ani: str
    call: Call
    struck_s: float
    queued_s: float | None = None
    ended_s: float | None = None
    to_person: bool = False
    """Reached the queue when asking for it."""

    @property
    def settled_s(self) -> float | None:
        """When it was seen in the queue, or ended."""
        return self.queued_s or self.ended_s

    def look(self, queued: frozenset[str]) -> None:
        """Note whether it is in the queue, or has ended."""
        if self.call.ended.is_set():
            self.ended_s = self.call.ended_at_s
        elif self.queued_s is None and self.ani in queued:
            self.queued_s = time.monotonic()


@asynccontextmanager
async def dialled(phone: Phone) -> AsyncIterator[Line]:
    """A call on its way, met by the fault as it is dialled; hung up at the end."""
    ani = f"558{random.randrange(10**9):09d}"
    async with phone.dial(HOTLINE, ani) as call:
        yield Line(ani, call, time.monotonic())


async def conversing(rig: Rig, phone: Phone, placed: AsyncExitStack, count: int) -> list[Line]:
    """`count` calls, each at another point of its conversation; those that are with the bot at its end. Their callers are silent from then on."""
    voices = [await synth(question, VOICE, SPEECH) for question in QUESTIONS]
    lines: list[Line] = []
    async with asyncio.TaskGroup() as scope:
        talking: list[asyncio.Task[None]] = []
        for number in range(count):
            lines.append(await placed.enter_async_context(dialled(phone)))
            talking.append(scope.create_task(_converse(lines[-1].call, voices[number % len(voices)])))
            await asyncio.sleep(STAGGER_S / count)
        await asyncio.sleep(INTO_CALL_S)
        for each in talking:
            each.cancel()
    queued = await in_queue(rig)
    for line in lines:
        line.look(queued)
    return [line for line in lines if line.settled_s is None]


async def watched(rig: Rig, lines: Sequence[Line], watch_s: float) -> None:
    """Until every caller is in the queue or gone, and was listened to for a moment; at the longest `watch_s`."""
    until_s = time.monotonic() + watch_s
    while time.monotonic() < until_s:
        queued = await in_queue(rig)
        for line in lines:
            line.look(queued)
        settled_s = [line.settled_s for line in lines if line.settled_s]
        if len(settled_s) == len(lines):
            until_s = min(until_s, max(settled_s, default=0.0) + LISTEN_S)
        await asyncio.sleep(POLL_S)


async def asked_for_a_person(rig: Rig, lines: Sequence[Line]) -> None:
    """Who is still with the bot asks for a person, in words and then by key: only a bot that is really there brings him to one."""
    person = await synth(PERSON, VOICE, SPEECH)
    with_bot = [line for line in lines if line.settled_s is None]
    ways: tuple[Ask, ...] = (lambda call: call.play(person), lambda call: call.dtmf(PERSON_KEY))
    for ask in ways:
        if waiting := [line for line in with_bot if not line.to_person and not line.call.ended.is_set()]:
            async with asyncio.TaskGroup() as scope:
                for number, line in enumerate(waiting):
                    scope.create_task(_in_turn(number, ask, line.call))
            await _until_with_a_person(rig, waiting)
    for line in with_bot:
        if not line.to_person:
            line.look(frozenset())


async def _in_turn(number: int, ask: Ask, call: Call) -> None:
    await asyncio.sleep(number * TURN_S)
    with contextlib.suppress(PhoneError):
        await ask(call)


async def in_queue(rig: Rig) -> frozenset[str]:
    """The numbers of those whom Asterisk has in a queue; none while it is being started again."""
    try:
        return frozenset(channel.ani for channel in channels(await rig.console("core show channels concise")) if channel.app == "Queue")
    except PbxError:
        return frozenset()


async def _converse(call: Call, question: Samples) -> None:
    with contextlib.suppress(PhoneError, TimeoutError):
        await call.wait_answered(20)
        while True:
            await call.until_voice(call.heard.end_s, 20)
            await call.until_quiet(1.0, 60)
            await call.play(question)


async def _until_with_a_person(rig: Rig, waiting: Sequence[Line]) -> None:
    until_s = time.monotonic() + ASKED_S
    while time.monotonic() < until_s and not all(line.to_person for line in waiting):
        queued = await in_queue(rig)
        for line in waiting:
            line.to_person |= line.ani in queued
        await asyncio.sleep(POLL_S)
