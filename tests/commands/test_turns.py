"""`voicebot evaluate turns`: what it prints, and when it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from voicebot.cli import app
from voicebot.evaluate import turn_run
from voicebot.evaluate.turn_run import Found
from voicebot.evaluate.turns import Turn
from voicebot.speech.completeness import Completeness
from voicebot.testbed.overlap import Noted

FRAMES = tuple((25 <= at < 75, False) for at in range(200))


def evaluated(monkeypatch: pytest.MonkeyPatch, verdict: Completeness, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    asked: dict[str, Any] = {}

    async def run(_settings: Any, language: str, source: Path | None, **options: Any) -> Found:
        asked.update(options, language=language, source=source)
        return Found((Turn("a", 0, 1_500, Noted(FRAMES, ((1_760, 1_500, verdict),))),), {"missed_barge_ins": 1})

    monkeypatch.setattr(turn_run, "run", run)
    done = CliRunner().invoke(app, ["evaluate", "turns", *arguments])
    return done.exit_code, done.stdout, asked


def test_the_options_reach_the_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = ("--codec", "alaw", "--loss", "5", "--seed", "7", "--snr", "10", "--echo", "-12", "--trials", "9", "--language", "zh")
    _, _, asked = evaluated(monkeypatch, Completeness.COMPLETE, str(tmp_path), *told)
    line, echo = asked["line"], asked["echo"]
    assert (line.codec, line.loss, line.seed, line.snr_db) == ("PCMA", 0.05, 7, 10)
    assert (echo.db, echo.late_ms, asked["trials"], asked["language"], asked["source"]) == (-12, 120, 9, "zh", tmp_path)


def test_within_the_goal_it_succeeds_and_past_it_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluated(monkeypatch, Completeness.COMPLETE)[0] == 0
    code, told, _ = evaluated(monkeypatch, Completeness.HANGING)
    assert code == 1
    assert "fixed 1300 ms" in told
    assert "missed barge ins" in told


def test_json_and_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, told, _ = evaluated(monkeypatch, Completeness.COMPLETE, "--json", "--plot", str(tmp_path))
    found = json.loads(told)
    assert found["over_the_bot"] == {"missed_barge_ins": 1}
    assert {point["name"] for point in found["points"]} >= {"adaptive × 1", "fixed 600 ms"}
    assert (tmp_path / "turns.png").exists()
