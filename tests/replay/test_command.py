"""`voicebot replay`: a folder of one's own calls in, a table and a page out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from voicebot.cli import app
from voicebot.dialogue.knowledge import load
from voicebot.errors import EvaluationError
from voicebot.replay.command import calls_in, replay
from voicebot.settings import DEMO_KNOWLEDGE, Settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calls")
    (folder / "one.txt").write_text("Caller: what are your opening hours\nAgent: nine to seven\n", encoding="utf-8")
    (folder / "day").mkdir()
    (folder / "day" / "two.json").write_text('["i want to talk to a person"]', encoding="utf-8")
    (folder / "notes.md").write_text("not a call", encoding="utf-8")
    return folder


def test_every_transcript_in_the_folder_is_replayed(folder: Path) -> None:
    version, found = asyncio.run(replay(folder, "en", Settings()))
    assert version == load(DEMO_KNOWLEDGE).version
    assert [(call.name, call.outcome) for call in found] == [("two", "escalated"), ("one", "contained")]
    assert found[1].turns[0].entry_id == "opening-hours"


def test_the_command_prints_a_table_and_writes_a_page(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(app, ["replay", str(folder)])
    assert ran.exit_code == 0, ran.output
    assert "contained                    1    50%" in ran.stdout
    assert "what are your opening hours" in (tmp_path / "replay.html").read_text(encoding="utf-8")
    told = json.loads(CliRunner().invoke(app, ["replay", str(folder), "--json", "--page", str(tmp_path / "p.html")]).stdout)
    assert {call["outcome"] for call in told} == {"contained", "escalated"}


def test_files_of_calls_are_found_at_any_depth(folder: Path) -> None:
    assert [path.name for path in calls_in(folder)] == ["two.json", "one.txt"]


def test_a_folder_without_calls_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"holds no calls; put recordings \(\.wav\) or transcripts \(\.txt, \.csv, \.json\) there"):
        asyncio.run(replay(tmp_path, "en", Settings()))
