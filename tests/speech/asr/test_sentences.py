"""The general sentences: many, different, the same each time; a mistake in the file is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import EngineError
from voicebot.speech.asr.sentences import ENGLISH, commands, sentences


def lists(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "lists.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_english_file_gives_thousands_of_different_sentences_and_nearly_no_repeats() -> None:
    made = sentences()
    assert len(set(made)) >= 8_000
    assert len(set(made)) / len(made) > 0.98
    assert made == sentences()


def test_the_english_sentences_are_spelled_as_they_are_said() -> None:
    strange = [sentence for sentence in sentences() if not re.fullmatch(r"[a-z']+( [a-z']+)*", sentence)]
    assert strange == []


def test_nearly_every_phrase_of_the_english_file_is_used() -> None:
    made = " | ".join(sentences())
    phrases = [line for line in ENGLISH.read_text(encoding="utf-8").splitlines() if line and line[0] not in "#@" and "{" not in line]
    missing = [phrase for phrase in phrases if phrase not in made]
    assert len(missing) <= 0.02 * len(phrases), missing


def test_commands_may_repeat_and_a_language_without_a_file_has_none() -> None:
    assert commands().count("yes") > 1
    assert {"转人工", "是的", "不用了谢谢"} <= set(commands("zh"))
    assert commands("zh").count("转人工") > 1
    assert not [line for language in ("en", "zh") for line in commands(language) if line.startswith("#") or line != line.strip() or not line]
    assert commands("fr") == []


def test_a_carrier_with_few_combinations_gives_each_once(tmp_path: Path) -> None:
    path = lists(tmp_path, "# a comment\n@what\nbill\nphone\n\n@say\nmy {what} please\nyes\n")
    assert sorted(sentences(path)) == ["my bill please", "my phone please", "yes"]


def test_lists_may_name_lists(tmp_path: Path) -> None:
    path = lists(tmp_path, "@a\none\ntwo\n@b\n{a} red\n{a} blue\n@say\n{b} {b}\n")
    made = sentences(path, per_carrier=100)
    assert len(made) == 16
    assert {"one red two blue", "one red one red"} <= set(made)


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 12))
def test_no_more_than_asked_for_and_no_fewer_than_there_are(most: int, left: int, right: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        words = [[f"{side}{'x' * number}" for number in range(count)] for side, count in (("l", left), ("r", right))]
        path = lists(Path(folder), "\n".join(["@left", *words[0], "@right", *words[1], "@say", "{left} {right}"]))
        made = sentences(path, per_carrier=most)
    assert len(made) == len(set(made)) <= most
    assert len(made) >= min(most, left, right)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hello\n@say\nyes\n", r"lists\.txt:1: a phrase before the first list"),
        ("@say\nmy {thing}\n", r"'my \{thing\}' names an empty or missing list '@thing'"),
        ("@thing\n@say\nmy {thing}\n", r"empty or missing list '@thing'"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(EngineError, match=fault):
        sentences(lists(tmp_path, text))
