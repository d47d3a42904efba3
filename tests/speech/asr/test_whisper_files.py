"""A folder that cannot be a Whisper is told from one that may be, without an engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from voicebot.errors import EngineError
from voicebot.speech.asr.whisper_files import FILES, complete


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_text("{}")
    return tmp_path


def test_all_files_there_is_all_that_is_asked(folder: Path) -> None:
    complete(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named_with_the_fix(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(EngineError, match=rf"{name} is missing; `voicebot models verify` finds what is broken"):
        complete(folder)


def test_no_folder_and_no_json_are_told(folder: Path) -> None:
    with pytest.raises(EngineError, match="is no folder; `voicebot models pull` fetches a model"):
        complete(folder / "none")
    (folder / "config.json").write_bytes(b"\xff\xfe")
    with pytest.raises(EngineError, match=r"config\.json is not JSON"):
        complete(folder)


def test_the_controller_needs_no_engine_to_choose_one() -> None:
    """CTranslate2 costs half a second and 100 MB; only workers load it."""
    program = "import sys, voicebot.speech.asr.engines; print(*{'ctranslate2', 'faster_whisper', 'av'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == ""
