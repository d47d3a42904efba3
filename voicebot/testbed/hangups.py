"""Callers who hang up at random moments, by BYE, by CANCEL or without a word, and the agents who take some of them.

Who hangs up when follows from the seed alone. Nothing here looks at what is left of the calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from voicebot.testbed.call import Call
from voicebot.testbed.dialog import Account
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.phone import Phone
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import HOTLINE, new_number
from voicebot.testbed.sip import PhoneError

LONGEST_S = 25.0
ANSWER_KEYS, PERSON_KEY = "99", "0"
"""The first 9 opens the menu, the second asks for its entry."""
TOLD_EVERY = 25
Progress = Callable[[str], None]


class Moment(StrEnum):
    """Where in its course a call is ended."""

    RINGING = "ringing"
    GREETING = "greeting"
    QUESTION = "question"
    ANSWER = "answer"
    BARGE_IN = "barge-in"
    HANDOVER = "handover"
    QUEUE = "queue"
    RING_AT_AGENT = "ring at agent"
    BRIEFING = "briefing"
    AGENT = "agent"


PACE: Mapping[Moment, tuple[float, float]] = {
    Moment.RINGING: (3, 0.8),
    Moment.GREETING: (3, 4.0),
    Moment.QUESTION: (3, 4.0),
    Moment.ANSWER: (3, 3.0),
    Moment.BARGE_IN: (3, 2.5),
    Moment.HANDOVER: (2, 1.5),
    Moment.QUEUE: (2, 2.0),
    Moment.RING_AT_AGENT: (1, 1.0),
    Moment.BRIEFING: (1, 3.0),
    Moment.AGENT: (1, 4.0),
}
"""How often each is drawn against the others, and within how many seconds of it the call is ended."""
VANISHING = 0.15
"""The share of callers who say no word of farewell: no BYE, no CANCEL, no packet any more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One call to come."""

    moment: Moment
    after_s: float
    vanishes: bool
    codec: Codec


@dataclass(frozen=True, slots=True)
class Played:
    """One call that was. `reached`: it came to the moment at which it was to be ended."""

    plan: Plan
    ani: str
    answered: bool
    reached: bool

    @property
    def way(self) -> str:
        """How the call was ended, if nobody else ended it first."""
        return "vanishing" if self.plan.vanishes else "BYE" if self.answered else "CANCEL"

    def row(self) -> dict[str, Any]:
        """The trial for JSON."""
        return {"ani": self.ani, "moment": str(self.plan.moment), "after_s": self.plan.after_s, "way": self.way, "reached": self.reached}


def plans(count: int, seed: int) -> tuple[Plan, ...]:
    """What `count` callers do; the same for the same seed."""
    chance = random.Random(seed)
    moments = chance.choices(list(PACE), [weight for weight, _ in PACE.values()], k=count)
    return tuple(Plan(moment, chance.uniform(0, PACE[moment][1]), chance.random() < VANISHING, chance.choice(("PCMU", "PCMA"))) for moment in moments)


@dataclass
class Desk:
    """Agents who take calls after a moment, turn some down, and hang up after a while. They tell whom they ring for and talk to."""

    chance: random.Random
    rang: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    answered: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    @asynccontextmanager
    async def open(self, rig: Rig) -> AsyncIterator[None]:
        """Until the block is left, all agents of the rig are at their phones."""
        async with contextlib.AsyncExitStack() as stack:
            phones = [
                await stack.enter_async_context(Phone.open(rig.address, account=Account(number, password)))
                for number, password in rig.plan.agents.items()
            ]
            scope = await stack.enter_async_context(asyncio.TaskGroup())
            for phone in phones:
                await phone.register()
            working = [scope.create_task(self._work(phone)) for phone in phones]
            try:
                yield
            finally:
                for task in working:
                    task.cancel()

    async def _work(self, phone: Phone) -> None:
        while True:
            call = await phone.ring()
            with contextlib.suppress(PhoneError, TimeoutError):
                await self._take(call)
            await call.hang_up()

    async def _take(self, call: Call) -> None:
        self.rang[call.ani].set()
        await asyncio.sleep(self.chance.uniform(0.2, 1.5))
        if self.chance.random() < 0.1:
            await call.reject()
            return
        await call.answer()
        self.answered[call.ani].set()
        await call.wait_ended(self.chance.uniform(3.0, 9.0))


class Callers:
    """Callers on one rig. `question` is what those say who speak."""

    def __init__(self, rig: Rig, desk: Desk, question: Samples) -> None:
        self.rig, self.desk, self.question = rig, desk, question
        self.played: list[Played] = []

    async def play(self, wanted: Sequence[Plan], parallel: int, until_s: float, progress: Progress) -> None:
        """All `wanted` calls, `parallel` at a time; no new one is begun after `until_s` (monotonic)."""
        left, begun_s = iter(wanted), time.monotonic()
        async with asyncio.TaskGroup() as scope:
            for _ in range(parallel):
                scope.create_task(self._callers(left, until_s, lambda: _told(progress, len(self.played), len(wanted), begun_s)))

    async def _callers(self, left: Iterator[Plan], until_s: float, on_played: Callable[[], None]) -> None:
        for plan in left:
            if time.monotonic() > until_s:
                return
            self.played.append(await self._one(plan))
            on_played()

    async def _one(self, plan: Plan) -> Played:
        ani, reached = new_number(), False
        async with self.rig.phone(plan.codec) as phone, phone.dial(HOTLINE, ani) as call:
            with contextlib.suppress(PhoneError, TimeoutError):
                async with asyncio.timeout(LONGEST_S):
                    await self._until(plan.moment, call, ani)
                    reached = True
                    await self._linger(plan, call)
            answered = call.answered_at_s is not None
            if plan.vanishes:
                call.end("here")
        self.desk.rang.pop(ani, None)
        self.desk.answered.pop(ani, None)
        return Played(plan, ani, answered, reached)

    async def _until(self, moment: Moment, call: Call, ani: str) -> None:
        if moment is Moment.RINGING:
            return
        await call.wait_answered()
        await call.until_voice(0.0, 8)
        if moment in {Moment.ANSWER, Moment.BARGE_IN}:
            await call.dtmf(ANSWER_KEYS)
        elif moment not in {Moment.GREETING, Moment.QUESTION}:
            await call.dtmf(PERSON_KEY)
        if moment is Moment.BARGE_IN:
            await asyncio.sleep(1.2)
        elif moment is Moment.QUEUE:
            await asyncio.sleep(1.5)
        elif moment is Moment.RING_AT_AGENT:
            await self.desk.rang[ani].wait()
        elif moment in {Moment.BRIEFING, Moment.AGENT}:
            await self.desk.answered[ani].wait()

    async def _linger(self, plan: Plan, call: Call) -> None:
        if plan.moment in {Moment.QUESTION, Moment.BARGE_IN}:
            call.speak(self.question)
        elif plan.moment is Moment.AGENT:
            await asyncio.sleep(2.0)
        with contextlib.suppress(TimeoutError):
            await call.wait_ended(plan.after_s)


def _told(progress: Progress, done: int, of: int, begun_s: float) -> None:
    if done % TOLD_EVERY == 0:
        progress(f"{done} of {of} calls, {60 * done / max(time.monotonic() - begun_s, 1):.0f} a minute")
