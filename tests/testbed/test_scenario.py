"""Scenarios against a phone that pretends to be the bot: what comes back shows what happened, and what went wrong is told, not raised."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from tests.kit.pretender import Pretender, pretending, voice
from voicebot.testbed import audio, measure, scenario
from voicebot.testbed.questions import Question
from voicebot.testbed.scenario import Exchange, Failed, Overlap, Spoken

Run = Callable[[Coroutine[Any, Any, Any]], Any]

ANSWER = voice(1, 1.5)
QUESTION = Spoken(Question("bill", "where is my bill", "flite:rms", "PCMU"), voice(50, 0.8))


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario, "SPOKEN_OUT_S", 0.6)
    monkeypatch.setattr(scenario, "REPLY_S", 2.0)
    monkeypatch.setattr(scenario, "INTO_ANSWER_S", 0.6)


def waited_ms(exchange: Exchange) -> float:
    said = measure.phrases({"answer/bill": ANSWER}, exchange.heard, exchange.last_voiced_s, exchange.until_s)
    return measure.mouth_to_ear_ms(exchange.last_voiced_s, said)


def test_a_planted_delay_is_the_delay_measured(together: Callable[..., list[Any]]) -> None:
    async def ask(delay_s: float) -> tuple[Exchange | Failed, ...]:
        async with pretending(Pretender([ANSWER], delay_s=delay_s)) as target:
            return (await scenario.ask_all(target, [QUESTION])).came

    [short], [long] = together(ask(0.5), ask(1.1))
    assert waited_ms(short) == pytest.approx(500, abs=90)
    assert waited_ms(long) == pytest.approx(1_100, abs=90)


def test_all_questions_of_a_call_are_asked_one_after_the_other(run: Run) -> None:
    pretender = Pretender([ANSWER, voice(2, 1.0), ANSWER])

    async def ask() -> tuple[Exchange | Failed, ...]:
        async with pretending(pretender) as target:
            return (await scenario.ask_all(target, [QUESTION] * 3)).came

    came = run(ask())
    assert len(pretender.calls) == 1
    assert [waited_ms(exchange) < 2_000 for exchange in came] == [True, False, True]
    assert all(earlier.until_s < later.last_voiced_s for earlier, later in itertools.pairwise(came))


def test_the_question_waits_for_the_end_of_the_greeting(run: Run) -> None:
    pretender = Pretender([ANSWER], greeting=np.concatenate((voice(3, 0.5), audio.silence(0.4), voice(4, 0.5))))

    async def ask() -> tuple[Exchange | Failed, ...]:
        async with pretending(pretender) as target:
            return (await scenario.ask_all(target, [QUESTION])).came

    run(ask())
    [call] = pretender.calls
    greeted_s = call.sent.last_voiced_s(to_s=call.sent.start_s + 2.0)
    asked_s = call.heard.onset_s()
    assert greeted_s is not None
    assert asked_s is not None
    assert asked_s - greeted_s > 0.5


def test_no_reply_is_an_exchange_with_silence_in_it(run: Run) -> None:
    async def ask() -> tuple[Exchange | Failed, ...]:
        async with pretending(Pretender([])) as target:
            return (await scenario.ask_all(target, [QUESTION])).came

    [exchange] = run(ask())
    assert isinstance(exchange, Exchange)
    assert exchange.heard.onset_s(exchange.last_voiced_s) is None
    assert exchange.until_s - exchange.last_voiced_s == pytest.approx(2.0, abs=0.3)


def test_a_refused_call_fails_each_of_its_questions(run: Run) -> None:
    async def ask() -> tuple[Exchange | Failed, ...]:
        async with pretending(Pretender([ANSWER], rejects=True)) as target:
            return (await scenario.ask_all(target, [QUESTION] * 2)).came

    came = run(ask())
    assert [type(one) for one in came] == [Failed, Failed]
    assert "486" in came[0].why


def test_a_bot_without_a_greeting_fails(run: Run) -> None:
    async def ask() -> tuple[Exchange | Failed, ...]:
        async with pretending(Pretender([ANSWER], greeting=audio.silence(0.1))) as target:
            return (await scenario.ask_all(target, [QUESTION])).came

    [failed] = run(ask())
    assert isinstance(failed, Failed)
    assert "the bot said nothing for 2 s" in failed.why


def test_a_call_that_ends_midway_keeps_what_came_before(run: Run) -> None:
    pretender = Pretender([ANSWER])

    async def drop_during_second() -> tuple[Exchange | Failed, ...]:
        async with pretending(pretender) as target, asyncio.TaskGroup() as scope:
            asked = scope.create_task(scenario.ask_all(target, [QUESTION] * 2))
            while not pretender.calls or not pretender.calls[0].heard.onset_s():
                await asyncio.sleep(0.02)
            first_s = time.monotonic()
            while not pretender.calls[0].heard.onset_s(first_s + 1.5):
                await asyncio.sleep(0.02)
            await pretender.calls[0].hang_up()
            return (await asked).came

    came = run(drop_during_second())
    assert [type(one) for one in came] == [Exchange, Failed]


def test_hold_music_does_not_hold_the_caller_for_ever(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario.Caller.hear_out, "__defaults__", (2.0,))

    async def ask() -> tuple[Exchange | Failed, ...]:
        async with pretending(Pretender([voice(1, 5.0)])) as target:
            return (await scenario.ask_all(target, [QUESTION])).came

    [failed] = run(ask())
    assert isinstance(failed, Failed)
    assert failed.why == "speech or music went on for 2 s"


def test_a_planted_reaction_time_is_the_barge_in_measured(together: Callable[..., list[Any]]) -> None:
    async def interrupt(yields_s: float) -> Overlap | Failed:
        async with pretending(Pretender([voice(1, 4.0), voice(2, 0.6)], yields_s=yields_s, delay_s=1.0)) as target:
            return await scenario.talk_over(target, QUESTION, voice(60, 1.5))

    quick, slow = (measure.silent_after_ms(came.heard, came.onset_s, came.until_s) for came in together(interrupt(0.15), interrupt(0.45)))
    assert quick == pytest.approx(150, abs=90)
    assert slow == pytest.approx(450, abs=90)


def test_a_deaf_bot_is_seen_to_be_deaf(run: Run) -> None:
    async def interrupt() -> Overlap | Failed:
        async with pretending(Pretender([voice(1, 4.0)], yields_s=None)) as target:
            return await scenario.talk_over(target, QUESTION, voice(60, 0.8))

    came = run(interrupt())
    assert isinstance(came, Overlap)
    silent_ms = measure.silent_after_ms(came.heard, came.onset_s, came.until_s - 0.7)
    assert silent_ms is not None
    assert silent_ms > 1_000


def test_a_murmur_and_what_the_bot_did_about_it(run: Run) -> None:
    reply = voice(1, 3.5)

    async def murmur() -> Overlap | Failed:
        async with pretending(Pretender([reply], yields_s=0.1, resumes_s=0.3)) as target:
            return await scenario.talk_over(target, QUESTION, voice(60, 0.2))

    came = run(murmur())
    assert isinstance(came, Overlap)
    assert 200 < measure.resumed_after_ms(reply, came.heard, came.answer_s, came.onset_s, came.until_s) < 700


def test_nothing_to_talk_over_is_told(run: Run) -> None:
    async def interrupt() -> Overlap | Failed:
        async with pretending(Pretender([])) as target:
            return await scenario.talk_over(target, QUESTION, voice(60, 0.2))

    came = run(interrupt())
    assert isinstance(came, Failed)
    assert "the bot said nothing for 2 s" in came.why
