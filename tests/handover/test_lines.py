"""The dialplan's own sentences: all there, in every language, under names that it takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.kit.bot import prompts
from tests.kit.speech import ScriptedPhrases
from voicebot.dialogue.prompts import Prompts
from voicebot.errors import EngineError
from voicebot.handover.lines import LINE_VARIABLE, LINES, write_lines
from voicebot.telephony.pbx_render import DIALPLANS

DIALPLAN = (DIALPLANS / "extensions-voicebot.conf").read_text(encoding="utf-8")
Run = Callable[[object], object]


def test_every_line_is_a_prompt_and_a_name_the_dialplan_takes() -> None:
    assert set(LINES.values()) <= {field.name for field in fields(Prompts)}
    assert all(re.fullmatch("[a-z_]+", line) for line in LINES)
    assert f"FILTER(a-z_,${{{LINE_VARIABLE}}})" in DIALPLAN
    assert "/overflow-" in DIALPLAN


def test_each_language_has_each_line(run: Run, tmp_path: Path) -> None:
    phrases: Any = ScriptedPhrases({"queue full": 100, "at capacity": 200, "connecting sorry": 300})
    run(write_lines(phrases, {"en": prompts(), "zh": prompts()}, tmp_path / "sounds"))
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "sounds").iterdir()}
    lengths_ms = {"overflow": 100, "at_capacity": 200, "connecting_sorry": 300}
    assert sizes == {f"{line}-{language}.sln16": 32 * ms for line, ms in lengths_ms.items() for language in ("en", "zh")}


def test_a_voice_that_fails_is_an_error_at_start(run: Run, tmp_path: Path) -> None:
    class Broken:
        async def audio(self, _text: str, _language: str) -> bytes:
            raise EngineError("flite is missing")

    broken: Any = Broken()
    with pytest.raises(EngineError, match="flite"):
        run(write_lines(broken, {"en": prompts()}, tmp_path))
