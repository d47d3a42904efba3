"""Manifests: what is written is read again, and each fault is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.errors import EvaluationError
from voicebot.evaluate.manifest import Row, located, read, write

ROWS = [
    Row("a.wav", "anna", "anger", "anger", "en", 'she said "never, ever"', False, "female"),
    Row("b.wav", "anna", "other", "neutral", "zh", "第三次了", True),
]
HEADER = "path,speaker,label,kind,language,text,baseline\n"


def manifest(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text, "utf-8")
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write(tmp_path / "list.csv", ROWS)
    assert read(tmp_path / "list.csv") == ROWS


def test_sex_may_be_left_out_and_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    rows = read(manifest(tmp_path, "\ufeff" + HEADER + "a.wav,anna,anger,anger,en,,\n"))
    assert rows == [Row("a.wav", "anna", "anger", "anger", "en")]
    assert rows[0].angry


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("path,speaker\n", "no column label, kind, language, text, baseline"),
        (HEADER, "holds no recordings"),
        (HEADER + "a.wav,anna,furious,anger,en,,0\n", r"line 2: label 'furious'; use anger or other"),
        (HEADER + "a.wav,anna,anger,anger,en,,0\nb.wav,anna,other,calm,en,,yes\n", r"line 3: baseline 'yes'"),
        (HEADER + ",anna,anger,anger,en,,0\n", r"line 2: path and speaker must not be empty"),
        (HEADER + "a.wav\n", "line 2: label ''"),
        ("", "no column path"),
    ],
)
def test_each_fault_is_named_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(EvaluationError, match=complaint):
        read(manifest(tmp_path, text))


def test_a_missing_or_foreign_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"none\.csv: cannot be read"):
        read(tmp_path / "none.csv")
    (tmp_path / "list.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvaluationError, match="in UTF-8"):
        read(tmp_path / "list.csv")


def test_paths_start_at_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    assert located(ROWS[0], tmp_path / "list.csv") == tmp_path / "a.wav"
    with pytest.raises(EvaluationError, match=r"b\.wav does not exist"):
        located(ROWS[1], tmp_path / "list.csv")
