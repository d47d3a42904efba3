"""Speech engines that fail in the middle of real calls: what the caller hears, where he ends, and what is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kit.stage import Play, stage
from voicebot.errors import StoreError
from voicebot.store import events
from voicebot.store.calls import CallRecord
from voicebot.testbed import audio
from voicebot.testbed.faulty import Fault, Faults
from voicebot.testbed.g711 import Samples
from voicebot.testbed.processes import offspring, open_files
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import Caller, calling, new_number
from voicebot.testbed.synth import synth

pytestmark = pytest.mark.e2e
QUESTION, ENTRY = "how do i reset my voicemail pin", "voicemail-pin"
PERSON = "can i talk to a real person please"
TO_THE_QUEUE_S = 5.0
BUSY_S = 3.0
"""What a busy machine may add."""
CREW = {"silero": 1, "pocketsphinx": 2, "prosodist": 1}
"""The workers of a voicebot in good health."""


@dataclass(frozen=True)
class Stage:
    """A voicebot whose engines can be made to fail."""

    play: Play
    faults: Faults


@pytest.fixture(scope="module")
def set_up(asterisk_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    faults = Faults(tmp_path_factory.mktemp("faults"))
    with stage({"handover.ring_s": 8, "handover.max_wait_s": 12, "speech.recognisers": 2}, faults.environment) as play:
        yield Stage(play, faults)
        play(leaves_nothing)


@pytest.fixture
def play(set_up: Stage) -> Iterator[Play]:
    yield set_up.play
    set_up.faults.disarm()


@pytest.fixture
def faults(set_up: Stage) -> Faults:
    return set_up.faults


async def leaves_nothing(bot: Rig) -> None:
    """After all that befell it: every worker in its place, all alive, no file of theirs open, none on disk."""
    controller = bot.controller().pid
    await until(lambda: {engine: len(workers(bot, engine)) for engine in CREW} == CREW)
    await until(lambda: not zombies(controller))
    await until(lambda: open_files(controller)["socket"] <= 20)
    assert [path.name for path in bot.settings_file.with_name("tmp").glob("voicebot-scratch-*")] == []


def workers(bot: Rig, engine: str) -> list[int]:
    return [each.pid for each in bot.processes() if "voicebot.speech.serving" in each.command and engine in each.command]


def zombies(pid: int) -> list[str]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    states = [(child, Path(f"/proc/{child}/stat").read_text().rpartition(") ")[2][0]) for child in children]
    return [child for child, state in states if state == "Z"]


async def until(holds: Callable[[], object], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.05)


async def hears(caller: Caller, reference: Samples, from_s: float, timeout_s: float = 20.0) -> None:
    """Looks seldom, and not on the loop: finding one sound in another is work."""
    async with asyncio.timeout(timeout_s):
        while (await asyncio.to_thread(audio.locate, reference, caller.call.heard.audio(from_s))).score < 0.6:
            await asyncio.sleep(0.5)


async def voiced(bot: Rig, text: str) -> Samples:
    folder = bot.settings.speech.cache / "callers"
    folder.mkdir(parents=True, exist_ok=True)
    return await synth(text, "flite:rms", folder)


async def journalled(bot: Rig, ani: str, kind: type[events.Event]) -> None:
    """Until the call's record has an event of this kind."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(StoreError):
                if of(await bot.journal(ani, sealed_within_s=0), kind):
                    return
            await asyncio.sleep(0.2)


