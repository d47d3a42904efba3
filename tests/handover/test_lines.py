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
from voicebot.errors import EngineError, KnowledgeError
from voicebot.handover.lines import DIGITS, FOLDER, LINE_VARIABLE, LINES, QUEUE_LINES, WAITING, queue_lines, write_lines
from voicebot.telephony.pbx_render import DIALPLANS

DIALPLAN = (DIALPLANS / "extensions-voicebot.conf").read_text(encoding="utf-8")
QUEUE = (DIALPLANS / "queues-queue.conf").read_text(encoding="utf-8")
Run = Callable[[object], object]


def test_every_line_is_a_prompt_and_a_name_the_dialplan_takes() -> None:
    assert set(LINES.values()) <= {field.name for field in fields(Prompts)}
    assert all(re.fullmatch("[a-z_]+", line) for line in LINES)
    assert f"FILTER(a-z_,${{{LINE_VARIABLE}}})" in DIALPLAN
    assert "/overflow-" in DIALPLAN


def test_each_language_has_each_line(run: Run, tmp_path: Path) -> None:
    waiting = {language: queue_lines(language).lines["waiting"] for language in ("en", "zh")}
    phrases: Any = ScriptedPhrases({"queue full": 100, "at capacity": 200, "connecting sorry": 300, **dict.fromkeys(waiting.values(), 400)})
    run(write_lines(phrases, {"en": prompts(), "zh": prompts()}, tmp_path / "sounds"))
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "sounds").glob("*.sln16")}
    lengths_ms = {"overflow": 100, "at_capacity": 200, "connecting_sorry": 300, "waiting": 400}
    assert sizes.items() >= {f"{line}-{language}.sln16": 32 * ms for line, ms in lengths_ms.items() for language in ("en", "zh")}.items()
    assert sizes.keys() >= {f"{line}-{language}.sln16" for line in (*QUEUE_LINES, "digit_0", "digit_9") for language in ("en", "zh")}


def test_what_the_queue_says_lies_where_it_looks_for_the_callers_language(run: Run, tmp_path: Path) -> None:
    waiting = {language: queue_lines(language).lines["waiting"] for language in ("en", "zh")}
    phrases: Any = ScriptedPhrases({waiting["en"]: 100, waiting["zh"]: 200})
    run(write_lines(phrases, {"en": prompts(), "zh": prompts()}, tmp_path))
    assert [(tmp_path / language / "waiting.sln16").stat().st_size for language in ("en", "zh")] == [3_200, 6_400]


def test_a_number_lies_where_asterisk_looks_for_its_words(run: Run, tmp_path: Path) -> None:
    words = {language: queue_lines(language).numbers for language in ("en", "zh")}
    phrases: Any = ScriptedPhrases({words["en"]["7"]: 100, words["en"]["12"]: 200, words["zh"]["20"]: 300})
    run(write_lines(phrases, {"en": prompts(), "zh": prompts()}, tmp_path))
    sizes = {name: (tmp_path / f"{name}.sln16").stat().st_size for name in ("en/digits/7", "digit_7-en", "en/digits/12", "zh/digits/20")}
    assert sizes == {"en/digits/7": 3_200, "digit_7-en": 3_200, "en/digits/12": 6_400, "zh/digits/20": 9_600}
    assert not (tmp_path / "zh/digits/12.sln16").exists(), "Asterisk says it as ten and two"


@pytest.mark.parametrize("line", QUEUE_LINES)
def test_every_queue_line_stands_in_both_languages_and_is_said_by_somebody(line: str) -> None:
    assert queue_lines("en").lines[line] != queue_lines("zh").lines[line]
    assert (f"@{{sounds}}/{line}\n" if line in WAITING else f"/{line}-${{language}}") in (QUEUE if line in WAITING else DIALPLAN)


@pytest.mark.parametrize("digit", DIGITS)
def test_every_digit_of_a_number_is_said(digit: str) -> None:
    assert queue_lines("en").numbers[digit] != queue_lines("zh").numbers[digit]
    assert "/digit_${digits:0:1}-${language}" in DIALPLAN


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (None, "no queue sentences for language 'xx'"),
        ("waiting = ", "cannot be used"),
        ("waiting = 'hold on'\n", "wants the sentences callback_offer"),
        ("beep = 'x'\n{whole}", "and no others"),
        ("{nine}", "wants words for 0, 1, 2"),
        ("{whole}1000 = 'x'\n", "and no others"),
        ("{whole}11 = 2\n", "cannot be used"),
    ],
)
def test_a_file_of_queue_lines_is_whole_or_refused(tmp_path: Path, written: str | None, told: str) -> None:
    whole = (FOLDER / "en.toml").read_text(encoding="utf-8")
    if written is not None:
        text = written.replace("{whole}", whole).replace("{nine}", whole.replace('0 = "zero"', ""))
        (tmp_path / "xx.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=told):
        queue_lines("xx", tmp_path)


def test_a_voice_that_fails_is_an_error_at_start(run: Run, tmp_path: Path) -> None:
    class Broken:
        async def audio(self, _text: str, _language: str) -> bytes:
            raise EngineError("flite is missing")

    broken: Any = Broken()
    with pytest.raises(EngineError, match="flite"):
        run(write_lines(broken, {"en": prompts()}, tmp_path))
