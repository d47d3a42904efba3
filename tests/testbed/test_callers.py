"""Callers are brought into conversation, seen in the queue or gone, and ask for a person in words and by key; a phone pretends to be the bot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from tests.kit.pretender import Pretender, pretending, voice
from voicebot.errors import PbxError
from voicebot.testbed import callers
from voicebot.testbed.callers import Line, asked_for_a_person, conversing, dialled, in_queue, watched
from voicebot.testbed.g711 import Samples
from voicebot.testbed.rig import Rig

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@dataclass
class Asterisk:
    """A rig of which only the console answers: it has in the queue whom the test put there."""

    queued: set[str] = field(default_factory=set)
    down: bool = False

    async def console(self, _command: str) -> str:
        if self.down:
            raise PbxError("Asterisk does not answer")
        return "".join(f"PJSIP/c-1!x!s!11!Up!Queue!support!{ani}!!!3!1!!1\n" for ani in self.queued) + "PJSIP/c-2!x!s!6!Up!Stasis!v!999!!!3!1!!2\n"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    async def spoken(_text: str, _voice: str, _folder: Path) -> Samples:
        return voice(7, 0.2)

    monkeypatch.setattr(callers, "synth", spoken)
    for name, value in {"STAGGER_S": 0.2, "INTO_CALL_S": 1.0, "LISTEN_S": 0.2, "TURN_S": 0.05, "ASKED_S": 0.5, "POLL_S": 0.02}.items():
        monkeypatch.setattr(callers, name, value)


@asynccontextmanager
async def calling(count: int, asterisk: Asterisk) -> AsyncIterator[tuple[Pretender, list[Line]]]:
    bot = Pretender([voice(2, 0.3)], greeting=voice(1, 0.2))
    async with pretending(bot) as target, target.phone() as phone, AsyncExitStack() as placed:
        yield bot, await conversing(cast(Rig, asterisk), phone, placed, count)


def test_callers_are_answered_and_fall_silent(run: Run) -> None:
    async def scenario() -> None:
        async with calling(3, Asterisk()) as (bot, lines):
            assert len({line.ani for line in lines}) == len(bot.calls) == 3
            assert all(line.call.answered_at_s for line in lines)
            begun_s = time.monotonic()
            await asyncio.sleep(0.4)
            assert all(line.call.sent.onset_s(begun_s) is None for line in lines)

    run(scenario())


def test_who_is_not_with_the_bot_any_more_is_no_live_call(run: Run) -> None:
    async def scenario() -> int:
        asterisk = Asterisk()
        bot = Pretender([voice(2, 0.3)], rejects=True)
        async with pretending(bot) as target, target.phone() as phone, AsyncExitStack() as placed:
            return len(await conversing(cast(Rig, asterisk), phone, placed, 2))

    assert run(scenario()) == 0


def test_a_caller_is_watched_until_all_are_in_the_queue_or_gone(run: Run) -> None:
    async def scenario() -> None:
        asterisk = Asterisk()
        async with calling(2, asterisk) as (bot, lines):
            begun_s = time.monotonic()
            asyncio.get_running_loop().call_later(0.2, asterisk.queued.add, lines[0].ani)
            async with asyncio.TaskGroup() as scope:
                scope.create_task(bot.calls[1].hang_up())
                scope.create_task(watched(cast(Rig, asterisk), lines, 10))
            assert time.monotonic() - begun_s < 5
            assert lines[0].queued_s is not None
            assert lines[0].queued_s >= begun_s + 0.2
            assert (lines[0].ended_s, lines[1].queued_s) == (None, None)
            assert lines[1].ended_s is not None

    run(scenario())


def test_watching_ends_when_time_is_up(run: Run) -> None:
    async def scenario() -> None:
        async with calling(1, Asterisk()) as (_, lines):
            await watched(cast(Rig, Asterisk()), lines, 0.3)
            assert lines[0].settled_s is None

    run(scenario())


@pytest.mark.parametrize("understands", ["words", "keys", "nothing"])
def test_a_person_is_asked_for_in_words_and_then_by_key(understands: str, run: Run) -> None:
    async def scenario() -> tuple[bool, int]:
        asterisk = Asterisk()
        async with calling(1, asterisk) as (bot, [line]):
            begun_s = time.monotonic()

            async def understand() -> None:
                while understands != "nothing" and not asterisk.queued:
                    said = bot.calls[0].heard.onset_s(begun_s) is not None
                    if bot.calls[0].keys if understands == "keys" else said:
                        asterisk.queued.add(line.ani)
                    await asyncio.sleep(0.02)

            async with asyncio.TaskGroup() as scope:
                scope.create_task(understand())
                await asked_for_a_person(cast(Rig, asterisk), [line])
            return line.to_person, len(bot.calls[0].keys)

    expected = {"words": (True, 0), "keys": (True, 1), "nothing": (False, 1)}
    assert run(scenario()) == expected[understands]


def test_who_is_in_the_queue_already_asks_for_nothing(run: Run) -> None:
    async def scenario() -> None:
        async with calling(1, Asterisk()) as (_, [line]):
            line.queued_s = begun_s = time.monotonic()
            await asked_for_a_person(cast(Rig, Asterisk()), [line])
            assert line.call.sent.onset_s(begun_s) is None
            assert not line.to_person

    run(scenario())


def test_a_call_that_ends_while_a_person_is_asked_for_is_over(run: Run) -> None:
    async def scenario() -> None:
        async with calling(1, Asterisk()) as (bot, [line]):
            await bot.calls[0].hang_up()
            await line.call.wait_ended(5)
            await asked_for_a_person(cast(Rig, Asterisk()), [line])
            assert line.ended_s is not None

    run(scenario())


def test_a_call_is_met_by_the_fault_as_it_is_dialled(run: Run) -> None:
    async def scenario() -> None:
        async with pretending(Pretender([])) as target, target.phone() as phone:
            before_s = time.monotonic()
            async with dialled(phone) as line:
                assert before_s <= line.struck_s <= time.monotonic()
                await line.call.wait_answered(5)
            assert line.call.ended.is_set()

    run(scenario())


def test_while_asterisk_is_down_nobody_is_in_a_queue(run: Run) -> None:
    assert run(in_queue(cast(Rig, Asterisk({"1", "2"})))) == {"1", "2"}
    assert run(in_queue(cast(Rig, Asterisk({"1"}, down=True)))) == frozenset()
