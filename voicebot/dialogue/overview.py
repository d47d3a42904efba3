"""What a knowledge base holds, counted per language, and which entries a lead should look at. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from voicebot.dialogue.entry import Entry
from voicebot.dialogue.knowledge import Knowledge

FEW_QUESTIONS = 8
"""An entry with fewer wordings is found clearly less often."""
SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Overview:
    """One language on one day. What ends in `_ids` lists entries."""

    language: str
    entries: int
    questions: int
    tests: int
    menu_keys: int
    calm: int
    offers: int
    handovers: int
    few_questions_ids: tuple[str, ...]
    untested_ids: tuple[str, ...]
    not_valid_ids: tuple[str, ...]
    ending_ids: tuple[str, ...]


def overviews(knowledge: Knowledge, today: date) -> tuple[Overview, ...]:
    """One overview per language."""
    return tuple(_overview(language, knowledge.language(language), today) for language in knowledge.languages())


def _overview(language: str, entries: Sequence[Entry], today: date) -> Overview:
    valid = [entry for entry in entries if entry.holds_on(today)]
    return Overview(
        language,
        entries=len(entries),
        questions=sum(len(entry.questions) for entry in entries),
        tests=sum(len(entry.tests) for entry in entries),
        menu_keys=sum(entry.menu is not None for entry in entries),
        calm=sum(bool(entry.calm) for entry in entries),
        offers=sum(bool(entry.offer) for entry in entries),
        handovers=sum(entry.handover for entry in entries),
        few_questions_ids=tuple(entry.id for entry in entries if len(entry.questions) < FEW_QUESTIONS),
        untested_ids=tuple(entry.id for entry in entries if not entry.tests),
        not_valid_ids=tuple(entry.id for entry in entries if entry not in valid),
        ending_ids=tuple(entry.id for entry in valid if not entry.holds_on(today + SOON)),
    )
