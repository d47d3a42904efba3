"""What a changed knowledge base would answer otherwise: the questions it promises to answer, and those that callers have asked.

Pure: it compares two matchers. A promise that breaks stops a change; what else changes is for the reviewer to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from voicebot.dialogue.entry import Entry
from voicebot.dialogue.knowledge import Knowledge
from voicebot.dialogue.matching import ACCEPT, Match
from voicebot.dialogue.regression import Finds, tried
from voicebot.learning.asked import Asked

Learn = Callable[[Sequence[Entry]], Finds]
"""Makes the matcher that calls have, for the entries of one language."""


@dataclass(frozen=True, slots=True)
class Change:
    """A question, and the entries that answer it before and after; "" for none. `promised` is the entry whose file names it."""

    question: str
    before: str
    after: str
    promised: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """`broken` and `mended` are promises, the rest are callers' questions, each once."""

    broken: tuple[Change, ...] = ()
    mended: tuple[Change, ...] = ()
    gained: tuple[Change, ...] = ()
    changed: tuple[Change, ...] = ()
    lost: tuple[Change, ...] = ()


NO_EFFECT = Effect()


@dataclass(frozen=True, slots=True)
class Share:
    """Of `matching` questions so many were `answered`."""

    answered: int
    matching: int


class Nothing:
    """The matcher of a language without entries."""

    def match(self, text: str, top: int = 3) -> tuple[Match, ...]:
        """None."""
        del text, top
        return ()


class Remembered:
    """A matcher asked the same questions again and again."""

    def __init__(self, finds: Finds) -> None:
        self._finds = finds
        self._found: dict[tuple[str, int], tuple[Match, ...]] = {}

    def match(self, text: str, top: int = 3) -> tuple[Match, ...]:
        """What the matcher found the first time."""
        if (text, top) not in self._found:
            self._found[text, top] = self._finds.match(text, top)
        return self._found[text, top]


def finder(knowledge: Knowledge, language: str, learn: Learn) -> Finds:
    """The matcher of one language."""
    entries = knowledge.language(language)
    return learn(entries) if entries else Nothing()


def effect(before: Knowledge, after: Knowledge, language: str, learn: Learn, asked: Iterable[str]) -> Effect:
    """What changes in one language. Takes as long as learning twice and asking every question of the language twice."""
    old, new = (finder(each, language, learn) for each in (before, after))
    kept_before = {(one.entry_id, one.question): one.kept for one in tried(_promising(before, language), old, ACCEPT)}
    broken, mended = [], []
    for one in tried(_promising(after, language), new, ACCEPT):
        was_kept = kept_before.get((one.entry_id, one.question))
        change = Change(one.question, answered_by(old, one.question), answered_by(new, one.question), one.entry_id)
        if not one.kept and was_kept is not False:
            broken.append(change)
        elif one.kept and was_kept is False:
            mended.append(change)
    changes = [Change(text, answered_by(old, text), answered_by(new, text)) for text in dict.fromkeys(asked)]
    return Effect(
        tuple(broken),
        tuple(mended),
        tuple(one for one in changes if one.after and not one.before),
        tuple(one for one in changes if one.before and one.after and one.before != one.after),
        tuple(one for one in changes if one.before and not one.after),
    )


def answered_by(finds: Finds, text: str) -> str:
    """The entry that `text` is answered with, "" when nothing fits surely enough."""
    return next((match.entry_id for match in finds.match(text, 1) if match.confidence >= ACCEPT), "")


def shares(asked: Iterable[Asked], entry_id: str, language: str, finds: Finds, changed_utc: datetime) -> tuple[Share, Share]:
    """Of what an entry is meant for, how much was answered before and after a moment. What it is meant for, `finds` tells."""
    meant = [one for one in asked if one.language == language and answered_by(finds, one.text) == entry_id]
    before, after = ([one for one in meant if (one.at_utc >= changed_utc) is later] for later in (False, True))
    return _share(before), _share(after)


def _share(asked: Sequence[Asked]) -> Share:
    return Share(sum(bool(one.entry_id) for one in asked), len(asked))


def _promising(knowledge: Knowledge, language: str) -> list[Entry]:
    """The entries with all their questions as promises: what was learnt must be found as surely as what was kept apart."""
    return [replace(entry, tests=(*entry.tests, *entry.questions)) for entry in knowledge.language(language)]
