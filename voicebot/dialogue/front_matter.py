"""The top of an entry's file: YAML between two lines `---`, as texts by key, each with the line it stands on.

A scalar's text is taken as written, so that a question `no` stays a word. This module knows which keys there may be only from its caller.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from voicebot.dialogue.entry import Report

MAX_FILE_BYTES = 16_000


@dataclass(frozen=True, slots=True)
class Key:
    """What may stand under a key: one text, or `many` as a list, which may be empty only if `many` and `empty`."""

    many: bool = False
    required: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """The texts under one key and their lines; `line` is the key's own."""

    line: int
    values: tuple[str, ...]
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """A file cut in two. `first_line` is where the body begins."""

    front: str
    body: str
    first_line: int


def decoded(raw: bytes, report: Report) -> str:
    """The text of a file, "" after a fault. Line ends and byte order marks of Windows editors are taken away."""
    if len(raw) > MAX_FILE_BYTES:
        report(1, f"is {len(raw):,} bytes long; keep an entry under {MAX_FILE_BYTES:,}")
        return ""
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        report(raw.count(b"\n", 0, error.start) + 1, "is not UTF-8 text; save the file as UTF-8")
        return ""


def cut(text: str, report: Report) -> Parts | None:
    """Front matter and body, None after a fault."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        report(1, "front matter is missing; begin the file with a line ---")
        return None
    close = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if close is None:
        report(1, "front matter is not closed; put a line --- between the last key and the answer")
        return None
    return Parts("\n".join(lines[1:close]), "\n".join(lines[close + 1 :]), close + 2)


def fields(front: str, keys: Mapping[str, Key], report: Report) -> dict[str, Field] | None:
    """The texts by key, every fault reported; None when there is nothing that could be read."""
    try:
        root = yaml.compose(front, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:  # PyYAML lets the last three out on odd input
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "cannot be read"
        report(_line(mark) if mark else 2, f"front matter is not valid YAML: {what}; put texts with a colon or quotes into double quotes")
        return None
    if not isinstance(root, yaml.MappingNode):
        report(2, "front matter holds no keys; write lines such as 'title: Opening hours'")
        return None
    found: dict[str, Field] = {}
    for key_node, value_node in root.value:
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "[…]"
        line = _line(key_node.start_mark)
        if _known(key, line, keys, found, report):
            found[key] = _field(key, keys[key], value_node, line, report)
    for key, wanted in keys.items():
        if wanted.required and key not in found:
            report(1, f"key '{key}' is missing; add '{key}:' to the front matter")
    return found


def _known(key: str, line: int, keys: Mapping[str, Key], found: Mapping[str, Field], report: Report) -> bool:
    if key in found:
        report(line, f"key '{key}' stands here a second time (first in line {found[key].line}); keep one")
        return False
    if key not in keys:
        close = difflib.get_close_matches(key, keys, n=1)
        fix = f"did you mean '{close[0]}'?" if close else f"known keys: {', '.join(keys)}"
        report(line, f"unknown key {key!r}; {fix}")
    return key in keys


def _field(key: str, wanted: Key, node: yaml.Node, line: int, report: Report) -> Field:
    if isinstance(node, yaml.SequenceNode) != wanted.many or isinstance(node, yaml.MappingNode):
        report(line, f"'{key}' must be {'a list of texts, one per line after a dash' if wanted.many else 'one text'}")
        return Field(line, (), ())
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not items and not wanted.empty:
        report(line, f"'{key}' is empty; write at least one text under it")
    for item in items:
        if not isinstance(item, yaml.ScalarNode) or not item.value.strip():
            report(_line(item.start_mark), f"'{key}' holds something that is not a text; write plain words, in double quotes if they hold a colon")
    texts = [(" ".join(item.value.split()), _line(item.start_mark)) for item in items if isinstance(item, yaml.ScalarNode)]
    return Field(line, tuple(text for text, _ in texts), tuple(at for _, at in texts))


def _line(mark: yaml.error.Mark) -> int:
    """Line in the file: marks count from 0 and do not see the opening ---."""
    return int(mark.line) + 2
