"""The knowledge base: one Markdown file per entry, `FOLDER/LANGUAGE/ID.md`, written by a call-centre lead.

Front matter (YAML) holds the key facts, the body is the approved answer. Every fault is found at once and named with
file and line; nothing is repaired, guessed or skipped. This module never matches questions and never speaks.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from voicebot.dialogue.entry import Entry, Fault
from voicebot.dialogue.entry_file import Page, read_entry
from voicebot.errors import KnowledgeError

__all__ = ["Entry", "Fault", "Knowledge", "check", "load"]

_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All entries of all languages. `version` is a hash of the files' content: equal exactly when the files are."""

    entries: tuple[Entry, ...]
    version: str

    def on(self, day: date) -> Knowledge:
        """What is valid on `day`, under the same version."""
        return replace(self, entries=tuple(entry for entry in self.entries if entry.holds_on(day)))

    def languages(self) -> tuple[str, ...]:
        """The languages there are entries in."""
        return tuple(sorted({entry.language for entry in self.entries}))

    def language(self, language: str) -> tuple[Entry, ...]:
        """The entries of one language, by id; none for a language without entries."""
        return tuple(entry for entry in self.entries if entry.language == language)

    def entry(self, entry_id: str, language: str) -> Entry | None:
        """One entry, or None: a journal may name an entry that has been removed since."""
        return next((entry for entry in self.entries if (entry.id, entry.language) == (entry_id, language)), None)


def load(folder: Path) -> Knowledge:
    """Read every entry under `folder`, valid today or not. Raises KnowledgeError with all faults, one per line `path:line: what; fix`."""
    pages, faults, version = _read(folder)
    if faults:
        raise KnowledgeError("\n".join(map(str, faults)))
    return Knowledge(tuple(page.entry for page in pages), version)


def check(folder: Path) -> tuple[Fault, ...]:
    """Every fault under `folder`, by path and line; empty when `load` would succeed."""
    return _read(folder)[1]


def _read(folder: Path) -> tuple[tuple[Page, ...], tuple[Fault, ...], str]:
    pages: list[Page] = []
    faults: list[Fault] = []
    digest = hashlib.sha256()
    paths = list(_files(folder, faults))
    for path in paths:
        raw = _bytes(path, faults)
        digest.update(f"{path.parent.name}/{path.name}:{len(raw)}\n".encode("utf-8", "surrogateescape") + raw)
        page = read_entry(path, raw, faults)
        if page:
            pages.append(page)
    faults += [*_clashes(pages), *_lost_follow_ups(pages, paths), *_learnt_tests(pages)]
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


# What no file shows alone.


def _clashes(pages: Sequence[Page]) -> Iterator[Fault]:
    """Two entries of one language that claim the same question or menu key, on any day."""
    taken: dict[tuple[str, str], list[tuple[Page, int]]] = {}
    for page in pages:
        for claim, line in _claims(page):
            rivals = taken.setdefault((page.entry.language, claim), [])
            rival = next((rival for rival in rivals if _overlap(rival[0].entry, page.entry)), None)
            if rival:
                yield Fault(page.path, line, f"{claim} already stands in {rival[0].path.name}, line {rival[1]}; keep it in one entry")
            else:
                rivals.append((page, line))


def _claims(page: Page) -> Iterator[tuple[str, int]]:
    for text, line in page.texts("questions"):
        yield f"question {text.casefold()!r}", line
    for key, line in page.texts("menu"):
        yield f"menu key {key}", line


def _overlap(one: Entry, other: Entry) -> bool:
    first = max(one.valid_from or date.min, other.valid_from or date.min)
    return first <= min(one.valid_until or date.max, other.valid_until or date.max)


def _lost_follow_ups(pages: Sequence[Page], paths: Sequence[Path]) -> Iterator[Fault]:
    known = {(path.parent.name, path.stem) for path in paths}
    for page in pages:
        for entry_id, line in page.texts("follow_ups"):
            if (page.entry.language, entry_id) not in known - {(page.entry.language, page.entry.id)}:
                yield Fault(page.path, line, f"follow-up {entry_id!r} is no other entry in {page.entry.language!r}; name the id of one")


def _learnt_tests(pages: Sequence[Page]) -> Iterator[Fault]:
    learnt = {(page.entry.language, text.casefold()) for page in pages for text in page.entry.questions}
    for page in pages:
        for text, line in page.texts("tests"):
            if (page.entry.language, text.casefold()) in learnt:
                yield Fault(page.path, line, f"test {text!r} stands among the questions, so it proves nothing; word it differently")
