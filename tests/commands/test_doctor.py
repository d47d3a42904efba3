"""The report is a table or JSON, and its exit status says whether the bot can run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from voicebot.cli import app
from voicebot.doctor import Finding, Standing
from voicebot.doctor.jobs import JOBS
from voicebot.doctor.machine import MACHINE
from voicebot.settings import Settings

LOWER = Finding("voice (en)", Standing.LOWER, "flite", "a machine", 'set [speech] voices = "x"')
BROKEN = Finding("disk", Standing.BROKEN, "0.1 GB free")


def checks(*findings: Finding) -> dict[str, Any]:
    def check(_settings: Settings) -> Iterator[Finding]:
        yield from findings

    return {"all": check}


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts findings in the place of the machine."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr("voicebot.doctor.machine.MACHINE", {})
    return lambda *findings: monkeypatch.setattr("voicebot.doctor.jobs.JOBS", checks(*findings))


def test_a_person_sees_a_table(looked_at: Any) -> None:
    looked_at(LOWER)
    shown = CliRunner().invoke(app, ["doctor"])
    assert shown.exit_code == 0
    assert 'set [speech] voices = "x"' in shown.output
    assert "a machine" in shown.output


def test_a_program_gets_json_and_the_status_says_what_is_broken(looked_at: Any) -> None:
    looked_at(LOWER, BROKEN)
    shown = CliRunner().invoke(app, ["doctor", "--json"])
    assert shown.exit_code == 1
    assert json.loads(shown.output)[1] == {"job": "disk", "standing": "broken", "rung": "0.1 GB free", "costs": "", "climb": ""}


def test_this_machine_can_be_looked_at(tmp_path: Path) -> None:
    """Whatever it lacks: each job and each part has its line, and every line that is not the best says how to climb."""
    looked = subprocess.run([sys.executable, "-m", "voicebot", "doctor", "--json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    found = json.loads(looked.stdout)
    assert looked.returncode == any(one["standing"] == "broken" for one in found)
    assert {one["job"].partition(" (")[0] for one in found} >= {*JOBS, *MACHINE}
    assert all(one["climb"] or "; " in one["rung"] for one in found if one["standing"] != "best")
    assert list(tmp_path.iterdir()) == [], "looking leaves nothing behind"


def test_no_check_has_two_names() -> None:
    assert not JOBS.keys() & MACHINE.keys()
