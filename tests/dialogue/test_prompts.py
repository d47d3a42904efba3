"""The fixed sentences: every language has them all, a file with a fault is refused by name, and the greeting is short enough."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from voicebot.dialogue import prompts, steps
from voicebot.dialogue.prompts import FOLDER, GAPS, Prompts
from voicebot.errors import KnowledgeError
from voicebot.speech import tts
from voicebot.values import duration_ms

Run = Callable[[Any], Any]
COMPANY = "Harbour Telecom"
LANGUAGES = sorted(path.stem for path in FOLDER.glob("*.toml"))
NAMES = [field.name for field in fields(Prompts) if field.name != "language"]
spoken = pytest.mark.skipif(not (shutil.which("flite") and shutil.which("espeak-ng")), reason="flite or espeak-ng is not installed")


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[str, str], Path]:
    """A folder whose en.toml is ours with one pattern replaced."""

    def edit(pattern: str, by: str) -> Path:
        text, count = re.subn(pattern, by, (FOLDER / "en.toml").read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
        assert count == 1
        (tmp_path / "en.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return edit


def test_english_and_mandarin_are_there() -> None:
    assert {"en", "zh"} <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("menu", [True, False])
def test_every_language_is_whole(language: str, recorded: bool, menu: bool) -> None:
    loaded = prompts.load(language, company=COMPANY, recorded=recorded, menu=menu)
    assert loaded.language == language
    for sentence in loaded.fixed():
        assert sentence.strip()
        assert not set("{}[]<>*_#") & set(sentence)


@pytest.mark.parametrize(("name", "gaps"), steps.PROMPTS.items())
def test_every_sentence_the_policy_names_exists_with_its_gaps(name: str, gaps: int) -> None:
    assert name in NAMES
    assert len(GAPS.get(name, ())) == gaps


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", GAPS)
def test_gaps_are_filled_in_order(language: str, name: str) -> None:
    words = [f"<{gap}>" for gap in GAPS[name]]
    filled = prompts.load(language, company=COMPANY).fill(name, words)
    assert [filled.count(word) for word in words] == [1] * len(words)
    assert "{" not in filled
    assert sorted(words, key=filled.index) == words


def test_a_title_with_braces_is_said_as_it_stands() -> None:
    assert prompts.load("en", company=COMPANY).fill("did_you_mean_this", ["{b} 100 {"]) == "Is that about {b} 100 {?"


def test_a_wrong_number_of_gaps_is_our_fault() -> None:
    loaded = prompts.load("en", company=COMPANY)
    with pytest.raises(ValueError, match="shorter"):
        loaded.fill("did_you_mean", ["one"])
    with pytest.raises(ValueError, match="longer"):
        loaded.fill("goodbye", ["one"])
    with pytest.raises(AttributeError, match="good_bye"):
        loaded.fill("good_bye")


def test_fixed_is_every_sentence_without_a_gap() -> None:
    loaded = prompts.load("en", company=COMPANY)
    assert set(loaded.fixed()) == {loaded.fill(name) for name in NAMES if name not in GAPS}
    assert len(loaded.fixed()) == len(NAMES) - len(GAPS)


def test_the_company_is_named_as_it_is_spoken_in_each_language() -> None:
    assert "Harbour Telecom's" in prompts.load("en", company=COMPANY).greeting
    assert "海港电信" in prompts.load("zh", company=COMPANY).greeting
    assert prompts.load("zh", company="东方电讯").about_bot.startswith("我是东方电讯")


@pytest.mark.parametrize(("recorded", "words"), [(False, ("not recorded", "不录音")), (True, ("and recorded", "并录音"))])
def test_the_greeting_gives_notice_and_a_way_out(recorded: bool, words: tuple[str, str]) -> None:
    for language, word, notice in (
        ("en", words[0], ("automated", "voice analysed", "agent", "press zero")),
        ("zh", words[1], ("自动", "分析语音", "人工", "按零")),
    ):
        greeting = prompts.load(language, company=COMPANY, recorded=recorded).greeting
        assert all(part in greeting for part in (word, *notice))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_menu_hotline_promises_no_listening(language: str) -> None:
    greeting = prompts.load(language, company=COMPANY, menu=True).greeting
    assert not any(word in greeting.lower() for word in ("analys", "say agent", "分析", "说人工"))
    assert greeting != prompts.load(language, company=COMPANY, menu=True, recorded=True).greeting


@spoken
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("menu", [True, False])
def test_the_greeting_takes_at_most_six_seconds(language: str, recorded: bool, menu: bool, run: Run) -> None:
    greeting = prompts.load(language, company=COMPANY, recorded=recorded, menu=menu).greeting
    assert duration_ms(run(tts.embedded(language).render(greeting))) <= 6_000


@spoken
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["connecting", "one_moment", "go_ahead"])
def test_what_stands_between_the_caller_and_the_next_thing_takes_a_second(language: str, name: str, run: Run) -> None:
    assert duration_ms(run(tts.embedded(language).render(prompts.load(language, company=COMPANY).fill(name)))) <= 1_000


@pytest.mark.parametrize(
    ("pattern", "by", "fault"),
    [
        ("^goodbye = .*$", "", "key 'goodbye' is missing; add it"),
        ("^goodbye =", "godbye =", "unknown key 'godbye'; did you mean 'goodbye'?"),
        ("^goodbye =", "zzz =", "unknown key 'zzz'; known keys: greeting, "),
        ("^goodbye = .*$", "goodbye = ' '", "'goodbye' must be a sentence in quotes"),
        ("^goodbye = .*$", "goodbye = 1", "'goodbye' must be a sentence in quotes"),
        ("^goodbye = .*$", "goodbye = 'Bye {name}'", "'goodbye' must hold no gap but {company}"),
        ("^goodbye = .*$", "goodbye = 'Bye {'", "'goodbye' must hold no gap but {company}"),
        ("{a}, or {b}", "{a}", "'did_you_mean' must hold {a}, {b}, each once"),
        ("{a}, or {b}", "{a}, {a} or {b}", "'did_you_mean' must hold {a}, {b}, each once"),
        ("press {key}", "press {keys}", "'menu_item' must hold {title}, {key}, each once"),
        ("^menu_recorded = .*$", "", "key 'greeting.menu_recorded' is missing; add it"),
        ("^menu_recorded =", "menu_record =", "unknown key 'greeting.menu_record'; did you mean 'greeting.menu_recorded'?"),
        ("^menu_recorded = .*$", "menu_recorded = ''", "'greeting.menu_recorded' must be a sentence in quotes"),
        (r"^\[names\]$", "[name]", "key 'names' is missing; add it"),
        (r"^\[names\]$", "[names]\nA = 1", "'names.A' must be a sentence in quotes"),
        (r"(?s)^\[names\].*", "", "key 'names' is missing; add it"),
        (r"(?s)^\[greeting\].*\[names\]", "[greeting]\n[names]", "key 'greeting.listening' is missing; add it"),
        ("^goodbye =", "names = 'x'\ngoodbye =", "not valid TOML"),
        (r"(?s)^\[names\].*", "[names", "not valid TOML"),
    ],
)
def test_a_fault_is_named_with_its_file(edited: Callable[[str, str], Path], pattern: str, by: str, fault: str) -> None:
    folder = edited(pattern, by)
    with pytest.raises(KnowledgeError) as refused:
        prompts.load("en", company=COMPANY, folder=folder)
    assert all(line.startswith(f"{folder / 'en.toml'}: ") for line in str(refused.value).splitlines())
    assert fault in str(refused.value)


def test_a_section_that_is_a_text_is_refused(tmp_path: Path) -> None:
    table = tomllib.loads((FOLDER / "en.toml").read_text(encoding="utf-8"))
    sentences = "\n".join(f"{name} = {text!r}" for name, text in table.items() if isinstance(text, str))
    (tmp_path / "en.toml").write_text(f"{sentences}\ngreeting = 'Hello'\nnames = 'x'\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"'greeting' must be a section.*\n.*'names' must be a section"):
        prompts.load("en", company=COMPANY, folder=tmp_path)


def test_every_fault_is_named_at_once(edited: Callable[[str, str], Path]) -> None:
    folder = edited("(?s)^goodbye = .*?\n", "zzz = 'x'\n")
    with pytest.raises(KnowledgeError) as refused:
        prompts.load("en", company=COMPANY, folder=folder)
    assert len(str(refused.value).splitlines()) == 2


def test_a_missing_language_says_how_to_add_it() -> None:
    with pytest.raises(KnowledgeError, match=r"fr\.toml: no prompts for language 'fr'; translate en\.toml"):
        prompts.load("fr", company=COMPANY)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "en.toml").mkdir()
    with pytest.raises(KnowledgeError, match=r"en\.toml: cannot be read"):
        prompts.load("en", company=COMPANY, folder=tmp_path)
    (tmp_path / "zh.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(KnowledgeError, match=r"zh\.toml: not valid TOML"):
        prompts.load("zh", company=COMPANY, folder=tmp_path)
