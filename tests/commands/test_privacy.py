"""`voicebot privacy` as it is typed: asks before it erases, writes for the owner alone, obeys the terms of the settings."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from voicebot.commands.privacy import evaluate_redaction, privacy, terms_days
from voicebot.evaluate import redaction
from voicebot.privacy.redact import Redacted
from voicebot.settings import Retention, Settings
from voicebot.store.blanking import Kept
from voicebot.store.events import CallAnswered, CallerSpoke, CallStarted, NoticeGiven
from voicebot.store.journal import Journal

Run = Callable[..., Result]
NUMBER = "0201555777"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a folder with one call of 500 days ago in its journal."""
    monkeypatch.chdir(tmp_path)
    url = "sqlite+aiosqlite:///journal.db"
    Path("voicebot.toml").write_text(f'[store]\nurl = "{url}"\n[retention]\nwords_days = 365\nnumber_days = 0\n')
    asyncio.run(_called(url))

    def running(*arguments: str, asked: str = "") -> Result:
        return CliRunner().invoke(privacy, list(arguments), input=asked)

    return running


async def _called(url: str) -> None:
    journal = await Journal.open(url, Path("spool"))
    async with asyncio.TaskGroup() as scope:
        writing = scope.create_task(journal.run())
        begun = CallStarted(NUMBER, "100", "en", "PJSIP/a-1", datetime.now(UTC) - timedelta(days=500))
        record = journal.call("c1", begun)
        for event in (CallAnswered(), NoticeGiven(False), CallerSpoke("quicksilver", 0.9, 0, 900)):
            record.append(1_000, event)
        record.seal(2_000, "contained", "bot")
        await journal.close()
        await writing


def test_erasing_asks_first(run: Run) -> None:
    assert run("erase", NUMBER, asked="n\n").exit_code == 1
    assert "quicksilver" in _journal()
    assert "1 calls blanked" in run("erase", NUMBER, asked="y\n").output
    assert "quicksilver" not in _journal()


def test_an_export_is_for_the_owner_alone(run: Run) -> None:
    assert run("export", NUMBER, "--out", "all.json").exit_code == 0
    assert stat.S_IMODE(Path("all.json").stat().st_mode) == 0o600
    assert json.loads(Path("all.json").read_text())[0]["call_id"] == "c1"


def test_a_hold_is_obeyed_and_audited(run: Run) -> None:
    run("hold", NUMBER, "--why", "case 7")
    assert run("erase", NUMBER, "--yes").exception is not None
    run("release", NUMBER)
    assert run("erase", NUMBER, "--yes").exit_code == 0
    told = [line.split()[3:5] for line in run("audit").output.splitlines()]
    assert [words[0] for words in told] == ["erase", "release", "hold"]


def test_expiry_follows_the_settings(run: Run) -> None:
    assert run("expire").exit_code == 0
    assert "quicksilver" not in _journal()
    assert NUMBER in _journal()


def test_a_term_of_zero_is_for_ever() -> None:
    settings = Settings(retention=Retention(audio_days=0, words_days=3))
    assert terms_days(settings) == {Kept.WORDS: 3, Kept.SCORES: 365, Kept.NUMBER: 730}


def test_redaction_is_measured_and_a_leak_is_an_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    app.command()(evaluate_redaction)
    good = CliRunner().invoke(app, ["--count", "200", "--json"])
    assert (good.exit_code, json.loads(good.output)["secrets"]) == (0, 100)
    monkeypatch.setattr(redaction, "redact", Redacted)
    bad = CliRunner().invoke(app, ["--count", "200"])
    assert bad.exit_code == 1
    assert "100 of 100 secrets left" in bad.output


def _journal() -> str:
    return b"".join(path.read_bytes() for path in Path().glob("journal.db*")).decode("latin-1")
