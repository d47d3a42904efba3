"""Every fault is found with its file and line, and no file, whatever its bytes, ends in a traceback."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voicebot.dialogue import knowledge
from voicebot.dialogue.entry_file import KEYS
from voicebot.dialogue.knowledge import Entry, Fault
from voicebot.errors import KnowledgeError

GOOD = """\
---
id: opening-hours
language: en
title: opening hours
tags: [company, shops]
menu: 3
questions:
  - when are you open
  - no
  - "what: are the hours"
short: From nine to seven.
---
Our shops are open
from nine to seven.
"""
DEMO = Path(knowledge.__file__).parents[1] / "demo" / "kb"


def write(folder: Path, text: str | bytes = GOOD, name: str = "en/opening-hours.md") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def faults(folder: Path) -> list[tuple[str, int, str]]:
    return [(fault.path.name, fault.line, fault.message) for fault in knowledge.check(folder)]


def only_fault(folder: Path, text: str | bytes) -> tuple[int, str]:
    write(folder, text)
    ((_, line, message),) = faults(folder)
    return line, message


def test_a_good_file_is_read_as_written(tmp_path: Path) -> None:
    write(tmp_path)
    assert knowledge.load(tmp_path).entries == (
        Entry(
            id="opening-hours",
            language="en",
            title="opening hours",
            tags=("company", "shops"),
            menu=3,
            questions=("when are you open", "no", "what: are the hours"),
            answer="Our shops are open from nine to seven.",
            short="From nine to seven.",
        ),
    )


@pytest.mark.parametrize("raw", [GOOD.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + GOOD.encode()], ids=["windows line ends", "byte order mark"])
def test_what_windows_editors_write_is_the_same_entry(tmp_path: Path, raw: bytes) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b", raw)
    assert knowledge.load(tmp_path / "a").entries == knowledge.load(tmp_path / "b").entries


def test_tags_and_menu_may_be_left_out(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("tags: [company, shops]\n", "").replace("menu: 3\n", ""))
    (entry,) = knowledge.load(tmp_path).entries
    assert (entry.tags, entry.menu) == ((), None)


def test_entries_are_found_by_language_and_id(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, GOOD.replace("language: en", "language: zh"), "zh/opening-hours.md")
    loaded = knowledge.load(tmp_path)
    (english,) = loaded.language("en")
    assert english.language == "en"
    assert loaded.entry("opening-hours", "en") == english
    assert loaded.entry("opening-hours", "zh") == replace(english, language="zh")
    assert loaded.entry("opening-hours", "fr") is None
    assert loaded.language("fr") == ()


def test_the_version_changes_exactly_with_the_content(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b")
    write(tmp_path / "c", GOOD + " ")
    a, b, c = (knowledge.load(tmp_path / name).version for name in "abc")
    assert a == b
    assert a != c


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("title: opening hours", "titel: opening hours", 4, "unknown key 'titel'; did you mean 'title'?"),
        ("tags: [company, shops]", "colour: red", 5, f"unknown key 'colour'; known keys: {', '.join(KEYS)}"),
        ("menu: 3", "menu: 12", 6, "menu '12' is no key of the menu; use one digit, 1 to 9"),
        ("menu: 3", "menu: [3]", 6, "'menu' must be one text"),
        ("tags: [company, shops]", "tags: company", 5, "'tags' must be a list of texts, one per line after a dash"),
        ("  - no\n", "  - [no]\n", 9, "'questions' holds something that is not a text; write plain words, in double quotes if they hold a colon"),
        ("  - no\n", "  - a: b\n", 9, "'questions' holds something that is not a text; write plain words, in double quotes if they hold a colon"),
        ("  - no\n", "  -\n", 9, "'questions' holds something that is not a text; write plain words, in double quotes if they hold a colon"),
        ("  - no\n", "  - When are you OPEN\n", 9, "question 'when are you open' already stands in opening-hours.md, line 8; keep it in one entry"),
        ("menu: 3", "id: opening-hours", 6, "key 'id' stands here a second time (first in line 2); keep one"),
        ("id: opening-hours", "id: closing-hours", 2, "id 'closing-hours' is not the file's name 'opening-hours'; make them equal"),
        ("language: en", "language: zh", 3, "language 'zh' is not the folder's name 'en'; make them equal"),
        ("short: From", "short: '*'", 11, None),
        ("short: From nine to seven.", "short: see <b>", 11, "short 'see <b>' holds a sign that cannot be spoken; say it in words"),
        ("from nine to seven.\n", "see https://x.org\n", 14, "the answer holds 'https://', which cannot be spoken; say it in words"),
        ("Our shops are open\nfrom nine to seven.\n", "\n", 13, "the answer is empty; write it below the front matter"),
        ("are open\nfrom", "are open\n \nfrom", 13, "the answer has several paragraphs; write one paragraph of spoken text"),
        ("from nine", "from " + "nine " * 45, 13, "the answer has 52 words; a caller can follow at most 45, shorten it"),
        ("short: From nine to seven.\n---\n", "short: From nine to seven.\n", 1, None),
        ("---\nid", "id", 1, "front matter is missing; begin the file with a line ---"),
    ],
)
def test_a_fault_is_named_with_its_line_and_the_fix(tmp_path: Path, old: str, new: str, line: int, message: str | None) -> None:
    broken = GOOD.replace(old, new, 1)
    assert broken != GOOD
    write(tmp_path, broken)
    found = faults(tmp_path)
    assert line in [at for _, at, _ in found]
    if message:
        assert ("opening-hours.md", line, message) in found


@pytest.mark.parametrize("key", ["id", "language", "title", "questions", "short"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    lines = GOOD.replace("  - when are you open\n  - no\n", "").replace("questions:\n  - ", "questions: [").replace('the hours"', 'the hours"]')
    line, message = only_fault(tmp_path, "".join(line for line in lines.splitlines(keepends=True) if not line.startswith(f"{key}:")))
    assert (line, message) == (1, f"key '{key}' is missing; add '{key}:' to the front matter")


def test_an_empty_list_of_questions_is_a_fault(tmp_path: Path) -> None:
    text = GOOD.replace('questions:\n  - when are you open\n  - no\n  - "what: are the hours"\n', "questions: []\n")
    assert only_fault(tmp_path, text) == (7, "'questions' is empty; write at least one text under it")


def test_a_yaml_error_is_named_with_its_line(tmp_path: Path) -> None:
    line, message = only_fault(tmp_path, GOOD.replace("title: opening hours", "title: opening: hours"))
    assert line == 4
    assert message.startswith("front matter is not valid YAML: mapping values are not allowed here")


@pytest.mark.parametrize(
    ("raw", "line", "message"),
    [
        (b"", 1, "is empty; write the entry or remove the file"),
        (b"---\nid: opening-hours\n", 1, "front matter is not closed; put a line --- between the last key and the answer"),
        (b"---\n\n---\nHello.\n", 2, "front matter holds no keys; write lines such as 'title: Opening hours'"),
        (GOOD.encode().replace(b"no\n", b"\xff\n"), 9, "is not UTF-8 text; save the file as UTF-8"),
        (b"x" * 16_001, 1, "is 16,001 bytes long; keep an entry under 16,000"),
    ],
)
def test_a_file_that_is_no_entry_is_refused(tmp_path: Path, raw: bytes, line: int, message: str) -> None:
    assert only_fault(tmp_path, raw) == (line, message)


def test_a_chinese_character_counts_as_half_a_word(tmp_path: Path) -> None:
    body = GOOD.index("Our shops")
    write(tmp_path, GOOD[:body] + "好" * 90)
    assert knowledge.check(tmp_path) == ()
    write(tmp_path, GOOD[:body] + "好" * 92)
    assert [message for *_, message in faults(tmp_path)] == ["the answer has 46 words; a caller can follow at most 45, shorten it"]


def test_two_entries_may_not_claim_one_question_or_menu_key(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, GOOD.replace("opening-hours", "shops"), "en/shops.md")
    found = faults(tmp_path)
    assert ("shops.md", 6, "menu key 3 already stands in opening-hours.md, line 6; keep it in one entry") in found
    assert ("shops.md", 8, "question 'when are you open' already stands in opening-hours.md, line 8; keep it in one entry") in found


def test_one_question_may_have_two_answers_that_never_hold_on_the_same_day(tmp_path: Path) -> None:
    until = GOOD.replace("tags:", "valid_until: 2026-12-23\ntags:")
    since = GOOD.replace("opening-hours", "holidays").replace("tags:", "valid_from: 2026-12-24\ntags:")
    write(tmp_path, until)
    write(tmp_path, since, "en/holidays.md")
    assert knowledge.check(tmp_path) == ()
    loaded = knowledge.load(tmp_path)
    assert [entry.id for entry in loaded.on(date(2026, 12, 23)).entries] == ["opening-hours"]
    assert [entry.id for entry in loaded.on(date(2026, 12, 24)).entries] == ["holidays"]
    assert loaded.on(date(2026, 12, 24)).version == loaded.version
    write(tmp_path, since.replace("12-24", "12-23"), "en/holidays.md")
    assert "menu key 3 already stands in holidays.md, line 7; keep it in one entry" in [message for *_, message in faults(tmp_path)]


@pytest.mark.parametrize("follow_up", ["shops", "opening-hours"])
def test_a_follow_up_names_another_entry(tmp_path: Path, follow_up: str) -> None:
    write(tmp_path, GOOD.replace("tags:", f"follow_ups: [{follow_up}]\ntags:"))
    assert faults(tmp_path) == [("opening-hours.md", 5, f"follow-up {follow_up!r} is no other entry in 'en'; name the id of one")]


def test_a_follow_up_whose_file_has_a_fault_of_its_own_is_not_lost(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("tags:", "follow_ups: [shops]\ntags:"))
    write(tmp_path, b"", "en/shops.md")
    assert faults(tmp_path) == [("shops.md", 1, "is empty; write the entry or remove the file")]


def test_a_test_that_is_learnt_proves_nothing(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("short:", "tests:\n  - are you open\n  - When are you open\nshort:"))
    assert faults(tmp_path) == [
        ("opening-hours.md", 13, "test 'When are you open' stands among the questions, so it proves nothing; word it differently")
    ]


def test_the_same_question_in_two_languages_is_fine(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, GOOD.replace("language: en", "language: zh"), "zh/opening-hours.md")
    assert knowledge.check(tmp_path) == ()


def test_every_fault_of_every_file_is_in_the_one_error(tmp_path: Path) -> None:
    first = write(tmp_path, GOOD.replace("title:", "titel:"))
    second = write(tmp_path, b"", "en/shops.md")
    with pytest.raises(KnowledgeError) as caught:
        knowledge.load(tmp_path)
    assert str(caught.value).splitlines() == [
        f"{first}:1: key 'title' is missing; add 'title:' to the front matter",
        f"{first}:4: unknown key 'titel'; did you mean 'title'?",
        f"{second}:1: is empty; write the entry or remove the file",
    ]


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    (fault,) = knowledge.check(tmp_path / "none")
    assert fault == Fault(
        tmp_path / "none", 1, "cannot be read as a folder: No such file or directory; name the folder that holds one folder per language"
    )


def test_a_folder_without_entries_is_a_fault(tmp_path: Path) -> None:
    assert faults(tmp_path) == [(tmp_path.name, 1, "holds no entries; put each entry into LANGUAGE/ID.md, such as en/opening-hours.md")]


def test_what_is_no_entry_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "x", "en/notes.txt")
    write(tmp_path, GOOD, "English words/opening-hours.md")
    write(tmp_path, "x", "en/.hidden")
    other = (
        GOOD.replace("opening-hours", "Opening_Hours")
        .replace("menu: 3\n", "")
        .replace("when", "since when")
        .replace("- no", "- or")
        .replace("what", "which")
    )
    write(tmp_path, other, "en/Opening_Hours.md")
    assert faults(tmp_path) == [
        ("English words", 1, "is no language folder; name it by its language code, such as en or zh"),
        ("Opening_Hours.md", 2, "id 'Opening_Hours' is no id; use lower-case letters, digits and single hyphens"),
        ("notes.txt", 1, "is not an entry; name it ID.md or move it away"),
    ]


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "en" / "opening-hours.md").mkdir(parents=True)
    ((name, line, message),) = faults(tmp_path)
    assert (name, line) == ("opening-hours.md", 1)
    assert message.startswith("cannot be read: ")


def checked(raw: bytes) -> tuple[Fault, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), raw)
        found = knowledge.check(Path(folder))
        assert all(fault.path == path and 1 <= fault.line <= raw.count(b"\n") + 2 for fault in found)
        return found


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_by_name(raw: bytes) -> None:
    assert checked(raw)


YAML_PIECES = ["id", "title", "questions", ": ", "- ", "&a", "*a", "!!x", "<<", "\\U", *"[]{}|>%#?'\" \n\x00é"]
YAML = st.lists(st.sampled_from(YAML_PIECES), max_size=40)


@given(YAML.map("".join))
@settings(deadline=None)
@example("[" * 500)
@example('"\\UFFFFFFFF"')
@example("%YAML " + "9" * 5_000 + ".1")
@example("&a [*a]")
@example("? [a]\n: b")
def test_any_front_matter_is_parsed_or_refused_by_name(front_matter: str) -> None:
    assert checked(f"---\n{front_matter}\n---\nHello.\n".encode())


@given(st.binary(max_size=3), st.integers(0, len(GOOD)), st.integers(0, 3))
def test_a_good_file_with_a_few_bytes_changed_is_parsed_or_refused(patch: bytes, at: int, cut: int) -> None:
    checked(GOOD.encode()[:at] + patch + GOOD.encode()[at + cut :])


def test_the_demo_knowledge_base_has_no_faults_and_enough_entries() -> None:
    assert knowledge.check(DEMO) == ()
    english = knowledge.load(DEMO).language("en")
    assert len(english) >= 44
    assert min(len(entry.questions) for entry in english) >= 8
    assert {entry.menu for entry in english} - {None} == set(range(1, 10))
    assert all(question == question.lower() and not set(question) & set(".,?!") for entry in english for question in entry.questions)
