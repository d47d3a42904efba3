"""An operator's own transcripts, as text, CSV or JSON files: what the caller said in each call, in order. Agents' words are left out.

Text: one utterance a line, perhaps with who spoke it before a colon. CSV: the column text, perhaps call and speaker. JSON: a list of texts, or of
objects with text and perhaps speaker.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicebot.errors import EvaluationError

CALLERS = frozenset(["caller", "customer", "client", "c", "user", "kunde", "客户", "来电者", "用户", "顾客"])
OTHERS = frozenset(["agent", "bot", "a", "operator", "system", "ivr", "客服", "坐席", "机器人"])
_SPOKEN_BY = re.compile(r"([^\s:：]{1,12})\s*[:：]\s*(.*)")


@dataclass(frozen=True, slots=True)
class Told:
    """One call: its name and what the caller said, utterance by utterance, each with the recogniser's confidence (1 for a transcript)."""

    name: str
    said: tuple[tuple[str, float], ...]


def read(path: Path) -> tuple[Told, ...]:
    """The calls in one file. Raises EvaluationError naming file, place and fix."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(READERS[path.suffix.lower()](text, path))
    except UnicodeDecodeError:
        raise EvaluationError(f"{path}: is not UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read: {error.strerror}") from None
    return tuple(_calls(rows, path))


def _calls(rows: Iterable[tuple[str, str, str]], path: Path) -> Iterator[Told]:
    """Rows of call, speaker and text, gathered by call; a call in which the caller said nothing is left out."""
    said: dict[str, list[tuple[str, float]]] = {}
    for call, speaker, text in rows:
        if speaker.casefold() not in CALLERS | OTHERS | {""}:
            raise EvaluationError(f"{path}: speaker {speaker!r} is unknown; write caller or agent")
        if text and speaker.casefold() not in OTHERS:
            said.setdefault(call or path.stem, []).append((text, 1.0))
    yield from (Told(name, tuple(texts)) for name, texts in said.items())


def _lines(text: str, path: Path) -> Iterator[tuple[str, str, str]]:
    for line in filter(None, map(str.strip, text.splitlines())):
        found = _SPOKEN_BY.fullmatch(line)
        named = found if found and found[1].casefold() in CALLERS | OTHERS else None
        yield path.stem, named[1] if named else "", named[2] if named else line


def _table(text: str, path: Path) -> Iterator[tuple[str, str, str]]:
    table = csv.DictReader(text.splitlines(keepends=True))
    if "text" not in (table.fieldnames or ()):
        raise EvaluationError(f"{path}: no column text in the first line; add it, and perhaps call and speaker")
    for row in table:
        yield _row(row)


def _listed(text: str, path: Path) -> Iterator[tuple[str, str, str]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, str | dict) for each in found):
        raise EvaluationError(f"{path}: is no JSON list; write a list of texts, or of objects with text and perhaps speaker")
    for each in found:
        yield ("", "", each.strip()) if isinstance(each, str) else _row(each)


def _row(row: Mapping[str, Any]) -> tuple[str, str, str]:
    call, speaker, text = (str(row.get(name) or "").strip() for name in ("call", "speaker", "text"))
    return call, speaker, text


READERS: Mapping[str, Callable[[str, Path], Iterator[tuple[str, str, str]]]] = {".txt": _lines, ".csv": _table, ".json": _listed}
"""What transcripts may be called."""
