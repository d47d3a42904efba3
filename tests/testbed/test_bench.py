"""The command around the runs: exit status, JSON, refusals in one line; and SIGTERM ends what it started."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from voicebot.errors import KnowledgeError
from voicebot.settings import Settings
from voicebot.testbed import bench, bench_curve
from voicebot.testbed.bench_figures import Figure, Result
from voicebot.testbed.rig import Target

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def target() -> Target:
    return Target(("127.0.0.1", 5060), Settings())


async def given(result: Result) -> Result:
    return result


def test_a_result_is_a_table_and_status_zero(capsys: pytest.CaptureFixture[str]) -> None:
    bench.show("latency", lambda: given(Result((Figure("wait", 500, "ms", 700),))), as_json=False)
    assert "500 ms" in capsys.readouterr().out


def test_a_missed_bar_is_status_one_and_the_json_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        bench.show("latency", lambda: given(Result((Figure("wait", 900, "ms", 700),))), as_json=True)
    assert ended.value.exit_code == 1
    assert json.loads(capsys.readouterr().out)["latency"]["figures"][0]["passed"] is False


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
        yield target()

    async def curve(_own: Target, course: bench_curve.Course, _progress: object) -> list[bench_curve.Level]:
        asked.append(course)
        return [bench_curve.Level(2, 2.0, 40, 30, 450, 700, 100, 90, 0, 0, 1.2, 3.0, 1.1, 0.4, 30, 5, 0, 3)]

    monkeypatch.setattr(bench, "rig", rig)
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


def test_questions_are_drawn_from_unseen_wordings_or_from_the_knowledge_base_or_a_file(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("entry_id,wording\nopening-hours,when are you there\n", encoding="utf-8")
    unseen = {question.text for question in bench.drawn(target(), 30, 1)}
    known = {question.text for question in bench.drawn(target(), 30, 1, Path("kb"))}
    assert len(unseen) == len(known) == 30
    assert not unseen & known
    assert {question.text for question in bench.drawn(target(), 3, 1, own)} == {"when are you there"}
    assert {question.codec for question in bench.drawn(target(), 30, 1, codecs=("PCMA",))} == {"PCMA"}


def test_a_wording_without_an_entry_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("entry_id,wording\nno-such-entry,what\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"own\.csv: no entry no-such-entry"):
        bench.drawn(target(), 1, 1, own)


def test_a_target_by_address_is_called_there(run: Run) -> None:
    async def address() -> tuple[str, int]:
        async with bench.target_at("127.0.0.1:5999") as found:
            return found.address

    assert run(address()) == ("127.0.0.1", 5999)


def test_sigterm_lets_what_runs_clean_up() -> None:
    cleaned: list[str] = []

    async def long() -> None:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(30)
        finally:
            cleaned.append("up")

    with pytest.raises(typer.Exit) as ended:
        bench.finished(long())
    assert ended.value.exit_code == 143
    assert cleaned == ["up"]


def test_progress_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    bench.progress("call 1 of 2")
    assert capsys.readouterr() == ("", "  call 1 of 2\n")


def test_an_unknown_fault_is_refused_and_the_known_ones_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    monkeypatch.setattr("sys.argv", ["bench", "faults", "thunder"])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "no fault thunder" in told
    assert "control-half-open" in told
