"""What a caller can say and hear, between two phones of this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import numpy as np
import pytest

from voicebot.testbed import audio
from voicebot.testbed.call import Call
from voicebot.testbed.g711 import Samples
from voicebot.testbed.impair import Impairment
from voicebot.testbed.sip import PhoneError

Babble = Callable[[int, float], Samples]
Connect = Callable[..., AbstractAsyncContextManager[tuple[Call, Call]]]


def test_words_go_both_ways_at_once(connect: Connect, babble: Babble) -> None:
    async def main() -> None:
        async with connect() as (caller, agent):
            async with asyncio.TaskGroup() as both:
                both.create_task(caller.play(babble(1, 1.0)))
                both.create_task(agent.play(babble(2, 1.0)))
            await asyncio.sleep(0.05)
            assert audio.locate(babble(1, 1.0), agent.heard.audio()).score > 0.99
            assert audio.locate(babble(2, 1.0), caller.heard.audio()).score > 0.99

    asyncio.run(main())


def test_what_one_sent_and_the_other_heard_lie_at_the_same_time(connect: Connect, babble: Babble) -> None:
    async def main() -> None:
        async with connect() as (caller, agent):
            await asyncio.sleep(0.1)
            played = await caller.play(babble(1, 0.5))
            await asyncio.sleep(0.05)
            sent_s, heard_s = caller.sent.onset_s(), agent.heard.onset_s()
            assert sent_s is not None
            assert played.first_packet_s == sent_s
            assert heard_s == pytest.approx(sent_s, abs=0.015)
            assert agent.heard.last_voiced_s() == pytest.approx(played.last_voiced_s, abs=0.015)

    asyncio.run(main())


def test_a_cancelled_sentence_falls_silent(connect: Connect, babble: Babble) -> None:
    async def main() -> None:
        async with connect() as (caller, agent):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await caller.play(babble(1, 5.0))
            stopped_s = time.monotonic()
            await asyncio.sleep(0.3)
            last_s = agent.heard.last_voiced_s()
            assert last_s is not None
            assert last_s < stopped_s + 0.03
            assert agent.heard.packet_times_s[-1] > stopped_s + 0.2

    asyncio.run(main())


def test_speaking_does_not_wait_and_can_be_stopped(connect: Connect, babble: Babble) -> None:
    async def main() -> None:
        async with connect() as (caller, _):
            playing = caller.speak(babble(1, 5.0))
            await asyncio.sleep(0.1)
            assert not playing.done.done()
            playing.stop()
            played = await playing.done
            assert not played.finished
            assert played.first_packet_s is not None

    asyncio.run(main())


def test_rtp_can_stop_and_go_on(connect: Connect) -> None:
    async def main() -> None:
        async with connect() as (caller, agent):
            await asyncio.sleep(0.1)
            caller.stream.enabled = False
            await asyncio.sleep(0.05)
            before = len(agent.heard.packet_times_s)
            await asyncio.sleep(0.2)
            assert len(agent.heard.packet_times_s) == before
            caller.stream.enabled = True
            await asyncio.sleep(0.1)
            assert len(agent.heard.packet_times_s) > before
            assert agent.heard.lost == 0

    asyncio.run(main())


def test_a_bad_line_can_be_made_and_mended_during_a_call(connect: Connect, babble: Babble) -> None:
    async def main() -> None:
        async with connect() as (caller, agent):
            await asyncio.sleep(0.05)
            caller.impair(Impairment(loss=1.0))
            await caller.play(babble(1, 0.2))
            caller.impair(None)
            await caller.play(audio.silence(0.1))
            await asyncio.sleep(0.05)
            assert agent.heard.onset_s() is None
            assert caller.sent.onset_s() is not None
            assert agent.heard.lost >= 10

    asyncio.run(main())


def test_waiting_for_voice_gives_its_wire_time(connect: Connect, babble: Babble) -> None:
    async def main() -> None:
        async with connect() as (caller, agent), asyncio.TaskGroup() as both:
            begin_s = time.monotonic()
            waiting = both.create_task(agent.until_voice(begin_s, 2))
            played = await caller.play(np.concatenate((audio.silence(0.2), babble(1, 0.2))))
            assert played.first_packet_s is not None
            assert await waiting == pytest.approx(played.first_packet_s + 0.2, abs=0.025)

    asyncio.run(main())


def test_waiting_for_voice_that_never_comes_ends(connect: Connect) -> None:
    async def main() -> None:
        async with connect() as (_, agent):
            with pytest.raises(TimeoutError):
                await agent.until_voice(time.monotonic(), 0.2)

    asyncio.run(main())


def test_waiting_for_voice_ends_with_the_call(connect: Connect) -> None:
    async def main() -> None:
        async with connect() as (caller, agent):
            await caller.hang_up()
            with pytest.raises(PhoneError, match="the call ended while waiting for voice"):
                await agent.until_voice(time.monotonic(), 2)

    asyncio.run(main())


def test_waiting_for_quiet_gives_the_last_voice(connect: Connect, babble: Babble) -> None:
    async def main() -> None:
        async with connect() as (caller, agent), asyncio.TaskGroup() as both:
            speaking = both.create_task(caller.play(np.concatenate((babble(1, 0.3), audio.silence(0.1), babble(2, 0.3)))))
            last_s = await agent.until_quiet(0.3, 3)
            assert last_s == pytest.approx((await speaking).last_voiced_s, abs=0.015)

    asyncio.run(main())


def test_in_band_keys_are_tones(connect: Connect) -> None:
    async def main() -> None:
        async with connect() as (caller, agent):
            await caller.dtmf("5", "inband", key_ms=200)
            await asyncio.sleep(0.05)
            assert agent.keys == []
            assert audio.locate(audio.dtmf_tone("5", 0.2), agent.heard.audio()).score > 0.95

    asyncio.run(main())
