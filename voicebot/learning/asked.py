"""What callers asked, and what became of it, read from the journal. It reads only; a caller whose words were blanked is not among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import select

from voicebot.store.desk import DeskStore
from voicebot.store.events import CallerSpoke, Decided, Event, decode, tag
from voicebot.store.search_digest import NOT_UNDERSTOOD
from voicebot.store.tables import CALLS, EVENTS

MOST_CALLS = 5_000
"""So many of the newest calls are looked at."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing a caller said and the bot decided on. `entry_id` is what it was answered with, "" for nothing; `missed`: it was not understood;
    `handed`: a person took over at that."""

    call_id: str
    at_utc: datetime
    language: str
    text: str
    entry_id: str = ""
    missed: bool = False
    handed: bool = False


async def asked_since(store: DeskStore, since_utc: datetime) -> list[Asked]:
    """By call, in each in its order. Raises StoreError."""
    newest = select(CALLS.c.call_id, CALLS.c.language).where(CALLS.c.started_utc >= since_utc).order_by(CALLS.c.started_utc.desc())
    calls = newest.limit(MOST_CALLS).subquery()
    wanted = (
        select(EVENTS.c.call_id, EVENTS.c.at_utc, calls.c.language, EVENTS.c.payload)
        .join(calls, calls.c.call_id == EVENTS.c.call_id)
        .where(EVENTS.c.type.in_((tag(CallerSpoke), tag(Decided))))
        .order_by(EVENTS.c.call_id, EVENTS.c.seq)
    )
    async with store.reading() as connection:
        rows = [(row[0], row[1], row[2], decode(row[3])) for row in await connection.execute(wanted)]
    return [each for _, of_one in groupby(rows, key=lambda row: row[0]) for each in questions(of_one)]


def questions(happened: Iterable[tuple[str, datetime, str, Event]]) -> Iterator[Asked]:
    """What was asked in one call: each last utterance before a decision. Decisions on silence or keys are nobody's question."""
    said: Asked | None = None
    for call_id, at_utc, language, event in happened:
        if isinstance(event, CallerSpoke):
            said = Asked(call_id, at_utc, language, event.text) if event.text else None
        elif isinstance(event, Decided) and said:
            missed = event.reason.startswith(NOT_UNDERSTOOD)
            yield Asked(said.call_id, said.at_utc, said.language, said.text, event.entry_id or "", missed, event.decision == "HandOver")
            said = None
