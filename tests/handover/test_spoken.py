"""The briefing in all its forms, where Asterisk looks for each."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.kit.speech import ScriptedPhrases
from voicebot.dialogue.decisions import Why
from voicebot.errors import EngineError
from voicebot.handover.briefing import Briefing, Facts, briefing
from voicebot.handover.spoken import spoken
from voicebot.handover.spool import Spool
from voicebot.values import SILENCE_FRAME

TOLD = briefing(Facts(Why.PERSON, "en", titles=("opening hours",)))


def put(folder: Path, told: Briefing, phrases: Any) -> Path:
    return asyncio.run(spoken(told, phrases, "en", Spool(folder), "c.1"))


def test_each_form_lies_in_its_folder(tmp_path: Path) -> None:
    assert (TOLD.spoken, TOLD.short) == ("Caller asked for a person. Topics: opening hours.", "Caller asked for a person.")
    assert put(tmp_path, TOLD, ScriptedPhrases({TOLD.spoken: 400, TOLD.short: 200})) == tmp_path / "c-1"
    sizes = {str(path.relative_to(tmp_path)): path.stat().st_size for path in tmp_path.rglob("*.sln16")}
    assert sizes == {"c-1.sln16": 12_800, "short/c-1.sln16": 6_400, "off/c-1.sln16": len(SILENCE_FRAME)}


def test_what_is_short_already_has_no_second_form(tmp_path: Path) -> None:
    put(tmp_path, briefing(Facts(Why.PERSON, "en")), ScriptedPhrases({}))
    assert not (tmp_path / "short").exists()


@pytest.mark.parametrize("trouble", ["unspeakable", "slow"])
def test_a_short_form_that_fails_delays_nobody(tmp_path: Path, trouble: str) -> None:
    class Troubled:
        async def once(self, text: str, _language: str) -> bytes:
            if text == TOLD.short and trouble == "slow":
                await asyncio.sleep(3_600)
            if text == TOLD.short:
                raise EngineError("the voice is gone")
            return b"\1\1"

    with capture_logs() as logs:
        assert put(tmp_path, TOLD, Troubled()) == tmp_path / "c-1"
    assert [entry["event"] for entry in logs] == ["no short form of a briefing"]
    assert not (tmp_path / "short").exists()


def test_without_the_whole_there_is_none(tmp_path: Path) -> None:
    class Mute:
        async def once(self, _text: str, _language: str) -> bytes:
            raise EngineError("the voice is gone")

    with pytest.raises(EngineError):
        put(tmp_path, TOLD, Mute())
    assert not list(tmp_path.rglob("*.sln16"))
