"""Anger over SIP: who turns angry reaches a person with the reasons in the record; who is loud and cheerful is answered to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voicebot.store import events
from voicebot.store.calls import CallRecord
from voicebot.testbed.g711 import Samples
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import calling, new_number
from voicebot.testbed.synth import synth

pytestmark = pytest.mark.e2e
Play = Callable[[Callable[[Rig], Any]], Any]
QUESTION, MORE = "how do i reset my voicemail pin", "how do i pay my bill"
ANGRY = ("this is the third time i call", "i already told you", "this is ridiculous", "sick of this")
GAIN_DB = 10.0


async def voiced(bot: Rig, text: str, gain_db: float = 0.0) -> Samples:
    folder: Path = bot.settings.speech.cache / "callers"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    quiet = (await synth(text, "flite:rms", folder)).astype(np.float64) * 10 ** (-GAIN_DB / 20)
    return np.clip(quiet * 10 ** (gain_db / 20), -32_768, 32_767).astype(np.int16)


def of(record: CallRecord, kind: type[events.Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


async def decided(bot: Rig, ani: str, turn: int) -> bool:
    """Whether the caller goes to a person, once his turn number `turn` (from 0) was decided."""
    async with asyncio.timeout(20):
        while True:
            record = await bot.journal(ani, sealed_within_s=0)
            if of(record, events.HandoverDecided):
                return True
            if len(of(record, events.CallerSpoke)) > turn and len(of(record, events.Decided)) > turn:
                return False
            await asyncio.sleep(0.1)


def test_who_turns_angry_reaches_the_queue_with_the_reasons(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        ani = new_number()
        async with calling(bot, "PCMU", ani=ani) as caller:
            await caller.say(await voiced(bot, QUESTION))
            await caller.hear_out()
            for turn, text in enumerate(ANGRY, 1):
                await caller.say(await voiced(bot, f"{text} {text}", GAIN_DB))
                if await decided(bot, ani, turn):
                    break
                await caller.hear_out()
            async with asyncio.timeout(20):
                while not of(await bot.journal(ani, sealed_within_s=0), events.QueueEntered):
                    await asyncio.sleep(0.2)
        record = await bot.journal(ani)
        [handover] = of(record, events.HandoverDecided)
        scores = of(record, events.AngerScored)
        assert handover.reason == "is upset", [(score.score, score.evidence) for score in scores]
        assert scores[-1].escalate
        assert scores[-1].score > scores[0].score
        assert any(reason.startswith("said '") for reason in scores[-1].evidence)
        kinds = [type(line.event) for line in record.lines]
        assert events.AngerScored not in kinds[kinds.index(events.HandoverDecided) :]

    play(scenario)


def test_who_is_loud_and_cheerful_is_answered_to_the_end(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        ani = new_number()
        async with calling(bot, "PCMA", ani=ani) as caller:
            for text in (QUESTION, "thank you", MORE):
                await caller.say(await voiced(bot, text, GAIN_DB))
                await caller.hear_out()
        record = await bot.journal(ani)
        assert len(of(record, events.AngerScored)) >= 3
        assert of(record, events.HandoverDecided) == []
        assert not any(score.escalate for score in of(record, events.AngerScored))

    play(scenario)
