"""The settings choose the engine, the ladder says what comes after it, and what is missing is named before a worker starts."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voicebot.errors import EngineError
from voicebot.settings import Settings, Turns
from voicebot.settings.engines import Models, Speech
from voicebot.speech.asr import Recogniser
from voicebot.speech.asr.engines import model_folder, rungs
from voicebot.speech.serving import MEMORY_MB
from voicebot.testbed.random_whisper import build

WORDINGS = ["how do i get my esim", "my harbourline is slow"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("whisper") / "model")


def settings(**speech: Any) -> Settings:
    return Settings(speech=Speech(**speech))


def best(settings: Settings, language: str) -> Recogniser:
    return rungs(settings, language)[0](settings, language, WORDINGS)


def kinds(language: str, **speech: Any) -> list[str]:
    return [rung.__name__ for rung in rungs(settings(**speech), language)]


@pytest.mark.parametrize(
    ("language", "speech", "expected"),
    [
        ("en", {}, ["_english"]),
        ("zh", {}, []),
        ("en", {"whisper_model": "m"}, ["_whisper", "_english"]),
        ("zh", {"whisper_model": "m"}, ["_whisper"]),
        ("en", {"whisper_model": "m", "recogniser": "pocketsphinx"}, ["_english"]),
        ("en", {"whisper_model": "m", "recogniser": "whisper"}, ["_whisper"]),
        ("en", {"recogniser": "whisper"}, ["_whisper"]),
    ],
)
def test_the_ladder_of_a_language(language: str, speech: dict[str, Any], expected: list[str]) -> None:
    assert kinds(language, **speech) == expected


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_model_that_is_demanded_and_not_there_is_named(language: str, tmp_path: Path) -> None:
    wanted = Settings(speech=Speech(recogniser="whisper", whisper_model="base"), models=Models(folder=tmp_path))
    with pytest.raises(EngineError, match=rf"whisper: {tmp_path}/base is no folder; `voicebot models pull`"):
        best(wanted, language)
    with pytest.raises(EngineError, match=r"\[speech\] whisper_model names no model"):
        best(settings(recogniser="whisper"), language)


def test_turns_longer_than_a_window_are_refused_beforehand(folder: Path) -> None:
    wanted = Settings(speech=Speech(recogniser="whisper", whisper_model=str(folder)), turns=Turns(max_utterance_ms=40_000))
    with pytest.raises(EngineError, match=r"set \[turns\] max_utterance_ms to 30000 at most"):
        best(wanted, "en")


def test_a_name_is_looked_for_among_the_models_and_a_path_is_not(tmp_path: Path) -> None:
    for named, found in (("base", tmp_path / "base"), ("./base", Path("base")), ("/srv/base", Path("/srv/base"))):
        assert model_folder(Settings(speech=Speech(whisper_model=named), models=Models(folder=tmp_path))) == found


def test_whisper_is_told_all_it_needs(folder: Path) -> None:
    async def main() -> None:
        wanted = settings(whisper_model=str(folder), whisper_window_s=4, recognisers=3)
        made = best(wanted, "zh")
        await made.launch()
        assert len(made.workers) == 3
        assert '"language": "zh"' in made.workers[0]._arguments
        assert '"window_s": 4.0' in made.workers[0]._arguments
        assert made.workers[0]._memory_mb == MEMORY_MB, "a small model needs no more than any engine"
        await made.stop()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_big_model_may_have_more_memory(folder: Path, tmp_path: Path) -> None:
    big = Path(shutil.copytree(folder, tmp_path / "big"))
    with (big / "model.bin").open("r+b") as file:
        file.truncate(3_000_000_000)  # a hole: it takes no room

    async def main() -> None:
        made = best(settings(whisper_model=str(big), recognisers=1), "en")
        await made.launch()
        assert made.workers[0]._memory_mb == 3 * 3_000_000_000 >> 20
        await made.stop()

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_whisper_works_in_its_own_process(folder: Path, language: str) -> None:
    tone = (np.sin(np.arange(16_000) / 20) * 9_000).astype("<i2").tobytes()

    async def main() -> None:
        made = best(settings(whisper_model=str(folder), recognisers=1, whisper_window_s=4), language)
        async with made as pool:
            stream = pool.stream()
            stream.feed(tone)
            assert 0 <= (await stream.settle()).confidence <= 1
            stream.close()

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda copy: (copy / "model.bin").write_bytes(b"cut"), "model.bin cannot be loaded"),
        (lambda copy: (copy / "tokenizer.json").write_text("{}"), "tokenizer.json cannot be read"),
    ],
)
def test_a_broken_model_fails_the_start_with_its_reason(folder: Path, tmp_path: Path, spoil: Callable[[Path], object], told: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    spoil(copy)

    async def main() -> None:
        made = best(settings(whisper_model=str(copy), recognisers=1), "en")
        with pytest.raises(EngineError, match=told):
            await made.start()

    asyncio.run(asyncio.wait_for(main(), 60))
