"""Piper (https://github.com/OHF-Voice/piper1-gpl), a neural voice, run as a program of its own because it is GPL-3: one process per voice, kept.

Its command line takes a line of text, writes a WAV file into a folder, and names it. Model files are checked here by name, never read.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np

from voicebot.errors import EngineError
from voicebot.speech.tts.clauses import split
from voicebot.speech.tts.kept import DEADLINE_S, Heard, Kept
from voicebot.speech.tts.manner import NEUTRAL
from voicebot.speech.tts.program import plain
from voicebot.speech.tts.shaping import Samples, shape

OWN_PLACE = Path(".piper/bin/piper")
"""Where scripts/setup installs it, apart from this program's own packages."""


class Piper:
    """One voice of one language. An async context manager; entering loads the model. `model` is the .onnx file, its .onnx.json stands beside it."""

    def __init__(self, language: str, model: Path, command: str = "", deadline_s: float = DEADLINE_S) -> None:
        """`command` "" takes `found()`."""
        self.language = language
        self._model, self._command = model, command
        self._kept = Kept(f"piper ({model.name})", self._arguments, deadline_s)
        self._stack = AsyncExitStack()
        self._print = ""

    async def __aenter__(self) -> Self:
        """Raises EngineError naming the file or program that is missing or wrong."""
        self._print = await asyncio.to_thread(fingerprint, self._model)
        try:
            await self._stack.enter_async_context(self._kept)
        except EngineError as error:
            raise EngineError(f"{error}; is {self._model} whole? run: voicebot models verify") from None
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._stack.aclose()

    @property
    def name(self) -> str:
        """Model, its content and pauses: it changes whenever the sound would."""
        return f"piper {self._model.name} {self._print} {NEUTRAL.pause_ms}"

    @property
    def pid(self) -> int | None:
        """Of the process that speaks."""
        return self._kept.pid

    async def render(self, text: str) -> bytes:
        """Speak `text` clause by clause; pcm shaped as `shaping.shape` says. Raises EngineError."""
        heard = [await self._kept.speak(plain(clause)) for clause in split(text) if any(each.isalnum() for each in clause)]
        return shape(*joined(heard))

    def _arguments(self, folder: Path) -> Sequence[str]:
        return (self._command or found(), "--model", str(self._model), "--output-dir", str(folder))


def found() -> str:
    """Piper's own command: in its own place, beside this Python, or on PATH. Raises EngineError."""
    beside = Path(sys.executable).with_name("piper")
    for path in (OWN_PLACE, beside):
        if path.exists():
            return str(path.resolve())
    if on_path := shutil.which("piper"):
        return on_path
    raise EngineError("piper is not installed; run: python3 -m venv .piper && .piper/bin/pip install piper-tts")


def fingerprint(model: Path) -> str:
    """A short digest of a voice's two files. Raises EngineError naming the file that is missing, empty or no Piper voice."""
    config = _config(model)
    try:
        content = model.read_bytes()
    except OSError as error:
        raise EngineError(f"{model}: cannot be read: {error.strerror}; run: voicebot models pull") from None
    if not content:
        raise EngineError(f"{model}: is empty; run: voicebot models pull")
    return hashlib.sha256(content + json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]


def joined(heard: Sequence[Heard]) -> tuple[Samples, int]:
    """The clauses in one, a pause after each. Raises EngineError when there are none."""
    if not heard:
        raise EngineError("nothing to say; give the voice words")
    rate_hz = heard[0][1]
    gap = np.zeros(rate_hz * NEUTRAL.pause_ms // 1000, np.float32)
    return np.concatenate([part for samples, _ in heard for part in (samples, gap)]), rate_hz


def _config(model: Path) -> dict[str, Any]:
    path = model.with_name(f"{model.name}.json")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EngineError(f"{path}: cannot be read: {error.strerror}; a Piper voice is two files, run: voicebot models pull") from None
    except ValueError:
        raise EngineError(f"{path}: is not JSON; run: voicebot models verify") from None
    if not isinstance(config, dict) or not isinstance(config.get("audio"), dict) or "phoneme_id_map" not in config:
        raise EngineError(f"{path}: is no configuration of a Piper voice; take the .onnx.json that belongs to {model.name}")
    return config
