"""Runs against a phone that pretends to be the bot, and a made-up journal: right, wrong, late, deaf and forgetful bots get what they deserve."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tests.kit.pretender import Pretended, Pretender, pretending, voice
from voicebot.store.calls import CallRecord, CallSummary
from voicebot.store.events import BotSpoke, CallerSpoke, CallSealed, Event, HandoverDecided, Line, QueueEntered, encode, tag
from voicebot.testbed import audio, scenario
from voicebot.testbed import bench_runs as runs
from voicebot.testbed.bench_figures import Result
from voicebot.testbed.g711 import Samples
from voicebot.testbed.measure import Phrase
from voicebot.testbed.questions import Question
from voicebot.testbed.rig import Rig

Run = Callable[[Coroutine[Any, Any, Any]], Any]
Together = Callable[..., list[Any]]

KNOWN = {"answer/bill": voice(1, 1.5), "answer/data": voice(2, 1.5), "short/data": voice(3, 1.1), "prompt/say_again": voice(4, 1.1)}
BILL = Question("bill", "where is my bill today", "flite:rms", "PCMU")
DATA = Question("data", "how much data is left", "flite:rms", "PCMA")
SUMMARY = CallSummary("call", datetime(2026, 1, 1, tzinfo=UTC), "555", "100", "en", "c", None, None, None, "contained", "bot", None, 1, 1)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits; a made-up voice instead of a program's."""

    async def spoken(text: str, _voice: str, _cache: Path) -> Samples:
        return voice(100 + len(text), 0.25 if text in runs.MURMURS else 0.8)

    async def paused(text: str, _voice: str, _cache: Path, *, after_words: int, pause_ms: int) -> Samples:
        assert 0 < after_words < len(text.split())
        return np.concatenate((voice(7, 0.4), audio.silence(pause_ms / 1000), voice(8, 0.4)))

    monkeypatch.setattr(runs, "synth", spoken)
    monkeypatch.setattr(runs, "synth_with_pause", paused)
    monkeypatch.setattr(runs, "STAGGER_S", 0.2)
    monkeypatch.setattr(scenario, "SPOKEN_OUT_S", 0.6)
    monkeypatch.setattr(scenario, "REPLY_S", 1.5)
    monkeypatch.setattr(scenario, "INTO_ANSWER_S", 0.8)


def lines(*events: tuple[int, Event]) -> tuple[Line, ...]:
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    return tuple(Line("call", seq, ms, begun + timedelta(milliseconds=ms), tag(event), encode(event)) for seq, (ms, event) in enumerate(events))


def with_journal(target: Pretended, events: Sequence[tuple[int, Event]]) -> Rig:
    """`target` with a journal that holds `events` for whoever called."""

    async def journal(_ani: str, sealed_within_s: float = 5.0) -> CallRecord:
        return CallRecord(SUMMARY, (), lines(*events))

    target.journal = journal  # type: ignore[attr-defined]
    return cast(Rig, target)


def measured(result: Result) -> dict[str, float]:
    return {figure.name.partition(" (")[0]: figure.measured for figure in result.figures}


def pretend(replies: list[Samples], **behaviour: Any) -> AbstractAsyncContextManager[Pretended]:
    return pretending(Pretender(replies, **behaviour), KNOWN)


def told(_what: str) -> None:
    """Nobody waits."""


async def turns(questions: Sequence[Question], concurrent: int, replies: list[Samples], **behaviour: Any) -> Result:
    async with pretend(replies, **behaviour) as target:
        took, load = await runs.turns(target, questions, concurrent, told)
    return runs.turn_result(took, load, {"p50": 700, "p95": 1_100})


# Turns.


def test_right_answers_in_time_pass(run: Run) -> None:
    result = run(turns([BILL, DATA], 1, [KNOWN["answer/bill"], KNOWN["short/data"]]))
    assert result.passed
    assert measured(result)["right answers"] == 100
    assert measured(result)["mouth-to-ear p95"] == pytest.approx(500, abs=90)
    assert [row["heard"] for row in result.trials] == ["answer/bill", "short/data"]


def test_a_late_bot_fails_and_by_how_much_is_told(run: Run) -> None:
    result = run(turns([BILL], 1, [KNOWN["answer/bill"]], delay_s=1.2))
    assert not result.passed
    assert measured(result)["mouth-to-ear p50"] == pytest.approx(1_200, abs=90)


def test_a_wrong_answer_is_an_answer_but_not_right(run: Run) -> None:
    result = run(turns([BILL], 1, [KNOWN["answer/data"]]))
    assert measured(result)["questions that got an answer"] == 100
    assert measured(result)["right answers"] == 0


def test_a_bot_that_only_asks_back_has_no_latency_and_fails(run: Run) -> None:
    result = run(turns([BILL], 1, [KNOWN["prompt/say_again"]]))
    assert not result.passed
    assert math.isnan(measured(result)["mouth-to-ear p50"])
    assert measured(result)["questions that got an answer"] == 0
    assert result.trials[0]["heard"] == "prompt/say_again"


def test_many_calls_at_once_are_many_calls(run: Run) -> None:
    pretender = Pretender([KNOWN["answer/bill"]])

    async def many() -> list[runs.Turn]:
        async with pretending(pretender, KNOWN) as target:
            took, _ = await runs.turns(target, [BILL] * 7, 3, told)
            return took

    took = run(many())
    assert [turn.right for turn in took] == [True] * 7
    assert len(pretender.calls) == 3
    begun_s = [call.answered_at_s or 0.0 for call in pretender.calls]
    assert max(begun_s) - min(begun_s) < 1


