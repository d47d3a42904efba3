"""Real calls with Whisper in the recogniser's place. Its weights are random: it understands nothing, and the call goes on all the same."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.stage import Play, stage
from voicebot.store import events
from voicebot.store.calls import CallRecord
from voicebot.testbed.random_whisper import build
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import Caller, calling
from voicebot.testbed.synth import synth

pytestmark = pytest.mark.e2e
QUESTION = "how do i reset my voicemail pin"


@pytest.fixture(scope="module")
def play(asterisk_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    model = build(tmp_path_factory.mktemp("whisper") / "model")
    settings = {"speech.recogniser": "whisper", "speech.whisper_model": str(model), "speech.whisper_window_s": 4, "speech.recognisers": 1}
    with stage({**settings, "handover.ring_s": 8, "handover.max_wait_s": 12}) as play:
        yield play


def workers(bot: Rig) -> list[int]:
    """Those that hear English."""
    return [each.pid for each in bot.processes() if "voicebot.speech.asr.whisper:service" in each.command and '"language": "en"' in each.command]


async def ask(bot: Rig, caller: Caller) -> None:
    """Ask, and return when the bot begins to say something to it."""
    folder: Path = bot.settings.speech.cache / "callers"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    asked_s = await caller.say(await synth(QUESTION, "flite:rms", folder))
    await caller.call.until_voice(asked_s, 15)


def of(record: CallRecord, kind: type[events.Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


def test_what_is_not_understood_is_asked_again_and_made_up_by_nobody(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        assert len(workers(bot)) == 1
        async with calling(bot, "PCMU") as caller:
            await ask(bot, caller)
            ani = caller.ani
        record = await bot.journal(ani)
        assert next(spoke.kind for spoke in of(record, events.BotSpoke)) == "greeting"
        assert not [spoke for spoke in of(record, events.BotSpoke) if spoke.kind == "answer"]
        assert {spoke.text for spoke in of(record, events.CallerSpoke)} == {""}, "random weights repeat themselves: that is refused"

    play(scenario)


def test_a_whisper_that_dies_costs_one_question(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        (pid,) = workers(bot)
        async with calling(bot, "PCMA") as caller:
            os.kill(pid, signal.SIGKILL)
            await ask(bot, caller)
            await caller.hear_out()
            async with asyncio.timeout(30):
                while not workers(bot) or pid in workers(bot):
                    await asyncio.sleep(0.2)
            await ask(bot, caller)
            ani = caller.ani
        record = await bot.journal(ani)
        assert len(of(record, events.CallSealed)) == 1

    play(scenario)
