"""A figure is believed when a planted defect moves it: each one here is measured twice, once as it should be and once with the defect.

The bot is a phone of our own; figures, callers and audio are those of `scripts/bench`. Leaks are planted in test_leftovers.py and
test_bench_soak.py, late loops and busy controllers in test_bench_silent.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kit.pretender import Pretender, pretending, voice
from voicebot.testbed import bench_runs as runs
from voicebot.testbed import scenario
from voicebot.testbed.bench_figures import Result
from voicebot.testbed.call import Call
from voicebot.testbed.g711 import Samples
from voicebot.testbed.impair import Impairment
from voicebot.testbed.questions import Question

Together = Callable[..., list[Any]]
KNOWN = {"answer/bill": voice(1, 2.5), "answer/data": voice(2, 2.5)}
BILL = Question("bill", "where is my bill today", "flite:rms", "PCMU")


class Lossy(Pretender):
    """A tenth of its packets get lost on the way."""

    async def _talk(self, call: Call) -> None:
        call.impair(Impairment(loss=0.1))
        await super()._talk(call)


class Skipping(Pretender):
    """Every tenth frame of what it says is left out before it is sent: no packet is missing on the wire."""

    async def _reply(self, call: Call, reply: Samples) -> float:
        frames = [reply[start : start + 160] for start in range(0, len(reply), 160)]
        kept = [frame for number, frame in enumerate(frames) if number % 10]
        return await super()._reply(call, np.concatenate(kept))


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    async def spoken(_text: str, _voice: str, _cache: Path) -> Samples:
        return voice(7, 0.8)

    monkeypatch.setattr(runs, "synth", spoken)
    monkeypatch.setattr(scenario, "REPLY_S", 2.5)
    monkeypatch.setattr(scenario, "INTO_ANSWER_S", 0.8)


async def turns(bot: Pretender) -> dict[str, float]:
    async with pretending(bot, KNOWN) as target:
        took, load = await runs.turns(target, [BILL], 1, lambda _told: None)
    return measured(runs.turn_result(took, load, {}))


async def barge_in(bot: Pretender) -> dict[str, float]:
    async with pretending(bot, KNOWN) as target:
        return measured(await runs.barge_in(target, [BILL], 1, lambda _told: None))


def measured(result: Result) -> dict[str, float]:
    return {figure.name.partition(" (")[0]: figure.measured for figure in result.figures}


def bot(kind: type[Pretender] = Pretender, **how: Any) -> Pretender:
    return kind([KNOWN["answer/bill"]], **how)


def test_300_ms_added_to_each_answer_move_mouth_to_ear_by_300_ms(together: Together) -> None:
    prompt, late = together(turns(bot(delay_s=0.5)), turns(bot(delay_s=0.8)))
    assert late["mouth-to-ear p50"] - prompt["mouth-to-ear p50"] == pytest.approx(300, abs=120)
    assert (prompt["right answers"], late["right answers"]) == (100, 100)


def test_packets_lost_move_the_loss_and_tear_the_answers(together: Together) -> None:
    clean, torn = together(turns(bot()), turns(bot(Lossy)))
    assert clean["packets lost on the way to the callers"] == 0
    assert torn["packets lost on the way to the callers"] == pytest.approx(10, abs=6)


def test_frames_dropped_by_the_bot_itself_tear_the_answers_although_no_packet_is_lost(together: Together) -> None:
    clean, torn = together(turns(bot()), turns(bot(Skipping)))
    assert clean["answers heard whole"] == 100
    assert not torn["answers heard whole"] > 0
    assert torn["packets lost on the way to the callers"] == 0


def test_a_deaf_bot_moves_barge_in_from_quick_to_never(together: Together) -> None:
    found = together(*(barge_in(bot(yields_s=yields_s, delay_s=1.6)) for yields_s in (0.1, 0.5, None)))
    quick, slow, deaf = (figures["barge-in p95"] for figures in found)
    assert quick < slow < deaf
    assert slow - quick == pytest.approx(400, abs=200)
