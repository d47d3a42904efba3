"""Words as the call log finds them: Latin words lower-cased, Chinese characters alone and in pairs. Pure; the same for what is kept and asked.

Pairs find Chinese words without a dictionary; no database's own tokeniser has a say, so both databases find the same calls.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

LONGEST_TERM = 40
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_RUNS = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
_IS_HAN = re.compile(rf"[{_HAN}]")


def terms(text: str) -> frozenset[str]:
    """All terms in `text`."""
    return frozenset(term for run in _runs(text) for term in _inside(run))


def wanted(text: str) -> frozenset[str]:
    """The terms that a call must have to be found by `text`: of two and more Chinese characters only the pairs."""
    return frozenset(term for run in _runs(text) for term in (_pairs(run) if _IS_HAN.match(run) and len(run) > 1 else _inside(run)))


def _runs(text: str) -> list[str]:
    return _RUNS.findall(unicodedata.normalize("NFKC", text).casefold())


def _inside(run: str) -> list[str]:
    return [*run, *_pairs(run)] if _IS_HAN.match(run) else [run[:LONGEST_TERM]]


def _pairs(run: str) -> list[str]:
    return [first + second for first, second in pairwise(run)]
