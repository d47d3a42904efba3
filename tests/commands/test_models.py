"""What a person sees of the weights: the list, the fetching, the verdict, the place."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from voicebot import models
from voicebot.cli import app
from voicebot.commands import models as model_commands
from voicebot.errors import ModelError
from voicebot.models import File, Model

DATA = b"weights"
MODELS = (
    Model("tiny", "whisper", ("small",), ("en", "zh"), "a/tiny", "0" * 40, "MIT", (File("model.bin", 7, hashlib.sha256(DATA).hexdigest()),), "first"),
    Model("voice", "piper", (), ("en",), "a/voice", "0" * 40, "MIT", (File("x/voice.onnx"),)),
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without models, and a folder of them to fetch from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(models, "read", lambda: MODELS)
    monkeypatch.setenv("VOICEBOT_MODELS__MIRROR", str(tmp_path / "usb"))
    monkeypatch.setenv("COLUMNS", "200")
    for path, data in (("usb/tiny/model.bin", DATA), ("usb/voice/voice.onnx", b"voice")):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(data)
    return tmp_path


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["models", *arguments])


def test_the_list_shows_what_there_is_and_what_is_here() -> None:
    shown = run("list").output
    assert "tiny" in shown
    assert "missing" in shown
    run("pull", "small")
    assert json.loads(run("list", "--json").output) == [
        {"name": "tiny", "engine": "whisper", "tiers": ["small"], "languages": ["en", "zh"], "bytes": 7, "licence": "MIT", "state": "whole"},
        {"name": "voice", "engine": "piper", "tiers": [], "languages": ["en"], "bytes": None, "licence": "MIT", "state": "missing"},
    ]


def test_a_size_that_is_not_known_is_said_so() -> None:
    assert [model_commands.megabytes(model) for model in MODELS] == ["0 MB", "unknown"]


def test_a_pull_says_what_to_set() -> None:
    done = run("pull")
    assert done.exit_code == 0
    assert '[speech] whisper_model = "tiny"' in done.output
    assert Path("models/tiny/model.bin").read_bytes() == DATA
    assert run("pull", "voice").output.strip() == 'voice: [speech.voices] en = "voice"'


def test_a_name_nobody_knows_is_refused() -> None:
    assert isinstance(run("pull", "huge").exception, ModelError)
    assert isinstance(run("path", "huge").exception, ModelError)


def test_verify_finds_what_is_broken() -> None:
    assert run("verify").output.startswith("no model of the manifest lies in models")
    run("pull", "tiny")
    whole = run("verify")
    assert (whole.exit_code, whole.output) == (0, "tiny/model.bin: whole\n")
    Path("models/tiny/model.bin").write_bytes(b"Weights")
    broken = run("verify")
    assert (broken.exit_code, broken.output) == (1, "tiny/model.bin: wrong checksum\n")
    assert run("verify", "voice").exit_code == 1


def test_what_cannot_be_verified_is_not_called_broken() -> None:
    run("pull", "voice")
    told = run("verify", "voice")
    assert (told.exit_code, told.output) == (0, "voice/voice.onnx: cannot be verified\n")


def test_path_tells_where_it_lies_and_whether_it_does() -> None:
    missing = run("path", "tiny")
    assert (missing.exit_code, missing.output) == (1, "models/tiny\n")
    run("pull", "tiny")
    assert run("path", "tiny").exit_code == 0


def test_the_settings_name_the_folder(here: Path) -> None:
    settings = here / "other.toml"
    settings.write_text('[models]\nfolder = "elsewhere"\n')
    run("pull", "tiny", "--settings", str(settings))
    assert (here / "elsewhere/tiny/model.bin").exists()
