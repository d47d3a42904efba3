"""The knowledge base: one Markdown file per entry, `FOLDER/LANGUAGE/ID.md`, written by a call-centre lead.

Front matter (YAML) holds the key facts, the body is the approved answer. Every fault is found at once and named with
file and line; nothing is repaired, guessed or skipped. This module never matches questions and never speaks.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from voicebot.errors import KnowledgeError

MAX_FILE_BYTES = 16_000
MAX_ANSWER_WORDS = 45
"""A caller cannot keep more in mind, and it is about 16 s of speech. A Chinese character counts as half a word."""

_REQUIRED = ("id", "language", "title", "questions", "short")
_OPTIONAL = ("tags", "menu")
_LISTS = ("tags", "questions")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_MENU_KEY = re.compile(r"[1-9]")
_UNSPEAKABLE = re.compile(r"https?://|www\.|[*_#<>\[\]{}|`\x00-\x08\x0e-\x1f\x7f]")
_CJK = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One approved answer and the questions it answers. `menu` is its key (1–9) in the DTMF menu, None for no key."""

    id: str
    language: str
    title: str
    tags: tuple[str, ...]
    menu: int | None
    questions: tuple[str, ...]
    answer: str
    short: str


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong in one place of the knowledge base, and how to put it right."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All entries of all languages. `version` is a hash of the files' content: equal exactly when the files are."""

    entries: tuple[Entry, ...]
    version: str

    def language(self, language: str) -> tuple[Entry, ...]:
        """The entries of one language, by id; none for a language without entries."""
        return tuple(entry for entry in self.entries if entry.language == language)

    def entry(self, entry_id: str, language: str) -> Entry | None:
        """One entry, or None: a journal may name an entry that has been removed since."""
        return next((entry for entry in self.entries if (entry.id, entry.language) == (entry_id, language)), None)


def load(folder: Path) -> Knowledge:
    """Read every entry under `folder`. Raises KnowledgeError with all faults, one per line `path:line: what; fix`."""
    pages, faults, version = _read(folder)
    if faults:
        raise KnowledgeError("\n".join(map(str, faults)))
    return Knowledge(tuple(page.entry for page in pages), version)


def check(folder: Path) -> tuple[Fault, ...]:
    """Every fault under `folder`, by path and line; empty when `load` would succeed."""
    return _read(folder)[1]


@dataclass(frozen=True, slots=True)
class _Page:
    path: Path
    entry: Entry
    lines: Mapping[str, int]
    question_lines: tuple[int, ...]


_Report = Callable[[int, str], None]


def _read(folder: Path) -> tuple[tuple[_Page, ...], tuple[Fault, ...], str]:
    pages: list[_Page] = []
    faults: list[Fault] = []
    digest = hashlib.sha256()
    for path in _files(folder, faults):
        raw = _bytes(path, faults)
        digest.update(f"{path.parent.name}/{path.name}:{len(raw)}\n".encode("utf-8", "surrogateescape") + raw)
        page = _page(path, raw, faults)
        if page:
            pages.append(page)
    faults += _clashes(pages)
    return tuple(pages), tuple(sorted(faults)), digest.hexdigest()[:12]


def _files(folder: Path, faults: list[Fault]) -> Iterator[Path]:
    try:
        languages = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        faults.append(Fault(folder, 1, f"cannot be read as a folder: {error.strerror}; name the folder that holds one folder per language"))
        return
    if not any(any(language.glob("*.md")) for language in languages):
        faults.append(Fault(folder, 1, "holds no entries; put each entry into LANGUAGE/ID.md, such as en/opening-hours.md"))
    for language in languages:
        if not _LANGUAGE.fullmatch(language.name):
            faults.append(Fault(language, 1, "is no language folder; name it by its language code, such as en or zh"))
            continue
        for path in sorted(path for path in language.iterdir() if not path.name.startswith(".")):
            if path.suffix == ".md":
                yield path
            else:
                faults.append(Fault(path, 1, "is not an entry; name it ID.md or move it away"))


