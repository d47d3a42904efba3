"""Anger over SIP: who is or becomes angry reaches a person with the reasons in the record; who is only loud, or has a television behind, is answered.

Voices are synthetic and shout by gain alone: what tells here are words and behaviour. How well voices tell anger is measured on recordings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voicebot.store import events
from voicebot.store.calls import CallRecord
from voicebot.testbed.audio import mix
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import calling, new_number
from voicebot.testbed.synth import synth

pytestmark = pytest.mark.e2e
Play = Callable[[Callable[[Rig], Any]], Any]
QUESTION, MORE = "how do i reset my voicemail pin", "how do i pay my bill"
USUAL_DB = -10.0
TURN_S = 30.0
TELEVISION = "this is ridiculous you lied to me i have had enough of your lies"
TELEVISION_SNR_DB = 18.0
ROOM_SAMPLES = 2_400
"""The room is heard so long before and after the caller speaks; then the phone's own gate closes."""


@dataclass(frozen=True)
class Part:
    """One caller: what is said in each turn and how loud (dB above his usual level), until he is let go or has said it all."""

    turns: Sequence[tuple[str, float]]
    voice: str = "flite:rms"
    codec: Codec = "PCMU"
    television: bool = False
    ani: str = field(default_factory=new_number)


def turns_angry() -> Part:
    return Part(
        (
            (QUESTION, 0),
            ("i already told you nobody calls me back", 5),
            ("this is the third time i call", 8),
            ("this is ridiculous your service is terrible i've had enough", 10),
        )
    )


def opens_angry() -> Part:
    turns = (("this is ridiculous your service is terrible", 10), ("this is unacceptable i've had enough", 10), ("this is ridiculous", 10))
    return Part(turns, codec="PCMA")


def quiet_and_polite() -> Part:
    turns = (
        ("i am very disappointed with your service", -6),
        ("you promised to call me back and nobody calls me back", -6),
        ("this is the third time i call and i am very disappointed", -6),
    )
    return Part(turns, "festival:kal_diphone")


def loud_and_cheerful() -> Part:
    return Part(((QUESTION, 10), ("great thank you very much", 10), (MORE, 10)), codec="PCMA")


def television_behind() -> Part:
    return Part(((QUESTION, 0), (MORE, 0), (QUESTION, 0)), television=True)


def test_who_is_angry_reaches_a_person_with_the_reasons(play: Play) -> None:
    parts = {"turns angry": turns_angry(), "opens angry": opens_angry(), "quiet and polite": quiet_and_polite()}
    records = play(lambda bot: played(bot, parts))
    for name, record in records.items():
        scores, handovers = of(record, events.AngerScored), of(record, events.HandoverDecided)
        assert [handover.reason for handover in handovers] == ["is upset"], (name, course(record))
        assert handovers[0].briefing.startswith("Caller is upset: said "), (name, course(record))
        assert scores[-1].escalate, (name, course(record))
        assert any(reason.startswith("said '") for reason in scores[-1].evidence), (name, course(record))
        assert of(record, events.QueueEntered), (name, course(record))
        kinds = [type(line.event) for line in record.lines]
        assert events.AngerScored not in kinds[kinds.index(events.HandoverDecided) :], (name, course(record))
    assert len(of(records["opens angry"], events.AngerScored)) <= 3
    curve = [score.score for score in of(records["turns angry"], events.AngerScored)]
    assert curve[0] == min(curve) < 0.2, curve
    assert curve[-1] > 0.5, curve


def test_who_is_loud_and_cheerful_or_has_a_television_behind_is_answered_to_the_end(play: Play) -> None:
    parts = {"loud and cheerful": loud_and_cheerful(), "television behind": television_behind()}
    records = play(lambda bot: played(bot, parts))
    for name, record in records.items():
        scores = of(record, events.AngerScored)
        assert len(scores) >= 3, (name, course(record))
        assert of(record, events.HandoverDecided) == [], (name, course(record))
        assert not any(score.escalate for score in scores), (name, course(record))
        assert any(spoken.entry_id for spoken in of(record, events.BotSpoke)), (name, course(record))


async def played(bot: Rig, parts: dict[str, Part]) -> dict[str, CallRecord]:
    """All at once, each on a phone of his own; their records when all have hung up."""
    async with asyncio.TaskGroup() as scope:
        calls = {name: scope.create_task(_call(bot, part)) for name, part in parts.items()}
    return {name: call.result() for name, call in calls.items()}


async def _call(bot: Rig, part: Part) -> CallRecord:
    voices = [await _voiced(bot, text, part.voice, gain_db) for text, gain_db in part.turns]
    behind = await _voiced(bot, TELEVISION, "flite:awb", 0.0) if part.television else None
    async with calling(bot, part.codec, ani=part.ani) as caller:
        for number, samples in enumerate(voices):
            await caller.say(samples if behind is None else mix(np.pad(samples, ROOM_SAMPLES), behind, TELEVISION_SNR_DB))
            if await _let_go(bot, part.ani, number):
                await _until(bot, part.ani, lambda record: bool(of(record, events.QueueEntered)))
                break
            await caller.hear_out()
    return await bot.journal(part.ani)


async def _let_go(bot: Rig, ani: str, number: int) -> bool:
    """Whether the caller goes to a person, once his turn `number` (from 0) was decided."""

    def decided(record: CallRecord) -> bool:
        return bool(of(record, events.HandoverDecided)) or min(len(of(record, events.CallerSpoke)), len(of(record, events.Decided))) > number

    return bool(of(await _until(bot, ani, decided), events.HandoverDecided))


async def _until(bot: Rig, ani: str, holds: Callable[[CallRecord], bool]) -> CallRecord:
    deadline_s = asyncio.get_running_loop().time() + TURN_S
    while not holds(record := await bot.journal(ani, sealed_within_s=0)):
        assert asyncio.get_running_loop().time() < deadline_s, course(record)
        await asyncio.sleep(0.1)
    return record


async def _voiced(bot: Rig, text: str, voice: str, gain_db: float) -> Samples:
    folder: Path = bot.settings.speech.cache / "callers"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    plain = (await synth(text, voice, folder)).astype(np.float64)
    return np.clip(plain * 10 ** ((USUAL_DB + gain_db) / 20), -32_768, 32_767).astype(np.int16)


def of(record: CallRecord, kind: type[events.Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


def course(record: CallRecord) -> str:
    """What was heard, scored and decided, for who reads a failure."""
    told = {
        events.CallerSpoke: lambda event: f"{event.text} ({event.confidence})",
        events.AngerScored: lambda event: f"{event.score} {event.evidence}",
        events.Decided: lambda event: f"-> {event.decision}: {event.reason}",
        events.HandoverDecided: lambda event: f"=> {event.reason}: {event.briefing}",
    }
    return "\n".join(told[type(line.event)](line.event) for line in record.lines if type(line.event) in told)
