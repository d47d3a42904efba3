"""One file of the knowledge base to one entry: which keys it may have, and what must hold of each.

Every fault is reported with its line; nothing is repaired, guessed or skipped. What only shows between two files is knowledge's to find.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from voicebot.dialogue.entry import COMPARISONS, SLOTS, Condition, Entry, Fault, Report
from voicebot.dialogue.front_matter import Field, Key, cut, decoded, fields

MAX_ANSWER_WORDS = 45
"""A caller cannot keep more in mind, and it is about 16 s of speech. A Chinese character counts as half a word."""

KEYS: Mapping[str, Key] = {
    "id": Key(required=True),
    "language": Key(required=True),
    "title": Key(required=True),
    "questions": Key(many=True, required=True),
    "short": Key(required=True),
    "tags": Key(many=True, empty=True),
    "menu": Key(),
    "calm": Key(),
    "follow_ups": Key(many=True),
    "slots": Key(many=True),
    "ask": Key(many=True),
    "handover": Key(),
    "valid_from": Key(),
    "valid_until": Key(),
    "offer": Key(),
    "recommend": Key(many=True),
    "tests": Key(many=True),
}
_SPOKEN = ("short", "title", "calm", "offer")

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MENU_KEY = re.compile(r"[1-9]")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CONDITION = re.compile(rf"([a-z][a-z_]*) *({'|'.join(COMPARISONS)}) *(-?\d{{1,9}}(?:\.\d{{1,6}})?)")
_UNSPEAKABLE = re.compile(r"https?://|www\.|[*_#<>\[\]{}|`\x00-\x08\x0e-\x1f\x7f]")
_CJK = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Page:
    """An entry and where each of its texts stands."""

    path: Path
    entry: Entry
    fields: Mapping[str, Field]

    def texts(self, key: str) -> Iterator[tuple[str, int]]:
        """The texts under `key` with their lines."""
        field = self.fields.get(key)
        yield from zip(field.values, field.lines, strict=True) if field else ()


def read_entry(path: Path, raw: bytes, faults: list[Fault]) -> Page | None:
    """The entry in `raw`, or None with at least one fault added. `path` is LANGUAGE/ID.md, and no more than a name here."""
    before = len(faults)

    def report(line: int, message: str) -> None:
        faults.append(Fault(path, line, message))

    text = decoded(raw, report) if raw.strip() else ""
    parts = cut(text, report) if text else None
    found = fields(parts.front, KEYS, report) if parts else None
    if not parts or found is None:
        return None
    answer = " ".join(parts.body.split())
    _check_answer(answer, parts.body, parts.first_line, report)
    _check_values(found, path, report)
    _check_together(found, report)
    return Page(path, _built(found, answer), found) if len(faults) == before else None


def _check_answer(answer: str, body: str, first_line: int, report: Report) -> None:
    if not answer:
        report(first_line, "the answer is empty; write it below the front matter")
    if "\n\n" in re.sub(r"[^\S\n]+", "", body.strip()):
        report(first_line, "the answer has several paragraphs; write one paragraph of spoken text")
    if (words := _spoken_words(answer)) > MAX_ANSWER_WORDS:
        report(first_line, f"the answer has {words} words; a caller can follow at most {MAX_ANSWER_WORDS}, shorten it")
    for number, line in enumerate(body.split("\n"), first_line):
        if sign := _UNSPEAKABLE.search(line):
            report(number, f"the answer holds {sign[0]!r}, which cannot be spoken; say it in words")


def _spoken_words(text: str) -> int:
    return len(_CJK.sub(" ", text).split()) + len(_CJK.findall(text)) // 2


def _check_values(found: Mapping[str, Field], path: Path, report: Report) -> None:
    rules: tuple[tuple[str, Callable[[str], object], str], ...] = (
        ("id", lambda value: value == path.stem, f"is not the file's name '{path.stem}'; make them equal"),
        ("id", _ID.fullmatch, "is no id; use lower-case letters, digits and single hyphens"),
        ("language", lambda value: value == path.parent.name, f"is not the folder's name '{path.parent.name}'; make them equal"),
        ("menu", _MENU_KEY.fullmatch, "is no key of the menu; use one digit, 1 to 9"),
        *((key, lambda value: not _UNSPEAKABLE.search(value), "holds a sign that cannot be spoken; say it in words") for key in _SPOKEN),
        ("calm", lambda value: _spoken_words(value) <= MAX_ANSWER_WORDS, f"is longer than {MAX_ANSWER_WORDS} words; shorten it"),
        ("slots", SLOTS.__contains__, f"is nothing the bot can ask for; use one of {', '.join(SLOTS)}"),
        ("handover", lambda value: value == "always", "is unknown; write 'always', or leave the key out"),
        ("valid_from", _day, "is no day; write it as 2026-12-31"),
        ("valid_until", _day, "is no day; write it as 2026-12-31"),
        ("recommend", _CONDITION.fullmatch, "is no condition; write it as data_used_percent >= 80"),
    )
    for key, holds, message in rules:
        field = found.get(key)
        for value, line in zip(field.values, field.lines, strict=True) if field else ():
            if not holds(value):
                report(line, f"{key} {value!r} {message}")


def _check_together(found: Mapping[str, Field], report: Report) -> None:
    for key, other in (("offer", "recommend"), ("recommend", "offer")):
        if key in found and other not in found:
            report(found[key].line, f"'{key}' without '{other}'; add it, or leave out both")
    first, last = (_day(_one(found, key)) for key in ("valid_from", "valid_until"))
    if first and last and last < first:
        report(found["valid_until"].line, "valid_until lies before valid_from; exchange them")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _one(found: Mapping[str, Field], key: str) -> str:
    return found[key].values[0] if key in found and found[key].values else ""


def _many(found: Mapping[str, Field], key: str) -> tuple[str, ...]:
    return found[key].values if key in found else ()


def _built(found: Mapping[str, Field], answer: str) -> Entry:
    menu = _one(found, "menu")
    return Entry(
        id=_one(found, "id"),
        language=_one(found, "language"),
        title=_one(found, "title"),
        tags=_many(found, "tags"),
        menu=int(menu) if menu else None,
        questions=_many(found, "questions"),
        answer=answer,
        short=_one(found, "short"),
        calm=_one(found, "calm"),
        follow_ups=_many(found, "follow_ups"),
        slots=_many(found, "slots"),
        ask=_many(found, "ask"),
        handover=bool(_one(found, "handover")),
        valid_from=_day(_one(found, "valid_from")),
        valid_until=_day(_one(found, "valid_until")),
        offer=_one(found, "offer"),
        recommend=tuple(_condition(text) for text in _many(found, "recommend")),
        tests=_many(found, "tests"),
    )


def _condition(text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no condition")
    fact, comparison, value = found.groups()
    return Condition(fact, comparison, float(value))
