"""A voicebot of our own comes up alone, answers, tells its journal and is gone without a trace; what keeps it from starting is told."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import SettingsError, StoreError, VoicebotError
from voicebot.settings import Settings, load
from voicebot.testbed import audio, measure
from voicebot.testbed import rig as rigs
from voicebot.testbed.processes import process
from voicebot.testbed.rig import Target, attached, rig, settings_text
from voicebot.testbed.scenario import calling

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def test_all_that_is_written_lies_in_the_folder_and_ports_are_its_own(tmp_path: Path) -> None:
    found = [tomllib.loads(settings_text(tmp_path, {})) for _ in range(2)]
    assert all(str(tmp_path) in str(found[0][key]) for key in ("secrets", "store", "recording"))
    assert found[0]["serve"]["port"] != found[1]["serve"]["port"]
    assert found[0]["pbx"]["sip_port"] != found[1]["pbx"]["sip_port"]
    assert found[0]["pbx"]["anonymous"] is True
    assert found[0]["pbx"]["rtp_last"] - found[0]["pbx"]["rtp_first"] == 399


def test_overrides_are_settings_by_dotted_key(tmp_path: Path) -> None:
    file = tmp_path / "voicebot.toml"
    overrides = {"turns.hold_ms": 500, "hotlines.300.menu": True, "pbx.agents": ["6001"], "company": 'Ümläut "Telecom"', "pbx.anonymous": False}
    file.write_text(settings_text(tmp_path, overrides), encoding="utf-8")
    settings = load(file)
    assert settings.turns.hold_ms == 500
    assert settings.hotlines["300"].menu
    assert (settings.pbx.agents, settings.company, settings.pbx.anonymous) == (("6001",), 'Ümläut "Telecom"', False)


def test_a_voicebot_that_runs_is_named_by_host_and_port() -> None:
    assert attached("127.0.0.1:5060").address == ("127.0.0.1", 5060)
    for wrong in ("127.0.0.1", "5060:", "here:sip", ""):
        with pytest.raises(VoicebotError, match="write host:port"):
            attached(wrong)


def test_relative_paths_mean_the_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = rigs.at_home(Settings())
    assert settings.pbx.tree.is_absolute()
    assert settings.speech.cache.is_absolute()
    assert tmp_path not in settings.speech.cache.parents


def test_references_are_all_answers_and_prompts_as_they_sound(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"answer/bill": "a b", "short/bill": "a", "prompt/goodbye": "bye"}

    class Phrases:
        def __init__(self, folder: Path, _voices: object) -> None:
            assert folder.name == "phrases"

        async def prepare(self, texts: Any, _language: str) -> None:
            assert list(texts) == list(said.values())

        async def audio(self, text: str, _language: str) -> bytes:
            return b"\x10\x00" * 1_600 * len(text)

    monkeypatch.setattr(rigs, "_texts", lambda _settings, _language: said)
    monkeypatch.setattr(rigs, "Phrases", Phrases)
    monkeypatch.setattr(rigs, "embedded", lambda _language: None)
    found = run(Target(("127.0.0.1", 1), Settings()).references("en"))
    assert {name: len(samples) for name, samples in found.items()} == {"answer/bill": 2_400, "short/bill": 800, "prompt/goodbye": 2_400}


def test_the_texts_are_the_approved_ones() -> None:
    texts = rigs._texts(Settings(), "en")
    assert "Monday to Saturday" in texts["answer/opening-hours"]
    assert texts["prompt/goodbye"] == "Thank you for calling. Goodbye."
    assert "Harbour Telecom" in texts["prompt/greeting"]
    assert not {name for name in texts if name.endswith(("did_you_mean", "menu_item", "language"))} - {"answer/language", "short/language"}


def test_wrong_settings_are_refused_before_anything_starts(run: Run) -> None:
    async def start() -> None:
        async with rig({"serve.prot": 1}):
            raise AssertionError("it started")

    with pytest.raises(SettingsError, match="did you mean 'port'"):
        run(start())


def test_the_reason_it_does_not_start_is_told(run: Run, tmp_path: Path) -> None:
    async def start() -> None:
        async with rig({"kb.folder": str(tmp_path / "none")}):
            raise AssertionError("it started")

    with pytest.raises(VoicebotError, match=r"voicebot did not start: .*cannot be read as a folder"):
        run(start())


@pytest.mark.e2e
def test_it_answers_tells_its_journal_and_is_gone(run: Run, asterisk_tree: Path) -> None:
    async def call() -> tuple[list[int], Path]:
        async with rig() as own:
            pids = [own.keeper.pid, own.controller().pid, own.asterisk().pid]
            assert await own.calls_in_progress() == 0
            references = await own.references("en")
            async with calling(own, "PCMU") as caller:
                assert await own.calls_in_progress() == 1
                said = measure.phrases(references, caller.call.heard, caller.call.heard.start_s, caller.call.heard.end_s)
            record = await own.journal(caller.ani)
            assert said[0].name == "prompt/greeting"
            assert (record.summary.ani, record.summary.dnis, measure.seals(record.lines)) == (caller.ani, "100", 1)
            with pytest.raises(StoreError, match="no call from 999"):
                await own.journal("999", sealed_within_s=0)
            assert "voicebot-inbound" in await own.console("dialplan show")
            return pids, own.settings_file.parent

    pids, folder = run(call())
    assert [process(pid) for pid in pids] == [None, None, None]
    assert not folder.exists()


@pytest.mark.e2e
def test_an_agent_takes_the_call_that_the_bot_hands_over(run: Run, asterisk_tree: Path) -> None:
    sentence = audio.tone(700, 1.0)

    async def call() -> bool:
        async with rig() as own, own.agent("6001", sentence) as agent, calling(own, "PCMA") as caller:
            await caller.call.dtmf("0")
            for _ in range(200):
                await asyncio.sleep(0.1)
                if agent.calls and audio.locate(sentence, caller.call.heard.audio(caller.call.heard.end_s - 5)).score > 0.9:
                    return True
            return False

    assert run(call())