def _bytes(path: Path, faults: list[Fault]) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        faults.append(Fault(path, 1, f"cannot be read: {error.strerror}; check the file and its permissions"))
        return b""
    if not raw.strip():
        faults.append(Fault(path, 1, "is empty; write the entry or remove the file"))
    return raw


def _page(path: Path, raw: bytes, faults: list[Fault]) -> _Page | None:
    """The entry in `raw`, or None with at least one fault reported."""
    before = len(faults)

    def report(line: int, message: str) -> None:
        faults.append(Fault(path, line, message))

    text = _decoded(raw, report) if raw.strip() else ""
    parts = _split(text, report) if text else None
    fields = _fields(parts[0], report) if parts else None
    if not parts or fields is None:
        return None
    answer = " ".join(parts[1].split())
    _check_answer(answer, parts[1], parts[2], report)
    _check_names(fields, path, report)
    return _built(path, fields, answer) if len(faults) == before else None


def _decoded(raw: bytes, report: _Report) -> str:
    if len(raw) > MAX_FILE_BYTES:
        report(1, f"is {len(raw):,} bytes long; keep an entry under {MAX_FILE_BYTES:,}")
        return ""
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        report(raw.count(b"\n", 0, error.start) + 1, "is not UTF-8 text; save the file as UTF-8")
        return ""


def _split(text: str, report: _Report) -> tuple[str, str, int] | None:
    """Front matter, body, and the line the body starts on."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        report(1, "front matter is missing; begin the file with a line ---")
        return None
    close = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if close is None:
        report(1, "front matter is not closed; put a line --- between the last key and the answer")
        return None
    return "\n".join(lines[1:close]), "\n".join(lines[close + 1 :]), close + 2


@dataclass(frozen=True, slots=True)
class _Field:
    line: int
    values: tuple[str, ...]
    lines: tuple[int, ...]


def _fields(front_matter: str, report: _Report) -> dict[str, _Field] | None:
    try:
        root = yaml.compose(front_matter, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:  # PyYAML lets the last three out on odd input
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "cannot be read"
        report(_line(mark) if mark else 2, f"front matter is not valid YAML: {what}; put texts with a colon or quotes into double quotes")
        return None
    if not isinstance(root, yaml.MappingNode):
        report(2, "front matter holds no keys; write lines such as 'title: Opening hours'")
        return None
    found: dict[str, _Field] = {}
    for key_node, value_node in root.value:
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "[…]"
        if _known(key, _line(key_node.start_mark), found, report):
            found[key] = _field(key, value_node, _line(key_node.start_mark), report)
    for key in _REQUIRED:
        if key not in found:
            report(1, f"key '{key}' is missing; add '{key}:' to the front matter")
    return found


def _known(key: str, line: int, found: Mapping[str, _Field], report: _Report) -> bool:
    if key in found:
        report(line, f"key '{key}' stands here a second time (first in line {found[key].line}); keep one")
        return False
    if key not in (keys := (*_REQUIRED, *_OPTIONAL)):
        close = difflib.get_close_matches(key, keys, n=1)
        fix = f"did you mean '{close[0]}'?" if close else f"known keys: {', '.join(keys)}"
        report(line, f"unknown key {key!r}; {fix}")
    return key in keys


def _field(key: str, node: yaml.Node, line: int, report: _Report) -> _Field:
    """The texts under one key. A scalar's text is taken as written, so that a question `no` stays a word."""
    if isinstance(node, yaml.SequenceNode) != (key in _LISTS) or isinstance(node, yaml.MappingNode):
        report(line, f"'{key}' must be {'a list of texts, one per line after a dash' if key in _LISTS else 'one text'}")
        return _Field(line, (), ())
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not items and key != "tags":
        report(line, f"'{key}' is empty; write at least one text under it")
    for item in items:
        if not isinstance(item, yaml.ScalarNode) or not item.value.strip():
            report(_line(item.start_mark), f"'{key}' holds something that is not a text; write plain words, in double quotes if they hold a colon")
    texts = [(" ".join(item.value.split()), _line(item.start_mark)) for item in items if isinstance(item, yaml.ScalarNode)]
    return _Field(line, tuple(text for text, _ in texts), tuple(at for _, at in texts))


