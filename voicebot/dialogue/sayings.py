"""Example sentences from the wordings of the intents, so that a recogniser expects the very words the bot listens for. Each alternative of a phrase
is in one of them at least. The same file always gives the same sentences; nothing here knows a knowledge base, or hears anybody.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from voicebot.dialogue.intents import FOLDER
from voicebot.errors import KnowledgeError

_SIGN = re.compile(r"<\w+>|[()\[\]|]|\.{3}|\.|[^\s()\[\]|<>.]+|\s+")
_CONTRACTIONS = {
    **{f"{who}s": f"{who}'s" for who in ("he", "she", "that", "there", "what", "where", "who")},
    **{f"{who}re": f"{who}'re" for who in ("they", "you")},
    **{f"{who}ve": f"{who}'ve" for who in ("i", "you", "they")},
    **{f"{verb}nt": f"{verb}n't" for verb in ("do", "did", "does", "is", "ca", "wo", "could", "has", "have", "was")},
    **{"im": "i'm", "id": "i'd", "ill": "i'll", "thatll": "that'll", "neighbours": "neighbour's", "someones": "someone's", "customers": "customer's"},
}
"""The intents are written without apostrophes; a recogniser's dictionary has them."""


def sayings(language: str) -> list[str]:
    """The sentences for `language`, none twice; none where there is no file of intents. Raises KnowledgeError for a set that is missing."""
    path = FOLDER / f"{language}.toml"
    return list(dict.fromkeys(_said(path))) if path.exists() else []


def _said(path: Path) -> Iterator[str]:
    file = tomllib.loads(path.read_text(encoding="utf-8"))
    for section in (section for section in file.values() if isinstance(section, Mapping)):
        for phrase in (*section.get("only", ()), *section.get("anywhere", ())):
            yield from _of(phrase, file["sets"], bool(file["spaced"]), str(path))


def _of(phrase: str, sets: Mapping[str, str], spaced: bool, source: str) -> Iterator[str]:
    tree = _Reader(sets, source).read(phrase)
    for _ in range(tree.widest):
        words = tree.deal().split()
        yield " ".join(_CONTRACTIONS.get(word, word) for word in words) if spaced else "".join(words)


class _Word:
    widest = 1

    def __init__(self, text: str) -> None:
        self._text = text

    def deal(self) -> str:
        return self._text


class _Row:
    """One after the other."""

    def __init__(self, parts: list[Any]) -> None:
        self._parts = parts
        self.widest = max((part.widest for part in parts), default=1)

    def deal(self) -> str:
        return " ".join(part.deal() for part in self._parts)


class _Choice:
    """One of several, dealt like cards: in no order, but each before any comes again."""

    def __init__(self, rows: list[_Row], name: str) -> None:
        self._rows = rows
        self._chance = random.Random(name)  # noqa: S311 - the same file must give the same sentences
        self._left: list[_Row] = []
        self.widest = sum(row.widest for row in rows)

    def deal(self) -> str:
        if not self._left:
            self._left = [row for row in self._rows for _ in range(row.widest)]
            self._chance.shuffle(self._left)
        return self._left.pop().deal()


class _Reader:
    def __init__(self, sets: Mapping[str, str], source: str) -> None:
        self._sets, self._source = sets, source
        self._signs: list[str] = []

    def read(self, phrase: str) -> _Row:
        """The tree of one phrase. Raises KnowledgeError."""
        self._signs = [sign for sign in _SIGN.findall(phrase) if not sign.isspace()]
        rows = self._rows(phrase)
        return rows[0] if len(rows) == 1 else _Row([_Choice(rows, phrase)])

    def _rows(self, name: str) -> list[_Row]:
        rows: list[list[Any]] = [[]]
        while self._signs and self._signs[0] not in {")", "]"}:
            sign = self._signs.pop(0)
            if sign == "|":
                rows.append([])
            elif part := self._part(sign, name):
                rows[-1].append(part)
        return [_Row(row) for row in rows]

    def _part(self, sign: str, name: str) -> Any:
        if sign in {"(", "["}:
            rows = self._rows(name) + ([_Row([])] if sign == "[" else [])
            del self._signs[:1]
            return _Choice(rows, f"{name}{len(self._signs)}")
        if sign.startswith("<"):
            return self._set(sign[1:-1])
        return None if sign.startswith(".") else _Word(sign)

    def _set(self, name: str) -> _Row:
        if name not in self._sets:
            raise KnowledgeError(f"{self._source}: no set <{name}>; the sets are: {', '.join(self._sets)}")
        return _Reader(self._sets, self._source).read(self._sets[name])
