"""Which voicebot each check is put to, what a failure costs, and that a name nobody knows is refused."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from typer.testing import CliRunner

from voicebot.errors import PbxError
from voicebot.settings import Settings
from voicebot.testbed import acceptance
from voicebot.testbed.acceptance import CHECKS, MANDARIN, Alone, Check, OnRig, OnTarget, Scale, Seeded
from voicebot.testbed.bench_figures import Figure, Result
from voicebot.testbed.rig import Rig, Target

Run = Callable[[Coroutine[Any, Any, Any]], Any]

PASSED = Result((Figure("wait", 500, "ms", 700),))
MISSED = Result((Figure("wait", 900, "ms", 700),))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Rigs that were started and ended, instead of real ones."""
    happened: list[str] = []

    @asynccontextmanager
    async def rig(overrides: Mapping[str, Any] | None = None) -> AsyncIterator[Rig]:
        number = happened.count("up")
        happened.append("up")
        happened.extend(overrides or ())
        yield cast(Rig, Target(("127.0.0.1", number), Settings()))
        happened.append("down")

    monkeypatch.setattr(acceptance, "rig", rig)
    return happened


def put_to(asked: list[tuple[int, int]], result: Result = PASSED) -> Callable[[Target, Scale], Coroutine[Any, Any, Result]]:
    async def run(target: Target, scale: Scale) -> Result:
        asked.append((target.address[1], scale.seed))
        return result

    return run


def checking(monkeypatch: pytest.MonkeyPatch, checks: Mapping[str, Check]) -> None:
    monkeypatch.setattr(acceptance, "CHECKS", checks)


async def measured(names: list[str], at: str | None = None) -> dict[str, Result]:
    return await acceptance.results(names, at, Scale(7), lambda _name, _result: None)


def test_every_check_of_the_issue_is_there() -> None:
    assert list(CHECKS) == [
        *("questions-ulaw", "questions-alaw", "turns-1", "turns-10", "barge-in", "backchannel", "pauses", "handover"),
        *("kill", "controller-down", "hangups", "soak", "silent", "curve", "whisper", "anger", "conversations-en", "conversations-zh", "errors"),
    ]


def test_checks_share_one_voicebot_but_faults_get_a_fresh_one(run: Run, started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    checking(monkeypatch, {"a": OnTarget(put_to(asked)), "b": OnRig(put_to(asked)), "c": OnRig(put_to(asked), fresh=True)})
    found = run(measured(["a", "b", "c", "a"]))
    assert asked == [(0, 7), (0, 7), (1, 7), (0, 7)]
    assert started == ["up", "up", "down", "down"]
    assert all(result.passed for result in found.values())


def test_a_fresh_voicebot_gets_the_settings_of_its_check(run: Run, started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    checking(monkeypatch, {"a": OnRig(put_to([]), fresh=True, settings={"turns.no_rtp_ms": 3_000})})
    run(measured(["a"]))
    assert started == ["up", "turns.no_rtp_ms", "down"]


def test_a_check_that_needs_none_starts_none(run: Run, started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def alone() -> Result:
        return PASSED

    checking(monkeypatch, {"errors": Alone(alone)})
    assert run(measured(["errors"])) == {"errors": PASSED}
    assert started == []


def test_a_voicebot_that_runs_already_is_called_where_it_is(run: Run, started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    checking(monkeypatch, {"a": OnTarget(put_to(asked)), "b": OnRig(put_to(asked))})
    found = run(measured(["a", "b"], at="127.0.0.1:5999"))
    assert asked == [(5999, 7)]
    assert started == []
    assert found["a"].passed
    assert "leave out --at" in found["b"].figures[0].name


def test_a_check_that_cannot_be_run_has_failed_and_the_others_go_on(run: Run, started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_rig: Rig, _scale: Scale) -> Result:
        raise ExceptionGroup("calls", [PbxError("Asterisk does not answer")])

    checking(monkeypatch, {"a": OnRig(broken, fresh=True), "b": OnTarget(put_to([]))})
    found = run(measured(["a", "b"]))
    assert not found["a"].passed
    assert math.isnan(found["a"].figures[0].measured)
    assert "Asterisk does not answer" in found["a"].figures[0].name
    assert found["b"].passed


def test_a_fault_of_the_check_itself_is_not_hidden(run: Run, started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def wrong(_rig: Rig, _scale: Scale) -> Result:
        raise ExceptionGroup("calls", [KeyError("answer/bill")])

    checking(monkeypatch, {"a": OnRig(wrong)})
    with pytest.raises(ExceptionGroup):
        run(measured(["a"]))


def command(*words: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.command()(acceptance.main)
    ended = CliRunner().invoke(app, words)
    return ended.exit_code, ended.stdout, ended.stderr


@pytest.mark.parametrize(("result", "status"), [(PASSED, 0), (MISSED, 1)])
def test_the_exit_status_is_the_verdict(result: Result, status: int, started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    checking(monkeypatch, {"a": OnTarget(put_to([], result)), "b": OnTarget(put_to([]))})
    code, out, told = command("a", "b", "--json")
    assert code == status
    assert [found["passed"] for found in json.loads(out).values()] == [result.passed, True]
    assert f"{1 + result.passed} of 2 checks passed" in told


def test_the_table_names_target_figure_and_verdict(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    checking(monkeypatch, {"a": OnTarget(put_to([], MISSED))})
    code, out, told = command()
    assert code == 1
    assert all(word in out for word in ("a: FAIL", "wait", "≤ 700 ms", "900 ms", "FAIL"))
    assert "failed: a" in told


def test_long_checks_are_as_long_as_asked_for(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Scale] = []

    async def run(_target: Target, scale: Scale) -> Result:
        asked.append(scale)
        return PASSED

    checking(monkeypatch, {"a": OnTarget(run)})
    command("a")
    command("a", "--seed", "3", "--soak-calls", "2000", "--curve", "1,50")
    assert asked == [Scale(1, 300, (1, 5, 10)), Scale(3, 2_000, (1, 50))]


def test_mandarin_is_among_all_checks_where_there_is_a_model(started: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Scale] = []

    async def run(scale: Scale) -> Result:
        asked.append(scale)
        return PASSED

    monkeypatch.chdir(tmp_path)
    checking(monkeypatch, {"conversations-en": Seeded(run), MANDARIN: Seeded(run)})
    command()
    assert asked == [Scale()]
    command("--mandarin", str(tmp_path), "--seed", "4")
    assert asked[1:] == [Scale(4, mandarin=tmp_path)] * 2
    assert started == []


def test_an_unknown_name_is_refused_with_the_names_there_are(started: list[str]) -> None:
    code, _, told = command("no-such-check")
    assert code == 2
    assert "no-such-check" in told
    assert started == []
