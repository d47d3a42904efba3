"""The account sentences: whole in each language, gaps filled in order, and a file with a fault refused by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from voicebot.dialogue.telling import FOLDER, GAPS, PLAIN, load
from voicebot.errors import KnowledgeError

LANGUAGES = sorted(path.stem for path in FOLDER.glob("*.toml"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_is_whole_and_speakable(language: str) -> None:
    telling = load(language)
    assert len(telling.fixed()) == len(PLAIN)
    for name in (*PLAIN, *GAPS):
        said = telling.fill(name, tuple(f"<{place}>" for place in range(GAPS.get(name, 0))))
        assert said.strip()
        assert not set("{}[]*_#") & set(said)
        assert all(said.count(f"<{place}>") == 1 for place in range(GAPS.get(name, 0)))


def test_english_and_mandarin_are_there() -> None:
    assert {"en", "zh"} <= set(LANGUAGES)


def test_names_are_said_as_the_language_says_them() -> None:
    assert load("zh").fill("no_outage", ("{area:Riverside}",)) == "没有查到河滨有故障。"
    assert load("en").fill("no_outage", ("{area:Riverside}",)) == "I know of no outage in Riverside."
    assert "service" in load("en").fill("ticket_open", ("{ticket:unheard}", "1 March"))
    assert "$1 for roaming and $2 for extra data" in load("en").fill("bill_higher", ("a", "b", "c", "$1 {item:roaming}{and}$2 {item:data_pack}"))


def test_a_wrong_number_of_facts_is_our_fault() -> None:
    with pytest.raises(ValueError, match="has 1 gaps, given 0"):
        load("en").fill("no_outage")
    with pytest.raises(KeyError):
        load("en").fill("no_such")


@pytest.mark.parametrize(
    ("pattern", "by", "fault"),
    [
        (r"^one_moment = .*$", "", "sentence 'one_moment' is missing"),
        (r"^one_moment = ", "one_momnt = ", "unknown sentence 'one_momnt'"),
        (r"^bill_is = .*$", 'bill_is = "Your {1} bill."', "'bill_is' must hold {1}, {2}, each once"),
        (r"^one_moment = .*$", 'one_moment = "One {1}."', "'one_moment' must hold no gap"),
        (r"^\[areas\]$", "", "section [areas] is missing"),
        (r"^\[items\]$", "[items", "cannot be used"),
    ],
)
def test_a_file_with_a_fault_is_refused_by_name(pattern: str, by: str, fault: str, tmp_path: Path) -> None:
    text, count = re.subn(pattern, by, (FOLDER / "en.toml").read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    assert count == 1
    (tmp_path / "en.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=re.escape(fault)):
        load("en", tmp_path)


def test_a_language_without_a_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"translate en\.toml"):
        load("xx", tmp_path)