def test_how_calls_ended_is_told_when_there_is_a_journal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "Rig", Pretended)
    monkeypatch.setattr(Pretended, "processes", tuple, raising=False)

    async def ask() -> dict[str, float]:
        async with pretend([KNOWN["answer/bill"]]) as target:
            _, told_of = await runs.turns(with_journal(target, [spoke()]), [BILL] * 4, 2, told)
            return {figure.name: figure.measured for figure in told_of}

    assert run(ask()) == {"calls contained": 2, "packets lost on the way to the callers": 0}


def test_calls_that_fail_count_as_not_answered(run: Run) -> None:
    result = run(turns([BILL, DATA], 2, [], rejects=True))
    assert measured(result)["questions that got an answer"] == 0
    assert "486" in result.trials[0]["heard"]


@pytest.mark.parametrize(("right", "passed"), [(9, True), (8, False)])
def test_nine_of_ten_right_answers_are_enough(right: int, passed: bool) -> None:
    said = (Phrase("answer/bill", 1.0, 1.0),)
    took = [runs.Turn(BILL, said, 500.0)] * right + [runs.Turn(DATA, said, 500.0)] * (10 - right)
    assert runs.right_result(took, 90).passed is passed


# Over the bot's voice.


def test_barge_in_is_as_quick_as_the_bot(together: Together, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario, "SPOKEN_OUT_S", 1.2)
    long = {"answer/bill": voice(1, 4.0)}

    async def interrupt(yields_s: float) -> Result:
        async with pretending(Pretender([long["answer/bill"], voice(9, 0.5)], yields_s=yields_s, delay_s=1.1), long) as target:
            return await runs.barge_in(target, [BILL], 1, told)

    quick, slow = together(interrupt(0.12), interrupt(0.5))
    assert (quick.passed, slow.passed) == (True, False)
    assert measured(quick)["barge-in p95"] == pytest.approx(120, abs=90)
    assert measured(slow)["barge-in p95"] == pytest.approx(500, abs=90)


def test_what_is_no_answer_cannot_be_interrupted(run: Run) -> None:
    async def interrupt() -> Result:
        async with pretending(Pretender([voice(9, 3.0)]), KNOWN) as target:
            return await runs.barge_in(target, [BILL], 1, told)

    result = run(interrupt())
    assert not result.passed
    assert result.trials[0]["why"] == "the bot was not speaking an answer"


def spoke() -> tuple[int, Event]:
    return 8_000, CallerSpoke("where is my bill", 0.9, 7_000, 8_000)


def answered(entry_id: str | None = "bill") -> tuple[int, Event]:
    return 12_000, BotSpoke("…", "answer", 8_000, 4_000, 4_000, False, "…", entry_id)


def test_a_murmur_passes_when_the_same_answer_goes_on_soon_and_no_turn_is_taken(together: Together, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario, "SPOKEN_OUT_S", 1.2)
    long = {"answer/bill": voice(1, 3.5)}

    async def murmur(resumes_s: float | None, *events: tuple[int, Event]) -> bool:
        async with pretending(Pretender([long["answer/bill"]], yields_s=0.1, resumes_s=resumes_s), long) as target:
            return (await runs.backchannel(with_journal(target, events), [BILL], 1, told)).passed

    cases = {
        "it goes on soon": murmur(0.3, spoke(), answered()),
        "it goes on late": murmur(0.9, spoke(), answered()),
        "a turn is taken": murmur(0.3, spoke(), answered(), spoke()),
        "it never goes on": murmur(None, spoke(), answered()),
        "it was no answer": murmur(0.3, spoke(), answered(None)),
    }
    assert dict(zip(cases, together(*cases.values()), strict=True)) == dict.fromkeys(cases, False) | {"it goes on soon": True}


# By the journal.


@pytest.mark.parametrize(("heard_ms", "passed"), [(1_250, True), (400, False)])
def test_a_pause_passes_when_the_first_turn_holds_the_whole_question(heard_ms: int, passed: bool, run: Run) -> None:
    async def pause() -> Result:
        async with pretend([KNOWN["answer/bill"]]) as target:
            return await runs.pauses(with_journal(target, [(9_000, CallerSpoke("…", 0.9, 7_000, 7_000 + heard_ms))]), [BILL], 1, told)

    result = run(pause())
    assert result.passed is passed
    assert " ... " in result.trials[0]["question"]


@pytest.mark.parametrize(
    ("queued_ms", "passed", "why"), [(900, True, ""), (2_000, False, ""), (None, False, "was not understood as asking for a person")]
)
def test_handover_passes_when_the_queue_is_reached_in_time(queued_ms: int | None, passed: bool, why: str, run: Run) -> None:
    events: list[tuple[int, Event]] = [(9_000, HandoverDecided("asked", "support", 0, "…")), (9_000 + (queued_ms or 0), QueueEntered("support"))]

    async def hand_over() -> Result:
        async with pretend([KNOWN["answer/bill"]]) as target:
            return await runs.handover(with_journal(target, events if queued_ms else [(9_000, CallSealed("contained", "bot", 1))]), [BILL], 1, told)

    result = run(hand_over())
    assert result.passed is passed
    assert result.trials[0]["why"] == why
