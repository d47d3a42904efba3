"""Speech-like sound and connected phones for the tests of the test bed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import numpy as np
import pytest

from voicebot.testbed.call import Call
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.phone import Phone

Connect = Callable[..., AbstractAsyncContextManager[tuple[Call, Call]]]


@pytest.fixture
def together(run: Callable[[Coroutine[Any, Any, Any]], Any]) -> Callable[..., list[Any]]:
    """`together(*coroutines)`: what each gives. Calls last as long as they last; those that do not concern each other are made at once."""

    def runner(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
        async def all_of_them() -> list[Any]:
            return await asyncio.gather(*coroutines)

        found: list[Any] = run(all_of_them())
        return found

    return runner


@pytest.fixture
def babble() -> Callable[[int, float], Samples]:
    """`babble(seed, duration_s)`: noise with the bandwidth and the rise and fall of speech; two seeds never sound alike."""

    def make(seed: int, duration_s: float) -> Samples:
        generator = np.random.default_rng(seed)
        count = round(duration_s * 8_000)
        spectrum = np.fft.rfft(generator.normal(0, 1, count))
        hz = np.fft.rfftfreq(count, 1 / 8_000)
        spectrum[(hz < 200) | (hz > 3_000)] = 0
        sound = np.fft.irfft(spectrum, count)
        syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * np.arange(count) / 8_000 + seed)
        shaped = sound * syllables
        scaled: Samples = (shaped / np.abs(shaped).max() * 16_000).astype(np.int16)
        return scaled

    return make


@pytest.fixture
def connect() -> Connect:
    """`async with connect() as (caller, agent)`: two phones of this process in an answered call over loopback."""

    @asynccontextmanager
    async def connected(
        caller_codecs: tuple[Codec, ...] = ("PCMU",), agent_codecs: tuple[Codec, ...] = ("PCMU", "PCMA")
    ) -> AsyncIterator[tuple[Call, Call]]:
        async with (
            Phone.open(codecs=agent_codecs) as agent,
            Phone.open(codecs=caller_codecs) as caller,
            caller.dial(f"sip:agent@127.0.0.1:{agent.wire.port}", ani="5551234") as placed,
        ):
            taken = await agent.ring(2)
            await taken.answer()
            await placed.wait_answered(2)
            yield placed, taken

    return connected
