"""What a knowledge base is made of: entries with their answers, conditions of an offer, and faults with their place.

Values only. Nothing here reads a file, matches a question or decides which wording is said.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

Variant = Literal["full", "short", "calm", "offer"]
"""Wordings of one entry: the whole answer, the key fact alone, for a caller who is upset, and as a recommendation."""

SLOTS = ("month", "plan", "area", "device", "ticket", "country")
"""What an answer may depend on and the bot can ask for."""

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One rule of an offer, such as `data_used_percent >= 80`."""

    fact: str
    comparison: str
    value: float

    def holds(self, facts: Mapping[str, float]) -> bool:
        """Whether it holds for what is known of a caller; what is not known never holds."""
        return self.fact in facts and COMPARISONS[self.comparison](facts[self.fact], self.value)


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
    calm: str = ""
    """For an upset caller; where there is none the whole answer is said."""
    follow_ups: tuple[str, ...] = ()
    """Ids of the entries that callers ask for next."""
    slots: tuple[str, ...] = ()
    """What must be known before the answer can be given, each of `SLOTS`, in the order to ask."""
    ask: tuple[str, ...] = ()
    """What an agent must still find out, in words for the briefing: "since when"."""
    handover: bool = False
    """After the answer a person takes over, always."""
    valid_from: date | None = None
    valid_until: date | None = None
    """Both days are days on which it holds; None for no limit."""
    offer: str = ""
    """Said to recommend this entry to a caller for whom all of `recommend` holds."""
    recommend: tuple[Condition, ...] = ()
    tests: tuple[str, ...] = ()
    """Questions that must find this entry. The matcher does not learn from them."""

    def said(self, variant: Variant) -> str:
        """The approved wording of one variant."""
        return {"short": self.short, "calm": self.calm, "offer": self.offer}.get(variant) or self.answer

    def wordings(self) -> tuple[str, ...]:
        """Everything that may be said of this entry, each once."""
        return tuple(dict.fromkeys(text for text in (self.answer, self.short, self.calm, self.offer) if text))

    def holds_on(self, day: date) -> bool:
        """Whether the answer is valid on `day`."""
        return (self.valid_from or date.min) <= day <= (self.valid_until or date.max)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong in one place of the knowledge base, and how to put it right."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


Report = Callable[[int, str], None]
"""Takes the line and the message of a fault in the file at hand."""
