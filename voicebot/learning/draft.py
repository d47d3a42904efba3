"""A draft of an entry as a reviewer words it, and the file it makes of the entry's present one: what the draft does not change stays as it stands.

Pure: it reads and writes no file. No draft reaches a caller before a person has approved it; see `approval`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import yaml

from voicebot.dialogue import words
from voicebot.dialogue.entry import Entry

COPIED_WORDS = 4
"""A sentence of so many words that a caller said in just these is a copy; shorter ones are anybody's."""
_WIDE = 10_000


@dataclass(frozen=True, slots=True)
class Draft:
    """What an entry is to say. `tests` are questions that must find it and that the matcher does not learn from."""

    entry_id: str
    language: str
    title: str
    questions: tuple[str, ...]
    answer: str
    short: str
    tests: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The entry's file inside the knowledge base."""
        return f"{self.language}/{self.entry_id}.md"


def draft_of(entry: Entry) -> Draft:
    """An entry as it is now, to be rewritten."""
    return Draft(entry.id, entry.language, entry.title, entry.questions, entry.answer, entry.short, entry.tests)


def written(draft: Draft, old: str = "") -> str:
    """The text of the draft's file, made from the one that is there, or anew. Keys, comments and wordings that the draft leaves alone stay byte for
    byte. `old` must be an entry's file that the knowledge base can read."""
    ends = "\r\n" if "\r\n" in old else "\n"
    lines = old.replace("\r\n", "\n").split("\n")
    close = lines.index("---", 1) if old else 0
    front = lines[1:close] if old else [*_scalar("id", draft.entry_id), *_scalar("language", draft.language)]
    body = "\n".join(lines[close + 1 :])
    for key, texts in (("title", draft.title), ("questions", draft.questions), ("short", draft.short), ("tests", draft.tests)):
        front = _with(front, key, texts)
    if " ".join(body.split()) != draft.answer or not old:
        body = f"{draft.answer}\n"
    return "\n".join(["---", *front, "---", body]).replace("\n", ends)


def diff(before: str, after: str, name: str) -> str:
    """What changes in the file `name`, as `git diff` shows it."""
    return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm=""))


def copied(draft: Draft, entry: Entry | None, sentences: Iterable[str]) -> tuple[str, ...]:
    """New texts of the draft that a caller said word for word: these must be written anew. `entry` is the one it changes."""
    theirs = {folded for sentence in sentences if len(folded := _folded(sentence, draft.language)) >= COPIED_WORDS}
    known = {*entry.questions, *entry.tests, *entry.wordings(), entry.title} if entry else set()
    ours = dict.fromkeys((draft.title, *draft.questions, draft.answer, draft.short, *draft.tests))
    return tuple(text for text in ours if text not in known and _folded(text, draft.language) in theirs)


def _folded(text: str, language: str) -> tuple[str, ...]:
    return tuple(words.split(text, language))


def _with(front: Sequence[str], key: str, wanted: str | Sequence[str]) -> list[str]:
    """The front matter with `key` saying what is wanted."""
    found = next(((name, value) for name, value in _nodes(front) if name.value == key), None)
    if found is None:
        return [*front, *_block(key, wanted)]
    name, value = found
    first, end = name.start_mark.line, _end(value)
    return list(front) if _texts(value) == wanted else [*front[:first], *_block(key, wanted, dict(_items(front, value))), *front[end:]]


def _nodes(front: Sequence[str]) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    root = yaml.compose("\n".join(front), Loader=yaml.SafeLoader)
    return list(root.value) if isinstance(root, yaml.MappingNode) else []


def _texts(node: yaml.Node) -> str | tuple[str, ...]:
    if isinstance(node, yaml.SequenceNode):
        return tuple(" ".join(str(item.value).split()) for item in node.value)
    return " ".join(str(node.value).split())


def _items(front: Sequence[str], node: yaml.Node) -> Iterator[tuple[str, list[str]]]:
    """Each item of a list that stands on lines of its own, with these lines and the comments before it."""
    if not isinstance(node, yaml.SequenceNode) or node.flow_style:
        return
    first = node.start_mark.line
    for item in node.value:
        yield " ".join(str(item.value).split()), list(front[first : _end(item)])
        first = _end(item)


def _end(node: yaml.Node) -> int:
    """The line after the node: a block's own mark lies behind the blank lines and comments that follow."""
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    return int(node.end_mark.line) + (node.end_mark.column > 0)


def _block(key: str, wanted: str | Sequence[str], kept: dict[str, list[str]] | None = None) -> list[str]:
    if isinstance(wanted, str):
        return _scalar(key, wanted) if wanted else []
    items = [line for text in wanted for line in (kept or {}).get(text) or _item(text)]
    return [f"{key}:", *items] if items else []


def _item(text: str) -> list[str]:
    return [f"  {line}" for line in _yaml([text])]


def _scalar(key: str, text: str) -> list[str]:
    return _yaml({key: text})


def _yaml(value: object) -> list[str]:
    return yaml.safe_dump(value, allow_unicode=True, width=_WIDE).splitlines()
