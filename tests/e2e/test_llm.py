"""A real model process under real calls: it talks nonsense, is killed and is stopped, and each time the caller hears the approved answer."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.stage import Play, stage
from voicebot.errors import StoreError
from voicebot.store import events
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import new_number

pytestmark = pytest.mark.e2e
KEY = "9"
DEADLINE_MS = 2_500
BUSY_MS = 3_000
"""What a busy machine may add."""


@pytest.fixture(scope="module")
def play(asterisk_tree: Path, shared: Path) -> Iterator[Play]:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install voicebot[llm]")
    model = shared / "models" / "stories260K" / "stories260K.gguf"
    if not model.exists():
        pytest.skip(f"no {model}")
    settings = {"engine": "llama", "model": str(model.resolve()), "compose": "always", "deadline_ms": DEADLINE_MS}
    with stage({f"llm.{key}": value for key, value in settings.items()} | {"handover.ring_s": 8, "handover.max_wait_s": 12}) as play:
        yield play


def model_process(bot: Rig) -> int:
    """Its process id, 0 while there is none."""
    return next((each.pid for each in bot.processes() if "voicebot.llm.inside" in each.command), 0)


async def until(holds: Callable[[], object], timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.05)


async def composed(bot: Rig, ani: str, times: int) -> None:
    """Until the model was asked so often in this call, and its answer weighed."""
    async with asyncio.timeout(40):
        while len(told(await _record(bot, ani), events.Composed)) < times:
            await asyncio.sleep(0.2)


async def _record(bot: Rig, ani: str) -> list[Any]:
    try:
        return [line.event for line in (await bot.journal(ani, sealed_within_s=0)).lines]
    except StoreError:
        return []


def told(record: list[Any], kind: type[events.Event]) -> list[Any]:
    return [event for event in record if isinstance(event, kind)]


def nothing(_pid: int) -> None: ...


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def test_whatever_befalls_the_model_the_caller_hears_the_approved_answer(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        await until(lambda: model_process(bot))
        ani, befallen = new_number(), (nothing, stop, kill)
        async with bot.phone() as phone, phone.dial("100", ani) as call:
            await call.wait_answered()
            await call.dtmf(KEY)  # to this hotline a key means: read me the menu
            for number, befalls in enumerate(befallen, 1):
                befalls(pid := model_process(bot))
                await call.dtmf(KEY)
                await composed(bot, ani, number)
                await until(lambda befalls=befalls, pid=pid: befalls is nothing or model_process(bot) not in {0, pid})  # type: ignore[misc]
        record = [line.event for line in (await bot.journal(ani)).lines]
        tries, answers = told(record, events.Composed), [spoke.text for spoke in told(record, events.BotSpoke) if spoke.kind == "answer"]
        assert len(answers) == len(befallen)
        assert {text[:16] for text in answers} == {"Dial one two one"}
        assert [each.engine for each in tries] == ["llama stories260K"] * len(befallen)
        assert all(each.refused and each.took_ms < DEADLINE_MS + BUSY_MS for each in tries)
        assert not told(record, events.Fault)

    play(scenario)
