"""The list of recordings an evaluation works through: a CSV file, read whole and checked before anything is measured. Never opens the recordings."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from voicebot.errors import EvaluationError

COLUMNS = ("path", "speaker", "label", "kind", "language", "text", "baseline")
"""What every manifest has; `sex` may follow."""
LABELS = ("anger", "other")


@dataclass(frozen=True, slots=True)
class Row:
    """One recording. `path` is absolute or beside the manifest, as written; `baseline` marks what may serve as the speaker's calm reference."""

    path: str
    speaker: str
    label: str
    kind: str
    language: str
    text: str = ""
    baseline: bool = False
    sex: str = ""

    @property
    def angry(self) -> bool:
        return self.label == "anger"


def read(path: Path) -> list[Row]:
    """Rows in the order of the file. Raises EvaluationError naming the file, the line and the fix."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
            if missing:
                raise EvaluationError(f"{path}: no column {', '.join(missing)}; a manifest has {', '.join(COLUMNS)} and may have sex")
            rows = [_row(entry, f"{path}, line {table.line_num}") for entry in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path}: cannot be read ({error}); give a CSV file in UTF-8") from error
    if not rows:
        raise EvaluationError(f"{path}: holds no recordings; add a row for each")
    return rows


def write(path: Path, rows: Iterable[Row]) -> None:
    """A manifest that `read` takes."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow((*COLUMNS, "sex"))
        table.writerows((r.path, r.speaker, r.label, r.kind, r.language, r.text, int(r.baseline), r.sex) for r in rows)


def located(row: Row, manifest: Path) -> Path:
    """Where the recording lies: a relative path starts at the manifest's folder. Raises EvaluationError when nothing is there."""
    found = manifest.parent / row.path
    if not found.is_file():
        raise EvaluationError(f"{manifest}: {row.path} does not exist; paths are absolute or start at the folder of the manifest")
    return found


def _row(entry: dict[str, str | None], place: str) -> Row:
    values = {name: (entry.get(name) or "").strip() for name in (*COLUMNS, "sex")}
    baseline = values.pop("baseline")
    if values["label"] not in LABELS:
        raise EvaluationError(f"{place}: label {values['label']!r}; use anger or other")
    if baseline not in ("", "0", "1"):
        raise EvaluationError(f"{place}: baseline {baseline!r}; use 1 for a calm utterance that may be the reference, else 0")
    if not values["path"] or not values["speaker"]:
        raise EvaluationError(f"{place}: path and speaker must not be empty")
    return Row(**values, baseline=baseline == "1")
