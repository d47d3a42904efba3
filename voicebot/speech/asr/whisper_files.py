"""What a folder must hold to be a Whisper, found out without loading it: the controller and `voicebot doctor` need no engine for that."""

from __future__ import annotations

import json
from pathlib import Path

from voicebot.errors import EngineError

LONGEST_S = 30
"""What a Whisper takes in one pass."""
FILES = ("model.bin", "config.json", "tokenizer.json")
"""Besides the vocabulary, whose name differs."""


def complete(folder: Path) -> None:
    """Raises EngineError naming the first thing that is missing or plainly wrong, and the fix. Contents are left to the engine."""
    if not folder.is_dir():
        raise EngineError(f"whisper: {folder} is no folder; `voicebot models pull` fetches a model, [speech] whisper_model names it")
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise useless(folder, f"{missing[0]} is missing")
    try:
        json.loads((folder / "config.json").read_bytes())
    except ValueError:
        raise useless(folder, "config.json is not JSON") from None


def useless(folder: Path, why: str) -> EngineError:
    """The error of a folder that cannot be used."""
    return EngineError(f"whisper: {folder}: {why}; `voicebot models verify` finds what is broken, `voicebot models pull` fetches it again")
