"""What should be learnt: questions nobody could answer, alike ones together, and entries that lead to a person or are called wrong.

Pure. A group holds callers' words for a reviewer to read; none of them is ever put into a draft.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from voicebot.dialogue import words
from voicebot.dialogue.knowledge import Knowledge
from voicebot.dialogue.matching import ACCEPT
from voicebot.dialogue.regression import Finds
from voicebot.dialogue.vectors import Vectors
from voicebot.learning.asked import Asked
from voicebot.store.after import Proposal

ALIKE = 0.25
"""Cosine from which on a question belongs to a group. Of 124 English wordings of 17 topics that were held out 83 % then stand beside their like,
of 42 Mandarin ones all; at 0.35 nearly all, in half as large groups."""
MOST_QUESTIONS = 2_000
"""So many of the newest are grouped."""
LEAST_LED = 3
LED_SHARE = 0.3
"""An entry fails when so many, and this share of its answers, were followed by a person; or when an agent calls it wrong."""


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that mean about the same, the most typical first. `key` names its first question without holding its words."""

    key: str
    language: str
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Failing:
    """An entry that was answered `times`, was followed by a person `led` times and called wrong by agents `wrong` times."""

    entry_id: str
    language: str
    times: int
    led: int
    wrong: int

    @property
    def key(self) -> str:
        """Its name among all that can be declined."""
        return f"failing {self.language}/{self.entry_id}"


def key_of(question: Asked) -> str:
    """The same for questions of the same words; no words can be got back from it."""
    folded = " ".join(sorted(words.content(words.split(question.text, question.language), question.language)))
    return f"unanswered {question.language}/{hashlib.sha256(folded.encode()).hexdigest()[:16]}"


def unanswered(asked: Iterable[Asked], language: str, finder: Finds, declined: Mapping[str, datetime]) -> list[Asked]:
    """Questions of `language` that were not understood and still would not be, newest first; without those that a reviewer has declined."""
    missed = [one for one in asked if one.missed and one.language == language and key_of(one) not in declined]
    still = [one for one in missed if not _answers(finder, one.text)]
    return sorted(still, key=lambda one: one.at_utc, reverse=True)[:MOST_QUESTIONS]


def grouped(questions: Sequence[Asked], language: str, known: Sequence[str]) -> list[Group]:
    """Alike questions together, the largest group first. `known` are texts of the knowledge base: they tell which words are rare."""
    if not questions:
        return []
    texts = [one.text for one in questions]
    rows = Vectors.fitted([*known, *texts], language, None, many=False).rows(texts)
    near = (rows @ rows.T).toarray() >= ALIKE
    left, groups = set(range(len(texts))), list[Group]()
    while left:
        centre = max(sorted(left), key=lambda at: sum(near[at][other] for other in left))
        members = [centre, *(other for other in sorted(left - {centre}) if near[centre][other])]
        left -= set(members)
        groups.append(Group(key_of(questions[centre]), language, tuple(questions[at] for at in members)))
    return sorted(groups, key=lambda group: -len(group.asked))


def failing(asked: Sequence[Asked], wrong: Iterable[Proposal], knowledge: Knowledge, since: Mapping[str, datetime]) -> list[Failing]:
    """Entries that fail, the worst first. What lies before `since`, by the entry's key, no longer counts: it was changed or left as it is then."""
    followed = defaultdict[tuple[str, str], list[bool]](list)
    for one, after in pairwise([*asked, None]):
        if one and one.entry_id and one.at_utc >= since.get(f"failing {one.language}/{one.entry_id}", one.at_utc):
            followed[one.entry_id, one.language].append(after is not None and after.call_id == one.call_id and after.handed)
    called = Counter((each.entry_id, each.language) for each in wrong if each.entry_id)
    found = []
    for entry in knowledge.entries:
        place, led = (entry.id, entry.language), followed[entry.id, entry.language]
        if called[place] or (not entry.handover and sum(led) >= max(LEAST_LED, LED_SHARE * len(led))):
            found.append(Failing(*place, len(led), sum(led), called[place]))
    return sorted(found, key=lambda one: (-one.wrong, -one.led, one.entry_id))


def _answers(finder: Finds, text: str) -> bool:
    return any(match.confidence >= ACCEPT for match in finder.match(text, 1))
