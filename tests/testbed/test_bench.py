"""The command around the runs: exit status, JSON, refusals in one line; and SIGTERM ends what it started."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import typer

from voicebot.settings import Settings
from voicebot.testbed import bench, bench_command, bench_curve
from voicebot.testbed.rig import Target

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def test_numbers_of_calls_are_read() -> None:
    assert bench.counts("1, 2,50") == (1, 2, 50)


@pytest.mark.parametrize("text", ["", "1,,2", "0", "1;2", "ten", "-1"])
def test_what_is_no_number_of_calls_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="1,2,5,10"):
        bench.counts(text)


def test_the_curve_is_run_on_a_voicebot_that_takes_every_call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []

    @asynccontextmanager
    async def rig(overrides: Mapping[str, Any]) -> AsyncIterator[Target]:
        asked.append(overrides)
        yield Target(("127.0.0.1", 5060), Settings())

    async def curve(_own: Target, course: bench_curve.Course, _progress: object) -> list[bench_curve.Level]:
        asked.append(course)
        return [bench_curve.Level(2, 2.0, 40, 30, 450, 700, 100, 90, 0, 0, 1.2, 3.0, 1.1, 0.4, 30, 5, 0, 3)]

    monkeypatch.setattr(bench_command, "rig", rig)
    monkeypatch.setattr(bench_curve, "curve", curve)
    monkeypatch.setattr("sys.argv", ["bench", "calls", "--curve", "2", "--talk", "30", "--seconds", "20", "--json"])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == 0
    overrides, course = asked
    assert overrides["admission.calls"] >= 1_000
    assert (course.numbers, course.talk, course.seconds, len(course.questions)) == ((2,), 30, 20, bench.CURVE_WORDINGS)
    assert json.loads(capsys.readouterr().out)["curve"]["trials"][0]["calls"] == 2


def test_an_error_is_one_line_and_status_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "latency", "--at", "nowhere"])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "bench: 'nowhere' is no address; write host:port, such as 127.0.0.1:5060\n"


@pytest.mark.parametrize("command", ["latency", "calls", "barge-in", "backchannel", "pauses", "handover", "soak"])
def test_each_command_explains_itself(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["bench", command, "--help"])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == 0
    assert "--seed" in capsys.readouterr().out


def test_an_unknown_fault_is_refused_and_the_known_ones_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    monkeypatch.setattr("sys.argv", ["bench", "faults", "thunder"])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "no fault thunder" in told
    assert "control-half-open" in told
