"""Mandarin for PocketSphinx: the dictionary's own words, found in wordings, and every wrong model folder named."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voicebot.errors import EngineError
from voicebot.settings import Settings
from voicebot.settings.engines import Speech
from voicebot.speech.asr import engines
from voicebot.speech.asr import mandarin as module
from voicebot.speech.asr.mandarin import ModelFolder, build, pronunciations, spoken
from voicebot.testbed import audio
from voicebot.testbed.synth import synth

Run = Callable[[Any], Any]
DICTIONARY = "账单 zh ang d an\n什么 sh en m e\n时候 sh i h ou\n到期 d ao q i\n到 d ao\n到(2) d ou\n期 q i\nA. ei\nG. j i\n的 d e\n我 w o\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    (model / "sounds").mkdir(parents=True)
    for name in ("mdef", "means", "variances", "transition_matrices", "feat.params"):
        (model / "sounds" / name).write_bytes(b"x")
    (model / "words.dic").write_text(DICTIONARY, encoding="utf-8")
    with gzip.open(model / "general.arpa.gz", "wt", encoding="utf-8") as lines:
        lines.write("\\data\\\nngram 1=3\n\n\\1-grams:\n-99.0000\t<s>\t-1.7\n-1.2\t期\t-0.5\n-2.5\t未知\n\n\\2-grams:\n-0.1 期 到\n")
    return model


def test_the_files_are_found_wherever_they_lie(folder: Path) -> None:
    found = ModelFolder.of(folder)
    assert found == ModelFolder(folder / "sounds", folder / "words.dic", folder / "general.arpa.gz")


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("sounds/mdef", "has no mdef"),
        ("words.dic", r"has no \*\.dic"),
        ("sounds/means", "sounds/means is missing; the acoustic model is not whole"),
        ("sounds/feat.params", "sounds/feat.params is missing"),
    ],
)
def test_what_is_missing_is_named(missing: str, named: str, folder: Path) -> None:
    (folder / missing).unlink()
    with pytest.raises(EngineError, match=named):
        ModelFolder.of(folder)
    with pytest.raises(EngineError, match=r"no folder; set \[speech\.pocketsphinx\]"):
        ModelFolder.of(folder / "nowhere")


def test_wordings_become_words_of_the_dictionary(folder: Path) -> None:
    known = pronunciations(folder / "words.dic")
    assert spoken("我的账单什么时候到期？", known) == ["我", "的", "账单", "什么", "时候", "到期"]
    assert spoken("我账单期到5G龘", known) == ["我", "账单", "期", "到", "g"]
    assert known["到"] == ("d ao", "d ou")
    assert spoken("WiFi", known) == ["wifi"]


def test_the_model_has_the_wordings_and_the_common_words_the_dictionary_knows(folder: Path, tmp_path: Path) -> None:
    files = build(["我的账单什么时候到期", "龘"], ModelFolder.of(folder), tmp_path / "cache")
    words = files.dictionary.read_text(encoding="utf-8").splitlines()
    assert {"期 q i", "到期 d ao q i"} <= set(words)
    assert not any(line.startswith(("未知", "<s>", "龘")) for line in words)
    arpa = files.language_model.read_text(encoding="utf-8")
    assert "我 的 账单" in arpa
    stamp = files.dictionary.stat().st_mtime_ns
    assert build(["我的账单什么时候到期", "龘"], ModelFolder.of(folder), tmp_path / "cache") == files
    assert files.dictionary.stat().st_mtime_ns == stamp, "built again though nothing changed"
    assert build(["我的账单"], ModelFolder.of(folder), tmp_path / "cache") != files


def test_a_second_way_to_say_a_word_is_numbered(folder: Path, tmp_path: Path) -> None:
    files = build(["到"], ModelFolder.of(folder), tmp_path / "cache")
    assert {"到 d ao", "到(2) d ou"} <= set(files.dictionary.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(("name", "content"), [("words.dic", b"\xff\xfe\xff"), ("general.arpa.gz", b"not gzip")])
def test_a_damaged_file_is_named(name: str, content: bytes, folder: Path, tmp_path: Path) -> None:
    (folder / name).write_bytes(content)
    module.pronunciations.cache_clear()
    with pytest.raises(EngineError, match=rf"{name.replace('.', '[.]')} cannot be read"):
        build(["我的账单"], ModelFolder.of(folder), tmp_path / "cache")
    module.pronunciations.cache_clear()


def test_without_a_general_model_the_wordings_stand_alone(folder: Path, tmp_path: Path) -> None:
    (folder / "general.arpa.gz").unlink()
    assert "期" not in build(["我的账单"], ModelFolder.of(folder), tmp_path / "cache").dictionary.read_text(encoding="utf-8")


def test_a_folder_given_is_a_rung_of_its_language(folder: Path, tmp_path: Path) -> None:
    given = Settings(speech=Speech(pocketsphinx={"zh": folder}, cache=tmp_path))
    assert [rung.__name__ for rung in engines.rungs(given, "zh")] == ["_mandarin"]
    assert [rung.__name__ for rung in engines.rungs(given, "en")] == ["_english"]
    assert engines.rungs(Settings(), "zh") == ()


def test_the_shared_model_hears_a_question(shared: Path, tmp_path: Path, run: Run) -> None:
    given = Settings(speech=Speech(pocketsphinx={"zh": shared / "models" / "pocketsphinx-zh-8k"}, cache=tmp_path, recognisers=1))

    async def scenario() -> str:
        samples = await synth("客户号是多少位", "espeak-ng:cmn-latn-pinyin", tmp_path)
        wide = audio.resample(np.concatenate([audio.silence(0.3), samples, audio.silence(0.3)]), audio.RATE_HZ, 16_000).astype("<i2").tobytes()
        (rung,) = engines.rungs(given, "zh")
        made = await asyncio.to_thread(rung, given, "zh", ["客户号是多少位", "怎么取消自动扣费", "转人工"])
        async with made:
            stream = made.stream()
            stream.feed(wide)
            heard = await stream.settle()
            stream.close()
        return heard.text

    assert run(scenario()) == "客户号是多少位"


def test_a_number_is_read_out_digit_by_digit_whatever_words_its_digits_make() -> None:
    known = dict.fromkeys(("密码", "是", "四", "八", "二", "一", "四八", "二一", "一个"), ("x",))
    assert spoken("密码是四八二一", known) == ["密码", "是", "四", "八", "二", "一"]
    assert spoken("一个", known) == ["一个"]
