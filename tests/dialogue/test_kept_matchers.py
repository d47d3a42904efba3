"""A matcher is learnt once and read from then on; what is damaged, or was made of anything else, is learnt anew."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import structlog
from numpy.typing import NDArray

from voicebot.dialogue import kept_matchers
from voicebot.dialogue.entry import Entry
from voicebot.dialogue.kept_matchers import KEPT, matcher
from voicebot.dialogue.matching import Matcher
from voicebot.dialogue.vectors import Embedding

HOURS = Entry("hours", "en", "our hours", (), None, ("when are you open", "opening hours"), "Nine to five.", "Nine.")
BILL = Entry("bill", "en", "my bill", (), None, ("my bill is too high", "why is the bill higher"), "It is in the app.", "In the app.")
ENTRIES = (HOURS, BILL)


class Meaning:
    """One figure: how often a text speaks of money."""

    dimensions = 2

    def __init__(self, word: str = "bill") -> None:
        self._word = word

    def of(self, text: str) -> NDArray[np.float32]:
        return np.array([text.count(self._word), text.count("invoice")], np.float32)


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Entry]]:
    """What was learnt, each time."""
    seen: list[Sequence[Entry]] = []
    build = Matcher.build

    def building(entries: Sequence[Entry], embedding: Embedding | None = None) -> Matcher:
        seen.append(entries)
        return build(entries, embedding)

    monkeypatch.setattr(Matcher, "build", building)
    return seen


@pytest.mark.parametrize("embedding", [None, Meaning()])
def test_the_second_time_it_is_read_and_answers_the_same(tmp_path: Path, builds: list[Sequence[Entry]], embedding: Meaning | None) -> None:
    first, second = (matcher(tmp_path, ENTRIES, embedding) for _ in range(2))
    assert len(builds) == 1
    for text in ("is my bill high", "when do you open", "invoice", "zxqv"):
        assert first.match(text) == second.match(text) == Matcher.build(ENTRIES, embedding).match(text)


def test_mandarin_is_kept_too(tmp_path: Path, builds: list[Sequence[Entry]]) -> None:
    entries = (replace(HOURS, language="zh", questions=("你们几点开门",)), replace(BILL, language="zh", questions=("账单太高了",)))
    first, second = (matcher(tmp_path, entries) for _ in range(2))
    assert len(builds) == 1
    assert first.match("几点开门") == second.match("几点开门")
    assert second.match("几点开门")[0].entry_id == "hours"


@pytest.mark.parametrize("change", [{"questions": ("when",)}, {"answer": "Ten to six."}, {"title": "hours"}, {"id": "times"}])
def test_another_knowledge_base_is_learnt(tmp_path: Path, builds: list[Sequence[Entry]], change: dict[str, str]) -> None:
    matcher(tmp_path, ENTRIES)
    matcher(tmp_path, (replace(HOURS, **change), BILL))  # type: ignore[arg-type]
    assert len(builds) == 2


def test_another_embedding_is_learnt(tmp_path: Path, builds: list[Sequence[Entry]]) -> None:
    for embedding in (None, Meaning(), Meaning("hours"), Meaning()):
        matcher(tmp_path, ENTRIES, embedding)
    assert len(builds) == 3


def test_other_code_learns(tmp_path: Path, builds: list[Sequence[Entry]], monkeypatch: pytest.MonkeyPatch) -> None:
    matcher(tmp_path, ENTRIES)
    monkeypatch.setattr(kept_matchers, "_code", lambda: b"another version")
    matcher(tmp_path, ENTRIES)
    assert len(builds) == 2


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"PK\x03\x04" * 20])
def test_a_damaged_file_is_made_anew(tmp_path: Path, builds: list[Sequence[Entry]], damage: bytes) -> None:
    matcher(tmp_path, ENTRIES)
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage)
    assert matcher(tmp_path, ENTRIES).match("when do you open")[0].entry_id == "hours"
    assert path.read_bytes() == whole
    assert len(builds) == 2


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with structlog.testing.capture_logs() as logs:
        found = matcher(tmp_path / "file" / "matchers", ENTRIES)
    assert found.match("when do you open")[0].entry_id == "hours"
    assert [line["event"] for line in logs] == ["matcher is not kept; free space or set [speech] cache to another folder"]


def test_old_files_go_and_the_used_and_the_other_language_stay(tmp_path: Path) -> None:
    matcher(tmp_path, ENTRIES)
    [first] = tmp_path.iterdir()
    others = [tmp_path / name for name in ("zh-0.arrays", "en-9.arrays.77.partial", *(f"en-{at}.arrays" for at in range(KEPT)))]
    for age, path in enumerate(others):
        path.touch()
        os.utime(path, (age, age))
    os.utime(first, (0, 0))
    matcher(tmp_path, ENTRIES)
    matcher(tmp_path, (HOURS,))
    left = {path.name for path in tmp_path.iterdir()}
    assert {first.name, "zh-0.arrays", f"en-{KEPT - 1}.arrays"} < left
    assert len(left) == 1 + KEPT


def test_no_entries_or_mixed_languages_are_refused_as_ever(tmp_path: Path) -> None:
    for entries in ((), (HOURS, replace(BILL, language="zh"))):
        with pytest.raises(ValueError, match="exactly one language"):
            matcher(tmp_path, entries)
    assert not list(tmp_path.iterdir())
