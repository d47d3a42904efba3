"""espeak-ng speaks Mandarin in Mandarin: right syllables, never a word of English."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue import prompts
from voicebot.dialogue.knowledge import load
from voicebot.errors import EngineError
from voicebot.settings import Settings
from voicebot.speech.spoken import spoken
from voicebot.speech.tts.espeak import ESPEAK, READINGS, VOICES, Espeak, pinyin
from voicebot.values import duration_ms

Run = Callable[[Any], Any]
installed = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed: apt-get install espeak-ng")


def phonemes(text: str, tmp_path: Path) -> str:
    said = tmp_path / "said.txt"
    said.write_text(text, encoding="utf-8")
    return subprocess.run(["espeak-ng", "-q", "-v", VOICES["zh"], "-x", "-f", said], capture_output=True, text=True, check=True).stdout


@installed
def test_mandarin_is_spoken_at_a_brisk_pace(run: Run) -> None:
    assert 600 < duration_ms(run(Espeak("zh").render("马上转接。"))) < 1_200


@installed
def test_mandarin_is_spoken_from_pinyin_and_other_languages_as_written(run: Run) -> None:
    assert run(Espeak("zh").render("重置")) == run(Espeak("zh").render("chong2 zhi4"))
    assert run(Espeak("en").render("chong2")) != run(Espeak("en").render("重"))


@installed
@pytest.mark.parametrize("language", ["zh", "en", "fr", "es"])
def test_another_language_is_another_voice(run: Run, language: str) -> None:
    assert duration_ms(run(Espeak(language).render("12 34"))) > 400


@installed
def test_an_unknown_language_is_named(run: Run) -> None:
    with pytest.raises(EngineError, match="espeak-ng failed"):
        run(Espeak("xx").render("hello"))


@installed
def test_no_prompt_and_no_answer_switches_to_the_english_voice(tmp_path: Path) -> None:
    """espeak-ng 1.51 marks what it takes for English, and that is how its voice `cmn` reads everything."""
    entries = load(Settings().kb.folder).language("zh")
    said = [text for entry in entries for text in (entry.title, entry.answer, entry.short)]
    for menu in (False, True):
        said += prompts.load("zh", company="Harbour Telecom", menu=menu, recorded=menu).fixed()
    assert len(said) > 200
    read = phonemes("\n".join(pinyin(spoken(text, "zh")) for text in said), tmp_path)
    assert "(en)" not in read
    assert len(read) > 40_000
    assert "(en)" in phonemes("SIM", tmp_path), "espeak-ng no longer marks English; this test shows nothing"


@installed
@pytest.mark.parametrize("text", ["SIM卡", "5G套餐", "WiFi密码", "Wi-Fi", "打开App", "PUK码", "¥58.50", "10086", "XYZ", "3.5 GB"])
def test_plan_names_and_figures_are_said_by_the_mandarin_voice(text: str, tmp_path: Path) -> None:
    assert "(en)" not in phonemes(pinyin(spoken(text, "zh")), tmp_path)


@installed
@pytest.mark.parametrize(("text", "spoken"), [("重置", "ts.h'ong"), ("了解", "lj'Au"), ("地方", "t'i"), ("旅", "l'y")])
def test_the_syllables_reach_the_ear(text: str, spoken: str, tmp_path: Path) -> None:
    assert phonemes(pinyin(text), tmp_path).strip().startswith(spoken)


@installed
def test_brackets_start_no_phoneme_notation(run: Run) -> None:
    assert run(Espeak("en").render("[[h@lou]]")) == run(Espeak("en").render("[ [h@lou]]"))


@installed
def test_the_name_changes_with_whatever_changes_the_sound() -> None:
    assert len({Espeak("zh").name, Espeak("en").name, Espeak("zh", rate_wpm=200).name}) == 3


def test_a_missing_espeak_names_its_package(run: Run) -> None:
    gone = Espeak("zh", program=replace(ESPEAK, command="espeak-is-gone"))
    with pytest.raises(EngineError, match="apt-get install espeak-ng"):
        run(gone.render("您好"))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("您好，我是", "nin2 hao3 ， wo3 shi4"),
        ("重置密码", "chong2 zhi4 mi4 ma3"),
        ("重要", "zhong4 yao4"),
        ("银行 还有 还款", "yin2 hang2   hai2 you3   huan2 kuan3"),
        ("一二一", "yi1 er4 yi1"),
        ("一个月不用", "yi2 ge4 yue4 bu2 yong4"),
        ("为什么", "wei4 shen2 me5"),
        ("绿色", "lv4 se4"),
        ("按3", "an4 3"),
        ("开SIM卡", "kai1 xi1 mu3 ka3"),
        ("五G", "wu3 ji4"),
        ("QX", "kou4 ai2 ke5 si5"),
        ("Telecom", "Telecom"),
    ],
)
def test_characters_are_read_as_people_say_them(text: str, read: str) -> None:
    assert pinyin(text) == read


@pytest.mark.parametrize("word", READINGS)
def test_our_own_readings_have_a_syllable_for_each_character(word: str) -> None:
    assert len(READINGS[word].split()) == len(word)


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=20))
def test_every_character_becomes_one_syllable_with_a_tone(text: str) -> None:
    syllables = pinyin(text).split()
    assert len(syllables) == len(text)
