"""The questions an entry's file promises to find it (`tests:`), put to the matcher. It reports; what to do about a broken promise is a person's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from voicebot.dialogue.entry import Entry
from voicebot.dialogue.matching import Match


class Finds(Protocol):
    """Finds the entries that answer a question, best first."""

    def match(self, text: str, top: int = 3) -> tuple[Match, ...]: ...


@dataclass(frozen=True, slots=True)
class Tried:
    """One promised question and what it found."""

    language: str
    entry_id: str
    question: str
    found: Match | None
    accept: float

    @property
    def kept(self) -> bool:
        """Whether its entry was found, surely enough to be answered."""
        return self.found is not None and self.found.entry_id == self.entry_id and self.found.confidence >= self.accept

    def __str__(self) -> str:
        found = f"{self.found.entry_id} {self.found.confidence:.2f}" if self.found else "nothing"
        return f"{self.language}/{self.entry_id}: {self.question!r} finds {found}; wanted {self.entry_id} from {self.accept:.2f} on"


def tried(entries: Iterable[Entry], matcher: Finds, accept: float) -> Iterator[Tried]:
    """Every promised question of `entries`, in their order."""
    for entry in entries:
        for question in entry.tests:
            yield Tried(entry.language, entry.id, question, next(iter(matcher.match(question, 1)), None), accept)
