"""A phone that answers like the bot, with faults on demand: late, deaf, mute or forgetful. For tests of what measures the bot."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np

from voicebot.settings import Settings
from voicebot.testbed import audio
from voicebot.testbed.call import Call
from voicebot.testbed.g711 import Samples
from voicebot.testbed.phone import Phone
from voicebot.testbed.rig import Target
from voicebot.testbed.sip import PhoneError


def voice(seed: int, duration_s: float) -> Samples:
    """Noise with the bandwidth of speech; two seeds never sound alike, every frame is voiced."""
    generator = np.random.default_rng(seed)
    spectrum = np.fft.rfft(generator.normal(0, 1, round(duration_s * audio.RATE_HZ)))
    hz = np.fft.rfftfreq(round(duration_s * audio.RATE_HZ), 1 / audio.RATE_HZ)
    spectrum[(hz < 200) | (hz > 3_000)] = 0
    sound = np.fft.irfft(spectrum, round(duration_s * audio.RATE_HZ))
    scaled: Samples = (sound / np.abs(sound).max() * 16_000).astype(np.int16)
    return scaled


@dataclass
class Pretender:
    """How it behaves. `replies` are given one after the other, the last one again and again; without any it listens for ever."""

    replies: list[Samples]
    greeting: Samples = field(default_factory=lambda: voice(900, 0.5))
    delay_s: float = 0.5
    """From the caller's last voice to the reply."""
    yields_s: float | None = 0.2
    """From the caller's voice over a reply to silence; None: deaf."""
    resumes_s: float | None = None
    """From there until it goes on with the rest of the reply; None: it drops the rest and listens."""
    rejects: bool = False
    calls: list[Call] = field(default_factory=list)

    async def serve(self, phone: Phone) -> None:
        """Take every call, until cancelled."""
        async with asyncio.TaskGroup() as scope:
            while True:
                call = await phone.ring()
                self.calls.append(call)
                scope.create_task(call.reject() if self.rejects else self._talk(call))

    async def _talk(self, call: Call) -> None:
        with contextlib.suppress(PhoneError, TimeoutError):
            await call.answer()
            await call.play(self.greeting)
            from_s = time.monotonic()
            for number in range(1_000):
                await call.until_voice(from_s, 60)
                ended_s = await call.until_quiet(0.3, 60)
                if not self.replies:
                    return
                await asyncio.sleep(ended_s + self.delay_s - time.monotonic())
                from_s = await self._reply(call, self.replies[min(number, len(self.replies) - 1)])

    async def _reply(self, call: Call, reply: Samples) -> float:
        """Say it, yielding as it does; from when on the caller is to be heard again."""
        begun_s = time.monotonic()
        saying = call.speak(reply)
        while not saying.done.done() and not call.ended.is_set():
            await asyncio.sleep(0.01)
            onset_s = call.heard.onset_s(begun_s)
            if onset_s is None or self.yields_s is None or time.monotonic() - onset_s < self.yields_s:
                continue
            said = round((time.monotonic() - begun_s) * audio.RATE_HZ)
            saying.stop()
            if self.resumes_s is None:
                return onset_s
            await call.until_quiet(self.resumes_s, 60)
            await call.play(reply[said:])
        return time.monotonic()


class Pretended(Target):
    """A target that says what it is told to."""

    def __init__(self, port: int, known: Mapping[str, Samples]) -> None:
        super().__init__(("127.0.0.1", port), Settings())
        self.known = known

    async def references(self, language: str) -> Mapping[str, Samples]:
        return self.known


@asynccontextmanager
async def pretending(pretender: Pretender, known: Mapping[str, Samples] | None = None) -> AsyncIterator[Pretended]:
    """`pretender` on a free port, until the block is left."""
    async with Phone.open() as phone, asyncio.TaskGroup() as scope:
        serving = scope.create_task(pretender.serve(phone))
        try:
            yield Pretended(phone.wire.port, known or {})
        finally:
            serving.cancel()
