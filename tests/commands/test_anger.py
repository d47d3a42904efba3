"""`voicebot evaluate words` and `voicebot evaluate calls` as a person runs them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.evaluate.test_calls import FOUND
from voicebot.cli import app
from voicebot.evaluate import calls, calls_report

RUN = CliRunner()


def test_words_on_the_sentences_that_nothing_was_trained_on() -> None:
    done = RUN.invoke(app, ["evaluate", "words"])
    assert done.exit_code == 0
    assert "polite_anger" in done.output
    assert "zh" in done.output


def test_words_on_a_list_with_scores_and_reasons(tmp_path: Path) -> None:
    given, out = tmp_path / "list.csv", tmp_path / "out.csv"
    given.write_text("text,label\nthis is ridiculous,anger\nhello there,other\n", "utf-8")
    done = RUN.invoke(app, ["evaluate", "words", "--list", str(given), "--out", str(out), "--json"])
    assert done.exit_code == 0
    [figures] = json.loads(done.output)["figures"]
    assert (figures["recordings"], figures["auc_all"]) == (2, 1.0)
    with out.open(encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert float(first["score"]) > float(second["score"])
    assert first["evidence"] == "said 'ridiculous'"


def test_calls_are_called_a_simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("path,speaker,label,kind,language,text,baseline\na.wav,one,anger,anger,en,,0\n", "utf-8")
    monkeypatch.setattr(calls_report, "RESAMPLES", 10)
    monkeypatch.setattr(calls, "recordings", lambda *_: FOUND)
    done = RUN.invoke(app, ["evaluate", "calls", "--manifest", str(manifest), "--calls", "4"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("SIMULATION")
    parsed = json.loads(RUN.invoke(app, ["evaluate", "calls", "--manifest", str(manifest), "--calls", "4", "--json"]).output)
    assert parsed["simulation"] is True
    assert {rate["system"] for rate in parsed["rates"]} == {"fused", "voice alone", "words alone"}
