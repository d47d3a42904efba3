"""From the command line to the figures: lines are combined, faults are one line, the real recogniser runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from voicebot.cli import app
from voicebot.commands import asr as asr_commands
from voicebot.commands.asr import _lines
from voicebot.errors import EvaluationError
from voicebot.evaluate.asr import Heard, Recording
from voicebot.evaluate.telephone import Line
from voicebot.testbed.random_whisper import build
from voicebot.values import Transcript

needs_flite = pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed; run scripts/setup")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["evaluate", "asr", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.txt").write_text("pay my bill")
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Line]:
    """Instead of a recogniser: notes the lines, and hears every word."""
    noted: dict[str, Line] = {}

    async def listen(_settings: Any, _language: str, found: list[Recording], lines: dict[str, Line]) -> dict[str, list[Heard]]:
        noted.update(lines)
        return {name: [Heard(one, Transcript(one.text, 0.9), 1_000, 1.0) for one in found] for name in lines}

    monkeypatch.setattr(asr_commands, "_listen", listen)
    return noted


def test_every_codec_meets_every_noise(folder: Path, asked: dict[str, Line]) -> None:
    noise = folder / "babble.wav"
    noise.touch()
    (folder / "babble.txt").write_text("")
    done = run(str(folder), "--noise", str(noise), "--snr", "20,5", "--echo", "-15", "--loss", "3", "--seed", "7", "--json")
    assert done.exit_code == 0
    assert list(asked) == [f"{codec}, babble {snr} dB, echo -15 dB, 3 % lost" for codec in ("alaw", "ulaw") for snr in (20, 5)]
    assert list(asked.values())[3] == Line("PCMU", 0.0, noise, 5.0, 0.03, -15.0, 120.0, None, 7)
    assert [one["word_error"] for one in json.loads(done.output)] == [0.0] * 4


def test_a_table_a_csv_and_pictures(folder: Path, asked: dict[str, Line]) -> None:
    done = run(str(folder), "--codec", "ulaw", "--out", str(folder / "o.csv"), "--plot", str(folder / "plots"))
    assert done.output.splitlines()[1].split()[:3] == ["ulaw", "1", "3"]
    assert "pay my bill" in (folder / "o.csv").read_text()
    assert (folder / "plots/errors.png").exists()
    assert list(asked) == ["ulaw"]


@pytest.mark.parametrize(
    ("codec", "noise", "snr", "told"),
    [
        ("gsm", None, "15", "no codec gsm; the codecs are alaw and ulaw"),
        ("ulaw", Path("none.wav"), "15", "none.wav: no such recording of noise"),
        ("ulaw", Path(__file__), "loud", "'loud' is no signal-to-noise ratio"),
    ],
)
def test_what_cannot_be_is_told(codec: str, noise: Path | None, snr: str, told: str) -> None:
    with pytest.raises(EvaluationError, match=told):
        _lines(codec, noise, snr, None, 0.0)


def test_a_language_without_a_recogniser_is_told(folder: Path) -> None:
    fault = run(str(folder), "--language", "fr").exception
    assert isinstance(fault, EvaluationError | ExceptionGroup)


@needs_flite
def test_the_recogniser_of_the_settings_hears_the_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Whisper of random weights understands nothing: what counts here is that it is the one that runs."""
    said = tmp_path / "said"
    said.mkdir()
    subprocess.run(["flite", "-voice", "rms", "-t", "pay my bill", "-o", str(said / "a.wav")], check=True)
    (said / "a.txt").write_text("pay my bill")
    monkeypatch.setenv("VOICEBOT_SPEECH__RECOGNISER", "whisper")
    monkeypatch.setenv("VOICEBOT_SPEECH__WHISPER_MODEL", str(build(tmp_path / "model")))
    monkeypatch.setenv("VOICEBOT_SPEECH__WHISPER_WINDOW_S", "4")
    monkeypatch.setenv("VOICEBOT_SPEECH__RECOGNISERS", "1")
    done = run(str(said), "--codec", "alaw", "--json")
    assert done.exit_code == 0
    (found,) = json.loads(done.output)
    assert (found["line"], found["recordings"], found["faults"]) == ("alaw", 1, 0)
