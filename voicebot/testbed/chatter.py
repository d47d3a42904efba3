"""A caller in steady state: asks, hears part of the answer, asks on, and speaks for a given share of the time.

It goes on until told to stop and judges nothing. Whom the bot lets go to the queue hangs up and calls again, so that the number of calls stands.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from voicebot.testbed import audio
from voicebot.testbed.rig import Target
from voicebot.testbed.scenario import REPLY_S, Caller, Exchange, Spoken, calling, new_number
from voicebot.testbed.sip import PhoneError

HEARD_S = 1.6
"""So much of an answer is heard before the caller speaks again: enough to tell which it is."""
REDIAL_S = 1.0
Span = tuple[float, float]
"""From and until, monotonic seconds."""


@dataclass
class Chatter:
    """One caller of many. `questions` has no end; `queued` tells when a number was seen in the queue (monotonic seconds)."""

    target: Target
    questions: Iterator[Spoken]
    talk_share: float
    queued: Mapping[str, float]
    came: list[Exchange] = field(default_factory=list)
    """Every question asked, the one that was cut short by the end as well."""
    spoke: list[Span] = field(default_factory=list)
    connected: list[Span] = field(default_factory=list)
    """Spans with the bot, the greeting left out."""
    ends: list[str] = field(default_factory=list)
    """Why calls ended before they were told to."""

    async def run(self) -> None:
        """Call again and again, until cancelled."""
        while True:
            try:
                await self._one_call()
                self.ends.append("handed over")
            except (PhoneError, TimeoutError) as error:
                self.ends.append(str(error) or "not answered in time")
            await asyncio.sleep(REDIAL_S)

    async def _one_call(self) -> None:
        """One call, until the bot has let the caller go. Raises PhoneError, TimeoutError."""
        spoken = next(self.questions)
        async with calling(self.target, spoken.question.codec, ani=new_number()) as caller:
            begun_s = time.monotonic()
            try:
                while caller.ani not in self.queued:
                    await self._ask(caller, spoken)
                    spoken = next(self.questions)
            finally:
                self.connected.append((begun_s, min(self.queued.get(caller.ani, time.monotonic()), time.monotonic())))

    async def _ask(self, caller: Caller, spoken: Spoken) -> None:
        """Ask, and wait until it is time to speak again: by the share of talk, but not before enough of the answer was heard."""
        begun_s = time.monotonic()
        last_voiced_s = await caller.say(spoken.samples)
        self.spoke.append((begun_s, last_voiced_s))
        pace_s = begun_s + len(spoken.samples) / audio.RATE_HZ / self.talk_share
        try:
            await asyncio.sleep(max(pace_s, await _reply_s(caller, last_voiced_s) + HEARD_S) - time.monotonic())
        finally:  # also of a caller who is told to stop, or whose call breaks off, before the bot replies
            if self.queued.get(caller.ani, begun_s + 1) > begun_s:  # music is asked no questions
                self.came.append(Exchange(spoken.question, last_voiced_s, time.monotonic(), caller.call.heard))


async def _reply_s(caller: Caller, last_voiced_s: float) -> float:
    """When the bot began to reply; the end of the question when it did not."""
    try:
        return await caller.call.until_voice(last_voiced_s, REPLY_S)
    except TimeoutError:
        return last_voiced_s


def within(spans: list[Span], whole: Span) -> float:
    """Seconds of `spans` inside `whole`."""
    return sum(max(min(until_s, whole[1]) - max(from_s, whole[0]), 0.0) for from_s, until_s in spans)
