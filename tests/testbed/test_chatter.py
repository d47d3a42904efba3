"""A caller in steady state against a phone that answers: its share of talk, what it hears, and what it does when it is let go."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.kit.pretender import Pretender, pretending, voice
from voicebot.testbed import chatter, scenario
from voicebot.testbed.chatter import Chatter, within
from voicebot.testbed.questions import Question
from voicebot.testbed.scenario import Spoken

Run = Callable[[Coroutine[Any, Any, Any]], Any]
QUESTION = Question("bill", "where is my bill", "flite:rms", "PCMU")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chatter, "HEARD_S", 0.3)
    monkeypatch.setattr(chatter, "REDIAL_S", 0.01)
    monkeypatch.setattr(chatter, "REPLY_S", 1.0)
    monkeypatch.setattr(scenario, "SPOKEN_OUT_S", 0.5)


async def chatted(
    pretender: Pretender, enough: Callable[[Chatter], bool], talk_share: float = 0.4, queued: dict[str, float] | None = None
) -> Chatter:
    """A caller who chats until `enough`."""
    questions = itertools.cycle([Spoken(QUESTION, voice(7, 0.6))])
    async with pretending(pretender) as target, asyncio.TaskGroup() as scope:
        one = Chatter(target, questions, talk_share, {} if queued is None else queued)
        talking = scope.create_task(one.run())
        async with asyncio.timeout(30):
            while not enough(one):
                await asyncio.sleep(0.02)
        talking.cancel()
    return one


def test_a_caller_speaks_for_its_share_of_the_time(together: Callable[..., list[Chatter]]) -> None:
    shares = (0.4, 0.2)
    callers = together(*(chatted(Pretender([voice(1, 4.0)], delay_s=0.2), lambda one: len(one.spoke) >= 4, share) for share in shares))
    for one, share in zip(callers, shares, strict=True):
        first, last = one.spoke[0][0], one.spoke[-1][0]
        assert within(one.spoke, (first, last)) / (last - first) == pytest.approx(share, abs=0.08)


def test_each_question_and_what_was_heard_of_its_answer_is_kept(run: Run) -> None:
    one = run(chatted(Pretender([voice(1, 4.0)], delay_s=0.6), lambda one: len(one.came) >= 2))
    for exchange in one.came:
        onset_s = exchange.heard.onset_s(exchange.last_voiced_s, exchange.until_s)
        assert onset_s is not None
        assert onset_s - exchange.last_voiced_s == pytest.approx(0.6, abs=0.2)
        assert exchange.until_s - onset_s >= chatter.HEARD_S - 0.05


def test_a_late_answer_is_waited_for_although_the_share_falls(run: Run) -> None:
    one = run(chatted(Pretender([voice(1, 1.0)], delay_s=0.8), lambda one: len(one.came) >= 2, talk_share=0.8))
    waits_s = [exchange.until_s - exchange.last_voiced_s for exchange in one.came]
    assert min(waits_s) >= 0.8 + chatter.HEARD_S - 0.05


def test_a_bot_that_says_nothing_is_asked_on(run: Run) -> None:
    one = run(chatted(Pretender([voice(1, 0.1)], delay_s=5.0), lambda one: len(one.came) >= 2))
    assert all(exchange.heard.onset_s(exchange.last_voiced_s, exchange.until_s) is None for exchange in one.came)


def test_a_question_that_was_cut_short_before_a_reply_is_kept(run: Run) -> None:
    one = run(chatted(Pretender([voice(1, 1.0)], delay_s=9.0), lambda one: bool(one.spoke)))
    [exchange] = one.came
    assert exchange.last_voiced_s == one.spoke[0][1]
    assert exchange.heard.onset_s(exchange.last_voiced_s, exchange.until_s) is None


def test_who_was_let_go_calls_again_and_asks_the_music_nothing(run: Run) -> None:
    queued: dict[str, float] = {}

    class Watched(Pretender):
        async def _talk(self, call: Any) -> None:
            if len(self.calls) == 1:
                queued[call.ani] = time.monotonic() - 1
            await super()._talk(call)

    one = run(chatted(Watched([voice(1, 3.0)], delay_s=0.2), lambda one: len(one.came) >= 1, queued=queued))
    assert one.ends[0] == "handed over"
    assert len(one.connected) == 2
    assert within([one.connected[0]], (0, 1e12)) == 0


def test_a_call_that_cannot_be_placed_is_told_and_tried_again(run: Run) -> None:
    one = run(chatted(Pretender([], rejects=True), lambda one: len(one.ends) >= 2))
    assert all("refused" in end for end in one.ends[:2])
    assert one.connected == []


def test_time_is_counted_inside_the_span_only() -> None:
    assert within([(0, 4), (6, 9), (20, 30)], (2, 8)) == 4
    assert within([], (2, 8)) == 0
