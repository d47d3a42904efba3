"""Calls in which nobody speaks, held up against a phone that never answers: half silence, half music, called again when let go."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

import numpy as np
import pytest

from tests.kit.pretender import Pretended, Pretender, pretending
from voicebot.testbed import audio, bench_silent
from voicebot.testbed.bench_figures import Result
from voicebot.testbed.bench_silent import music, silent
from voicebot.testbed.call import Call
from voicebot.testbed.processes import Process
from voicebot.testbed.rig import Rig

Run = Callable[[Coroutine[Any, Any, Any]], Any]
LAG = 'voicebot_loop_lag_seconds_bucket{le="%s"}'


class Listener(Pretender):
    """Answers and says nothing."""

    async def _talk(self, call: Call) -> None:
        await call.answer()
        await call.wait_ended()


class Stand(Pretended):
    """A voicebot that listens to `up` calls; `busy` is the share of a core its controller uses, `lag` the edge of its loop's lag, in seconds."""

    def __init__(self, port: int, up: int, busy: float, lag: str) -> None:
        super().__init__(port, {})
        self.up, self.busy, self.lag = up, busy, lag
        self.looks = 0
        self.let_go = ""

    def processes(self) -> tuple[Process, ...]:
        return (Process(3, 1, "python -m voicebot serve", self.busy * time.monotonic()),)

    async def metrics(self) -> dict[str, float]:
        self.looks += 1
        return {LAG % "0.001": 0.0, LAG % self.lag: 10.0 * self.looks, LAG % "+Inf": 10.0 * self.looks}

    async def calls_in_progress(self) -> int:
        return self.up

    async def console(self, _command: str) -> str:
        return f"PJSIP/x!voicebot-handover!s!1!Up!Queue!support!{self.let_go}!!!3!\n"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_silent, "DIALS_PER_S", 20)
    monkeypatch.setattr(bench_silent, "GREETING_S", 0.6)
    monkeypatch.setattr(bench_silent, "POLL_S", 0.1)


async def listened(count: int = 4, up: int = 4, busy: float = 0.004, lag: str = "0.01") -> tuple[Result, Listener]:
    listener = Listener([])
    async with pretending(listener) as target:
        stand = Stand(target.address[1], up, busy, lag)
        return await silent(cast(Rig, stand), count, 1.0, lambda _told: None), listener


def verdicts(result: Result) -> dict[str, bool | None]:
    return {figure.name: figure.passed for figure in result.figures if figure.bar is not None}


def test_a_voicebot_that_listens_cheaply_passes(run: Run) -> None:
    result, _ = run(listened())
    assert verdicts(result) == {"calls with the bot at any moment, at least": True, "CPU per call, controller": True, "loop lag p99": True}
    figures = {figure.name: figure.measured for figure in result.figures}
    assert figures["CPU per call, controller"] == pytest.approx(0.1, rel=0.2)
    assert figures["loop lag p99"] == 10
    assert figures["CPU per call, phones of the test bed"] > 0


@pytest.mark.parametrize(
    ("how", "missed"),
    [
        ({"busy": 0.04}, "CPU per call, controller"),
        ({"lag": "0.03"}, "loop lag p99"),
        ({"up": 3}, "calls with the bot at any moment, at least"),
    ],
)
def test_each_planted_defect_moves_its_figure_alone(how: dict[str, Any], missed: str, run: Run) -> None:
    result, _ = run(listened(**how))
    assert [name for name, passed in verdicts(result).items() if not passed] == [missed]


def test_half_of_the_lines_play_music_the_others_are_silent(run: Run) -> None:
    _, listener = run(listened())
    loud = [call.heard.onset_s() is not None for call in listener.calls]
    assert sorted(loud) == [False, False, True, True]


def test_who_is_let_go_calls_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter(f"555{number}" for number in range(100))
    monkeypatch.setattr(bench_silent, "new_number", lambda: next(numbers))

    async def scenario() -> tuple[Result, Listener]:
        listener = Listener([])
        async with pretending(listener) as target:
            stand = Stand(target.address[1], 2, 0.004, "0.01")
            stand.let_go = "5550"
            return await silent(cast(Rig, stand), 2, 1.0, lambda _told: None), listener

    _, listener = run(scenario())
    assert len(listener.calls) == 3


def test_the_music_is_that_of_our_queue_at_telephone_rate() -> None:
    found = music()
    assert len(found) == 16 * audio.RATE_HZ
    assert np.mean(audio.voiced(found)) > 0.9
