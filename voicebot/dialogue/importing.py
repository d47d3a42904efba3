"""Questions and answers from a CSV or Markdown file into entry files. It writes all of them or none, and never over one that is there.

CSV: columns `question` and `answer`, perhaps `id`, `title`, `short`, `tags`; rows with the same id, or else the same answer, are one entry.
Markdown: one heading per entry (its title and first question), further questions as a list, the answer as a paragraph.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from pypinyin import lazy_pinyin

from voicebot.dialogue.entry import Fault
from voicebot.dialogue.knowledge import check
from voicebot.errors import KnowledgeError

COLUMNS = ("id", "title", "question", "answer", "short", "tags")
MAX_ID = 48
_SENTENCE = re.compile(r".*?[.?!](?=\s|$)|.*?[。？！]")
_HEADING = re.compile(r"#{1,6}\s+(.*\S)")
_BULLET = re.compile(r"[-*+]\s+(.*\S)")


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry as it stands in somebody else's file; what is missing is made from the rest."""

    questions: tuple[str, ...]
    answer: str
    id: str = ""
    title: str = ""
    short: str = ""
    tags: tuple[str, ...] = ()


def import_file(source: Path, folder: Path, language: str) -> tuple[Path, ...]:
    """The files written under `folder`/`language`. Raises KnowledgeError with every fault of the source; then nothing is written."""
    text = _text(source)
    drafts = list(_from_csv(text, source) if source.suffix.lower() == ".csv" else _from_markdown(text))
    if not drafts:
        raise KnowledgeError(f"{source}: holds no entries; write CSV with the columns question and answer, or Markdown with a heading for each")
    files = _files(drafts, folder / language, language)
    if there := [path for path in files if path.exists()]:
        raise KnowledgeError("\n".join(f"{path}: is there already; remove it, or give the new entry another id" for path in there))
    _write(files, folder)
    return tuple(files)


def _write(files: Mapping[Path, str], folder: Path) -> None:
    """All `files`; none when the knowledge base has a fault more with them than without."""
    before = set(check(folder)) if folder.exists() else set[Fault]()
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    if faults := [fault for fault in check(folder) if fault not in before]:
        for path in files:
            path.unlink()
        raise KnowledgeError("\n".join(map(str, faults)))


def _text(source: Path) -> str:
    try:
        return source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise KnowledgeError(f"{source}: is not UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise KnowledgeError(f"{source}: cannot be read: {error.strerror}") from None


def _from_csv(text: str, source: Path) -> Iterator[Draft]:
    table = csv.DictReader(text.splitlines(keepends=True))
    names = [name.strip().lower() for name in table.fieldnames or ()]
    if not {"question", "answer"} <= set(names) or not set(names) <= set(COLUMNS):
        raise KnowledgeError(f"{source}: the first line names the columns {', '.join(names) or '(none)'}; use question, answer and any of {COLUMNS}")
    table.fieldnames = names
    merged: dict[str, Draft] = {}
    for row in table:
        cells = {name: " ".join((row.get(name) or "").split()) for name in COLUMNS}
        if not cells["question"] or not cells["answer"]:
            raise KnowledgeError(f"{source}:{table.line_num}: question or answer is empty; fill in both")
        key = cells["id"] or cells["answer"]
        known = merged.get(key) or _draft(cells)
        merged[key] = replace(known, questions=tuple(dict.fromkeys((*known.questions, cells["question"]))))
    yield from merged.values()


def _draft(cells: Mapping[str, str]) -> Draft:
    tags = tuple(tag for tag in re.split(r"[,;\s]+", cells["tags"]) if tag)
    return Draft((), cells["answer"], cells["id"], cells["title"], cells["short"], tags)


def _from_markdown(text: str) -> Iterator[Draft]:
    title, questions, answer = "", list[str](), list[str]()
    for line in [*text.splitlines(), "# end"]:
        if heading := _HEADING.fullmatch(line.strip()):
            if title and answer:
                yield Draft((title, *questions), " ".join(answer), title=title)
            title, questions, answer = heading[1], [], []
        elif bullet := _BULLET.fullmatch(line.strip()):
            questions.append(bullet[1])
        elif line.strip():
            answer.append(line.strip())


def _files(drafts: Iterable[Draft], folder: Path, language: str) -> dict[Path, str]:
    files: dict[Path, str] = {}
    for draft in drafts:
        name = free = draft.id or id_of(draft.title or draft.questions[0])
        number = 1
        while folder / f"{free}.md" in files:
            number += 1
            free = f"{name}-{number}"
        files[folder / f"{free}.md"] = _content(draft, free, language)
    return files


def id_of(title: str) -> str:
    """An id made of a title; a Mandarin one is spelt."""
    letters = " ".join(lazy_pinyin(title)).lower()
    return re.sub(r"[^a-z0-9]+", "-", letters)[:MAX_ID].strip("-") or "entry"


def _content(draft: Draft, entry_id: str, language: str) -> str:
    keys = {
        "id": entry_id,
        "language": language,
        "title": draft.title or draft.questions[0],
        **({"tags": list(draft.tags)} if draft.tags else {}),
        "questions": list(draft.questions),
        "short": draft.short or _first_sentence(draft.answer),
    }
    front = yaml.safe_dump(keys, allow_unicode=True, sort_keys=False, width=10_000)
    return f"---\n{front}---\n{draft.answer}\n"


def _first_sentence(text: str) -> str:
    found = _SENTENCE.match(text)
    return found[0] if found else text
