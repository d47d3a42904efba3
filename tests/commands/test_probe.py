"""`voicebot probe` as a command: exit status, one line, a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from voicebot.cli import app
from voicebot.errors import VoicebotError
from voicebot.testbed import probe as probing
from voicebot.testbed.probe import Probed
from voicebot.testbed.questions import Question
from voicebot.testbed.rig import Target

WELL = Probed("100", "hours", 9.0, 4.0, 0.7)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[str, int], str, str]]:
    """What was asked where; the answer is as the last one put into `OUTCOME`."""
    calls: list[tuple[tuple[str, int], str, str]] = []

    async def probe(target: Target, hotline: str, question: Question, _cache: Path) -> Probed:
        calls.append((target.address, hotline, question.entry_id))
        return replace(WELL, hotline=hotline, wanted=question.entry_id, why="486 Busy Here" if hotline == "200" else "")

    monkeypatch.setattr(probing, "probe", probe)
    return calls


def test_a_good_call_is_one_line_and_status_0(asked: list[object], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["probe", "--entry", "bill-copy", "--at", "127.0.0.9:5070", "--textfile", str(tmp_path / "x.prom")])
    assert (done.exit_code, done.output) == (0, "100: greeted, and bill-copy answered after 0.7 s\n")
    assert asked == [(("127.0.0.9", 5070), "100", "bill-copy")]
    assert 'voicebot_probe_success{hotline="100"} 1.0' in (tmp_path / "x.prom").read_text()


def test_a_bad_call_is_an_error_after_its_figures_were_written(asked: list[object], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["probe", "--hotline", "200", "--textfile", str(tmp_path / "x.prom")])
    assert isinstance(done.exception, VoicebotError)
    assert str(done.exception) == "probe of 200: 486 Busy Here"
    assert 'voicebot_probe_success{hotline="200"} 0.0' in (tmp_path / "x.prom").read_text()
    assert len(asked) == 1


def test_json_says_all_and_still_fails(asked: list[object]) -> None:
    done = CliRunner().invoke(app, ["probe", "--hotline", "200", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.output)["failed"] == "486 Busy Here"
    assert len(asked) == 1


def test_an_unknown_hotline_is_refused(asked: list[object]) -> None:
    done = CliRunner().invoke(app, ["probe", "--hotline", "999"])
    assert str(done.exception) == "999: no such hotline; there are 100, 200"
    assert asked == []
