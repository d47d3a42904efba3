"""The curve and its knee: from made-up levels, and from a level really played against a phone that answers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Coroutine
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from tests.kit.pretender import Pretended, Pretender, pretending, voice
from voicebot.testbed import audio, bench_curve, bench_runs, chatter, g711, measure, scenario
from voicebot.testbed.bench_curve import Course, Level, curve, highest_that_holds, knee, result, shown
from voicebot.testbed.bench_figures import to_json
from voicebot.testbed.g711 import Samples
from voicebot.testbed.processes import Process
from voicebot.testbed.questions import Question
from voicebot.testbed.recording import Packet, Recording
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import Exchange

Run = Callable[[Coroutine[Any, Any, Any]], Any]
KNOWN = {"answer/bill": voice(1, 4.0), "answer/data": voice(2, 4.0)}
BILL = Question("bill", "where is my bill", "flite:rms", "PCMU")
GOOD = Level(1, 1.0, 40, 30, 450, 700, 100, 90, 0, 0, 1.2, 3.0, 1.1, 0.4, 30, 5, 0, 3)


def levels(*points: tuple[int, float, float]) -> list[Level]:
    """From calls, p95 and right answers."""
    return [replace(GOOD, calls=calls, connected=float(calls), p95_ms=p95_ms, right=right) for calls, p95_ms, right in points]


@pytest.mark.parametrize(
    ("points", "too_many", "holds", "rule"),
    [
        ([(1, 700, 90), (10, 900, 90), (20, 1_500, 80)], None, 20, "none"),
        ([(1, 700, 90), (10, 900, 90), (20, 1_501, 90)], 20, 10, "p95"),
        ([(1, 700, 90), (10, 900, 79), (20, 1_600, 70)], 10, 1, "right answers"),
        ([(1, 1_600, 90), (10, 900, 90)], 1, 0, "p95"),
        ([(1, 700, 90), (5, math.nan, 0)], 5, 1, "p95"),
        ([(1, 700, 90), (5, 1_600, 90), (10, 900, 90)], 5, 1, "p95"),
    ],
)
def test_the_knee_is_the_first_number_of_calls_that_is_too_many(
    points: list[tuple[int, float, float]], too_many: int | None, holds: int, rule: str
) -> None:
    found, why = knee(levels(*points))
    assert found == too_many
    assert rule in why
    assert highest_that_holds(levels(*points)) == holds


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"connected": 8.9}, "less than 90 % of the calls were up"),
        ({"connected": math.nan}, "less than 90 %"),
        ({"failed": 1}, "calls failed"),
        ({"p95_ms": math.inf}, "p95"),
    ],
)
def test_calls_that_were_not_up_or_failed_are_too_many(wrong: dict[str, Any], rule: str) -> None:
    one, ten = levels((1, 700, 90), (10, 900, 90))
    assert knee([one, replace(ten, connected=9.0)])[0] is None
    found, why = knee([one, replace(ten, **wrong)])
    assert (found, highest_that_holds([one, replace(ten, **wrong)])) == (10, 1)
    assert rule in why


def exchange(reply_s: float | None, until_s: float = 20.0) -> Exchange:
    """A question whose last word left at 10 s, and a reply so much later."""
    heard = Recording()
    silence, sound = audio.silence(audio.FRAME_S), voice(1, 4.0)
    for number in range(round(until_s / audio.FRAME_S)):
        spoken = round((number * audio.FRAME_S - 10 - (reply_s or 0)) * audio.RATE_HZ)
        frame = sound[spoken : spoken + audio.FRAME_SAMPLES] if reply_s is not None and 0 <= spoken < len(sound) - audio.FRAME_SAMPLES else silence
        heard.note(Packet(number * audio.FRAME_S, 0, number, number * audio.FRAME_SAMPLES, 1, g711.encode(frame, "PCMU")))
    return Exchange(BILL, 10.0, until_s, heard)


@pytest.mark.parametrize(
    ("reply_s", "until_s", "cut_s", "counted"),
    [
        (0.6, 14.0, 15.0, True),
        (None, 14.0, 15.0, True),
        (None, 20.0, 12.0, True),
        (1.7, 20.0, 12.0, True),
        (None, 20.0, 11.0, False),
        (0.6, 20.0, 12.0, False),
    ],
)
def test_a_question_counts_when_it_is_over_at_the_cut_or_overdue(reply_s: float | None, until_s: float, cut_s: float, *, counted: bool) -> None:
    """What was replied to, and then cut before it could be told what the reply is, tells nothing."""
    one = exchange(reply_s, until_s)
    assert bench_curve.counts(one, (5.0, cut_s)) is counted
    assert not bench_curve.counts(one, (10.5, cut_s))


@pytest.mark.parametrize(
    ("said", "reply_s", "waited_ms"),
    [
        (("answer/bill",), 0.5, 640.0),
        (("prompt/say_again",), 0.5, 500.0),
        ((), 0.5, 500.0),
        (("prompt/one_moment",), 0.5, math.inf),
        ((), None, math.inf),
    ],
)
def test_what_nobody_replied_to_is_infinitely_late(said: tuple[str, ...], reply_s: float | None, waited_ms: float) -> None:
    phrases = tuple(measure.Phrase(name, 10.5, 2.0) for name in said)
    turn = bench_runs.Turn(BILL, phrases, 640.0 if phrases and phrases[0].entry_id else math.inf)
    assert bench_curve.reply_ms(turn, exchange(reply_s)) == pytest.approx(waited_ms, abs=30)


def test_few_calls_are_measured_for_longer_so_that_enough_is_asked() -> None:
    course = Course((1, 10), 40, 60.0, ())
    assert course.length_s(1) >= bench_curve.LEAST_TURNS * 2
    assert course.length_s(10) == 60


def test_phones_that_sent_late_make_a_level_doubtful() -> None:
    figures = result([GOOD, replace(GOOD, calls=50, phones_late_ms=45)]).figures
    assert [("doubtful" in figure.name) for figure in figures if "p95" in figure.name] == [False, True]


def test_the_curve_is_a_table_and_json() -> None:
    written = StringIO()
    Console(file=written, width=250).print(shown(levels((1, 700, 90), (20, 2_345, 70))))
    assert "2,345" in written.getvalue()
    found = json.loads(to_json({"curve": result(levels((1, 700, 90), (20, 2_345, 70)))}))["curve"]
    assert found["trials"][1]["p95_ms"] == 2_345
    assert set(found["trials"][0]) == set(asdict(GOOD))
    assert found["figures"][0] == {"name": "calls below the knee", "measured": 1, "unit": "", "target": "", "passed": None}


# A level, played.


class Stand(Pretended):
    """A voicebot whose controller uses 10 ms of CPU between two looks, and whose recogniser is 30 ms late."""

    cpu_s = 0.0

    def processes(self) -> tuple[Process, ...]:
        self.cpu_s += 0.01
        return (Process(3, 1, "python -m voicebot serve", self.cpu_s),)

    async def metrics(self) -> dict[str, float]:
        return {"voicebot_recogniser_backlog_seconds": 0.03}

    async def console(self, _command: str) -> str:
        return ""


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    async def spoken(_text: str, _voice: str, _cache: Path) -> Samples:
        return voice(7, 0.8)

    monkeypatch.setattr(bench_curve, "synth", spoken)
    monkeypatch.setattr(bench_curve, "LEAST_TURNS", 0)
    monkeypatch.setattr(bench_curve, "GREETING_S", 1.5)
    monkeypatch.setattr(bench_curve, "DIALS_PER_S", 20)
    monkeypatch.setattr(chatter, "HEARD_S", 1.3)
    monkeypatch.setattr(scenario, "SPOKEN_OUT_S", 0.5)


async def level(replies: list[Samples], calls: int = 2, seconds: float = 6.0, **behaviour: Any) -> Level:
    async with pretending(Pretender(replies, **behaviour), KNOWN) as target:
        stand = Stand(target.address[1], KNOWN)
        [found] = await curve(cast(Rig, stand), Course((calls,), 30, seconds, (BILL,)), lambda _told: None)
    return found


def test_a_level_tells_what_callers_heard_and_what_it_took(run: Run) -> None:
    found = run(level([KNOWN["answer/bill"]], delay_s=0.5))
    assert found.calls == 2
    assert found.connected == pytest.approx(2, abs=0.1)
    assert found.talk == pytest.approx(30, abs=8)
    assert found.turns >= 2
    assert found.p50_ms == pytest.approx(500, abs=150)
    assert (found.answered, found.right) == (100, 100)
    assert (found.handed_over, found.failed) == (0, 0)
    assert found.controller == pytest.approx(100 * 0.01 / 12, abs=0.03)
    assert found.backlog_ms == 30
    assert found.phones > 0
    assert 0 < found.machine <= 101, "its ticks are read a moment apart"


def test_a_planted_delay_moves_the_curve_by_as_much(together: Callable[..., list[Level]]) -> None:
    prompt, slow = together(*(level([KNOWN["answer/bill"]], delay_s=delay_s) for delay_s in (0.4, 1.0)))
    assert slow.p50_ms - prompt.p50_ms == pytest.approx(600, abs=200)


def test_a_bot_that_says_nothing_shows_in_p95(run: Run) -> None:
    found = run(level([KNOWN["answer/bill"]], delay_s=30.0, calls=1))
    assert found.turns >= 1
    assert (found.p50_ms, found.p95_ms, found.answered) == (math.inf, math.inf, 0)


def test_wrong_answers_show(run: Run) -> None:
    found = run(level([KNOWN["answer/data"]], delay_s=0.3, calls=1))
    assert (found.answered, found.right) == (100, 0)


def test_callers_ask_the_same_questions_in_orders_of_their_own() -> None:
    spoken = [scenario.Spoken(replace(BILL, text=str(number)), audio.silence(0.1)) for number in range(9)]
    one, other = ([next(each).question.text for _ in range(9)] for each in (bench_curve._questions(spoken, seed) for seed in (1, 2)))
    assert one != other
    assert sorted(one) == sorted(other)