def _line(mark: yaml.error.Mark) -> int:
    """Line in the file: marks count from 0 and do not see the opening ---."""
    return int(mark.line) + 2


def _check_answer(answer: str, body: str, first_line: int, report: _Report) -> None:
    if not answer:
        report(first_line, "the answer is empty; write it below the front matter")
    if "\n\n" in re.sub(r"[^\S\n]+", "", body.strip()):
        report(first_line, "the answer has several paragraphs; write one paragraph of spoken text")
    words = len(_CJK.sub(" ", answer).split()) + len(_CJK.findall(answer)) // 2
    if words > MAX_ANSWER_WORDS:
        report(first_line, f"the answer has {words} words; a caller can follow at most {MAX_ANSWER_WORDS}, shorten it")
    for number, line in enumerate(body.split("\n"), first_line):
        if sign := _UNSPEAKABLE.search(line):
            report(number, f"the answer holds {sign[0]!r}, which cannot be spoken; say it in words")


def _check_names(fields: Mapping[str, _Field], path: Path, report: _Report) -> None:
    rules: tuple[tuple[str, Callable[[str], bool], str], ...] = (
        ("id", lambda value: value == path.stem, f"is not the file's name '{path.stem}'; make them equal"),
        ("id", lambda value: bool(_ID.fullmatch(value)), "is no id; use lower-case letters, digits and single hyphens"),
        ("language", lambda value: value == path.parent.name, f"is not the folder's name '{path.parent.name}'; make them equal"),
        ("menu", lambda value: bool(_MENU_KEY.fullmatch(value)), "is no key of the menu; use one digit, 1 to 9"),
        ("short", lambda value: not _UNSPEAKABLE.search(value), "holds a sign that cannot be spoken; say it in words"),
        ("title", lambda value: not _UNSPEAKABLE.search(value), "holds a sign that cannot be spoken; say it in words"),
    )
    for key, holds, message in rules:
        field = fields.get(key)
        for value in field.values if field else ():
            if not holds(value):
                report(field.line if field else 1, f"{key} {value!r} {message}")


def _built(path: Path, fields: Mapping[str, _Field], answer: str) -> _Page:
    one = {key: field.values[0] for key, field in fields.items() if key not in _LISTS}
    entry = Entry(
        id=one["id"],
        language=one["language"],
        title=one["title"],
        tags=fields["tags"].values if "tags" in fields else (),
        menu=int(one["menu"]) if "menu" in one else None,
        questions=fields["questions"].values,
        answer=answer,
        short=one["short"],
    )
    return _Page(path, entry, {key: field.line for key, field in fields.items()}, fields["questions"].lines)


def _clashes(pages: Iterable[_Page]) -> Iterator[Fault]:
    """What no file shows alone: two entries of one language that claim the same question or menu key."""
    taken: dict[tuple[str, str], tuple[Path, int]] = {}
    for page in pages:
        claims = [(f"question {text.casefold()!r}", line) for text, line in zip(page.entry.questions, page.question_lines, strict=True)]
        if page.entry.menu is not None:
            claims.append((f"menu key {page.entry.menu}", page.lines["menu"]))
        for claim, line in claims:
            path, first = taken.setdefault((page.entry.language, claim), (page.path, line))
            if (path, first) != (page.path, line):
                yield Fault(page.path, line, f"{claim} already stands in {path.name}, line {first}; keep it in one entry")
