"""What test callers ask: the knowledge base's own wordings, or wordings kept apart from it, in the voices and codecs of a seed.

The unseen wordings were written from ids, titles and answers alone. Nothing here speaks or dials.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from voicebot.dialogue import triage
from voicebot.dialogue.intents import Intents
from voicebot.dialogue.knowledge import Entry
from voicebot.errors import KnowledgeError
from voicebot.testbed.g711 import Codec

UNSEEN_EN = Path(__file__).with_name("unseen_en.csv")
VOICES = ("flite:rms", "flite:awb", "flite:kal16", "flite:slt", "festival:kal_diphone")


@dataclass(frozen=True, slots=True)
class Wording:
    """A question in words, and the KB entry that answers it."""

    entry_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A wording as one test caller says it."""

    entry_id: str
    text: str
    voice: str
    codec: Codec


def unseen(path: Path = UNSEEN_EN) -> tuple[Wording, ...]:
    """Wordings of a CSV file with the columns `entry_id` and `wording`. Raises KnowledgeError naming file and line."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise KnowledgeError(f"{path}: cannot be read as CSV: {error}") from None
    for number, row in enumerate(rows, start=2):
        if set(row) != {"entry_id", "wording"} or not all(row.values()):
            raise KnowledgeError(f"{path}:{number}: write two columns, entry_id and wording; quote a wording that holds a comma")
    return tuple(Wording(row["entry_id"], row["wording"]) for row in rows)


def known(entries: Sequence[Entry]) -> tuple[Wording, ...]:
    """The knowledge base's own wordings."""
    return tuple(Wording(entry.id, question) for entry in entries for question in entry.questions)


def unanswerable(wordings: Sequence[Wording], entries: Sequence[Entry]) -> tuple[str, ...]:
    """Entry ids that wordings ask for and the knowledge base lacks: such questions would measure nothing."""
    return tuple(sorted({wording.entry_id for wording in wordings} - {entry.id for entry in entries}))


def routine(wordings: Sequence[Wording], language: str) -> tuple[Wording, ...]:
    """Those that the bot answers itself: what is for a person at once, such as a complaint, ends the call and says nothing of answers."""
    intents, table = Intents.load(language), triage.load()
    return tuple(wording for wording in wordings if not table.of(intents.of(wording.text), None).why)


def choose(wordings: Sequence[Wording], count: int, seed: int, codecs: Sequence[Codec] = get_args(Codec)) -> tuple[Question, ...]:
    """`count` questions in an order, voices and codecs that follow from `seed`; none comes twice before all have come once."""
    if not wordings and count:
        raise KnowledgeError("there is no wording to ask; give a file of wordings or a knowledge base with example questions")
    chance = random.Random(seed)
    drawn: list[Wording] = []
    while len(drawn) < count:
        drawn += chance.sample(wordings, len(wordings))
    return tuple(Question(wording.entry_id, wording.text, chance.choice(VOICES), chance.choice(codecs)) for wording in drawn[:count])


def pause_places(questions: Sequence[Question], seed: int) -> tuple[int, ...]:
    """For each question, after how many of its words the caller stops to think: any word boundary is as likely as another."""
    chance = random.Random(seed)
    return tuple(chance.randint(1, max(len(question.text.split()) - 1, 1)) for question in questions)
