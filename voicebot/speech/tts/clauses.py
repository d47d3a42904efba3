"""A text in pieces that can be said one after the other: the first is heard while the next is made. Pure; it changes no word."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONG = 120
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^\s.a-z])|(?<=[。！？；])")
_CLAUSE_END = re.compile(r"(?<=[,;:])\s+|(?<=[，、：])")


def split(text: str) -> tuple[str, ...]:
    """`text` in sentences, those over 120 characters in clauses, so that the first is heard while the next is made. Only blanks are lost."""
    sentences = (part.strip() for part in _SENTENCE_END.split(text))
    return tuple(clause for sentence in sentences if sentence for clause in _clauses(sentence))


def _clauses(sentence: str) -> Iterable[str]:
    if len(sentence) <= _LONG:
        return (sentence,)
    return tuple(part.strip() for part in _CLAUSE_END.split(sentence) if part.strip())
