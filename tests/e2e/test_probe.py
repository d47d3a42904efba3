"""`voicebot probe` against a whole voicebot: what a caller finds, it finds."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from voicebot.dialogue.knowledge import load
from voicebot.testbed.probe import chosen, figures, probe
from voicebot.testbed.rig import Rig

pytestmark = pytest.mark.e2e
Play = Callable[[Callable[[Rig], Any]], Any]


async def probing(bot: Rig, *options: str) -> tuple[int, dict[str, Any]]:
    command = (sys.executable, "-m", "voicebot", "probe", "--settings", str(bot.settings_file), "--json", *options)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=bot.settings_file.parent)
    told, _ = await process.communicate()
    return process.returncode or 0, json.loads(told)


def test_a_hotline_that_answers_is_well(play: Play, tmp_path: Path) -> None:
    async def scenario(bot: Rig) -> None:
        status, found = await probing(bot, "--textfile", str(tmp_path / "voicebot.prom"))
        assert (status, found["failed"], found["answered_with"]) == (0, "", found["wanted"])
        assert 'voicebot_probe_success{hotline="100"} 1.0' in (tmp_path / "voicebot.prom").read_text()

    play(scenario)


def test_a_wrong_answer_is_a_failure(play: Play, tmp_path: Path) -> None:
    """The caller asks for one entry and expects another."""

    async def scenario(bot: Rig) -> None:
        entries = load(bot.settings.kb.folder).entries
        other = replace(chosen(entries, "", "en"), entry_id="bill-copy")
        found = await probe(bot, "100", other, tmp_path)
        assert found.failed.startswith("asked for bill-copy, answered with ")
        assert figures(found, 0.0).get_sample_value("voicebot_probe_success", {"hotline": "100"}) == 0

    play(scenario)
