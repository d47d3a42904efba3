"""The commands around the knowledge base, as a lead uses them; `check` and `ask` stand in test_cli."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from voicebot.cli import app
from voicebot.errors import KnowledgeError
from voicebot.settings import DEMO_KNOWLEDGE

ENTRY = """---
id: {name}
language: en
title: {name}
questions:
  - what about {name}
  - tell me about {name}
  - i need {name}
short: About {name}.
{more}
---
{name} is free.
"""


def voicebot(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def write(kb: Path, name: str, more: str = "tags: [a]") -> None:
    (kb / "en").mkdir(parents=True, exist_ok=True)
    (kb / "en" / f"{name}.md").write_text(ENTRY.format(name=name, more=more), encoding="utf-8")


@pytest.fixture
def kb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kb"
    write(folder, "roaming", "tests:\n  - is roaming on")
    write(folder, "parking")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEBOT_KB__FOLDER", str(folder))
    return folder


def test_promised_questions_that_find_their_entry_pass(kb: Path) -> None:
    ran = voicebot("kb", "test")
    assert (ran.exit_code, ran.stdout.partition(",")[0]) == (0, "1 of 1 questions find their entry")


def test_a_promised_question_that_finds_another_entry_fails_and_is_told(kb: Path) -> None:
    write(kb, "parking", "tests:\n  - is there any roaming")
    ran = voicebot("kb", "test", kb)
    assert ran.exit_code == 1
    assert "en/parking: 'is there any roaming' finds roaming " in ran.stdout
    assert "1 of 2 questions" in ran.stdout
    told = json.loads(voicebot("kb", "test", "--json").stdout)
    assert [(one["entry_id"], one["kept"]) for one in told] == [("parking", False), ("roaming", True)]


def test_the_demo_keeps_its_promises() -> None:
    ran = voicebot("kb", "test", DEMO_KNOWLEDGE)
    assert ran.exit_code == 0, ran.stdout
    assert int(ran.stdout.split(" of ")[0]) >= 50


def test_an_entry_of_another_season_is_neither_asked_nor_tested(kb: Path) -> None:
    write(kb, "roaming", "valid_until: 2020-01-01\ntests:\n  - is roaming on")
    assert "0 of 0 questions" in voicebot("kb", "test").stdout
    assert [one["entry_id"] for one in json.loads(voicebot("kb", "ask", "is roaming on", "--json").stdout)] == ["parking"]


def test_an_import_is_written_and_can_be_asked(kb: Path, tmp_path: Path) -> None:
    (tmp_path / "faq.csv").write_text("question,answer\nwhere is the lift,Behind the stairs.\n", encoding="utf-8")
    ran = voicebot("kb", "import", tmp_path / "faq.csv")
    assert ran.stdout.split() == [str(kb / "en" / "where-is-the-lift.md")]
    assert voicebot("kb", "check").exit_code == 0
    assert json.loads(voicebot("kb", "ask", "where is the lift", "--json").stdout)[0]["entry_id"] == "where-is-the-lift"
    again = voicebot("kb", "import", tmp_path / "faq.csv")
    assert isinstance(again.exception, KnowledgeError)


def test_stats_name_what_to_look_at(kb: Path) -> None:
    shown = voicebot("kb", "stats").stdout
    assert "entries         2\n" in shown
    assert "untested        1  parking\n" in shown
    told = json.loads(voicebot("kb", "stats", kb, "--json").stdout)
    assert told["languages"][0]["few_questions_ids"] == ["parking", "roaming"]
    assert told["version"] in shown