def of(record: CallRecord, kind: type[events.Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


@asynccontextmanager
async def two_calls(bot: Rig) -> AsyncIterator[tuple[Caller, Caller]]:
    """Begun together, so that their greetings cost the time of one."""
    async with asyncio.TaskGroup() as scope:
        over = asyncio.Event()
        come: list[Caller] = []

        async def hold() -> None:
            async with calling(bot, "PCMU") as caller:
                come.append(caller)
                await over.wait()

        for _ in range(2):
            scope.create_task(hold())
        await until(lambda: len(come) == 2, 40)
        yield come[0], come[1]
        over.set()


@pytest.mark.parametrize("fault", ["crash", "hang"])
def test_a_recogniser_that_fails_in_mid_question_costs_this_caller_that_question_and_nobody_else(play: Play, faults: Faults, fault: Fault) -> None:
    async def scenario(bot: Rig) -> None:
        references, question = await bot.references("en"), await voiced(bot, QUESTION)
        before = set(workers(bot, "pocketsphinx"))
        async with two_calls(bot) as (struck, other):
            faults.arm("recogniser", "feed", fault)
            asking = asyncio.ensure_future(struck.say(question))
            await until(lambda: not faults.armed("recogniser", "feed"))
            await other.say(question)
            asked_s = await asking
            await struck.call.until_voice(asked_s, TO_THE_QUEUE_S + BUSY_S)
            again_s = await struck.say(question)  # over the first words of the menu: the breath is the same, the utterance another
            await hears(struck, references[f"answer/{ENTRY}"], again_s - 1)
            await hears(other, references[f"answer/{ENTRY}"], asked_s - 2)
            anis = struck.ani, other.ani
        record, undisturbed = await bot.journal(anis[0]), await bot.journal(anis[1])
        assert [fault.where for fault in of(record, events.Fault)] == ["recogniser"]
        assert of(undisturbed, events.Fault) == []
        assert [record.summary.outcome, undisturbed.summary.outcome] == ["contained", "contained"]
        await until(lambda: len(set(workers(bot, "pocketsphinx")) - before) == 1, 30)

    play(scenario)


def test_without_a_recogniser_callers_are_led_by_their_keys(play: Play, faults: Faults) -> None:
    async def scenario(bot: Rig) -> None:
        ani = new_number()
        faults.arm("recogniser", "start", "crash", lasting=True)
        for pid in workers(bot, "pocketsphinx"):
            os.kill(pid, signal.SIGKILL)
        async with bot.phone() as phone, phone.dial("100", ani) as call:
            await call.wait_answered()
            await journalled(bot, ani, events.CallAnswered)
            await call.dtmf("9")  # a key of the menu, which means nothing to a hotline that listens
            await journalled(bot, ani, events.Decided)
        record = await bot.journal(ani)
        assert of(record, events.Fault) == []
        assert [(decided.decision, decided.entry_id) for decided in of(record, events.Decided)] == [("Reply", ENTRY)]
        faults.disarm()
        await until(lambda: len(workers(bot, "pocketsphinx")) == 2, 30)

    play(scenario)


def test_without_silero_and_without_a_voice_questions_are_answered_and_a_person_is_reached(play: Play, faults: Faults) -> None:
    async def scenario(bot: Rig) -> None:
        references, question, person = await bot.references("en"), await voiced(bot, QUESTION), await voiced(bot, PERSON)
        faults.arm("silero", "feed", "hang", lasting=True)
        faults.arm("flite", "speak", "hang", lasting=True)
        async with calling(bot, "PCMU") as caller:
            asked_s = await caller.say(question)
            await caller.call.until_voice(asked_s, TO_THE_QUEUE_S)
            await hears(caller, references[f"answer/{ENTRY}"], asked_s)
            await caller.hear_out()
            said_s = await caller.say(person)
            while "!Queue!" not in await bot.console("core show channels concise"):
                assert time.monotonic() - said_s < TO_THE_QUEUE_S + BUSY_S
                await asyncio.sleep(0.1)
            ani = caller.ani
        record = await bot.journal(ani)
        assert [fault.where for fault in of(record, events.Fault)] == ["briefing"]
        assert of(record, events.QueueEntered)
        assert not await asyncio.to_thread(lambda: [each for each in offspring(bot.controller().pid) if "flite" in each.command])

    play(scenario)
