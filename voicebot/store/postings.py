"""Who sits, or sat, at which phone, and as what: ready, on a pause, wrapping up. Read to know whose desk a ring belongs to.

One person has one phone at a time and one phone has one person; the database holds that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import insert, or_, select, update

from voicebot.store.desk import DeskStore
from voicebot.store.desk_tables import POSTINGS

State = Literal["ready", "pause", "wrap_up"]


@dataclass(frozen=True, slots=True)
class Posting:
    """`staff` at the phone `extension`; it lasts while `until_utc` is None. `call_id` is the call that is wrapped up."""

    extension: str
    since_utc: datetime
    until_utc: datetime | None
    staff: str
    state: State
    reason: str
    state_since_utc: datetime
    call_id: str = ""


async def begin(store: DeskStore, posting: Posting) -> None:
    """Raises TakenError when the phone or the person is taken."""
    async with store.writing() as connection:
        await connection.execute(insert(POSTINGS), [asdict(posting)])


async def change(store: DeskStore, posting: Posting, **columns: Any) -> None:
    """Set columns of a posting."""
    ours = (POSTINGS.c.extension == posting.extension) & (POSTINGS.c.since_utc == posting.since_utc)
    async with store.writing() as connection:
        await connection.execute(update(POSTINGS).where(ours).values(**columns))


async def current(store: DeskStore) -> list[Posting]:
    """Those that last."""
    async with store.reading() as connection:
        return [Posting(*row) for row in await connection.execute(select(POSTINGS).where(POSTINGS.c.until_utc.is_(None)))]


async def of(store: DeskStore, staff: str, since_utc: datetime) -> list[Posting]:
    """Where this person has sat since then."""
    theirs = (POSTINGS.c.staff == staff) & or_(POSTINGS.c.until_utc.is_(None), POSTINGS.c.until_utc >= since_utc)
    async with store.reading() as connection:
        return [Posting(*row) for row in await connection.execute(select(POSTINGS).where(theirs))]


def sat_at(held: Iterable[Posting], extension: str, at_utc: datetime) -> bool:
    """Whether one of these postings was at `extension` then."""
    return any(one.extension == extension and one.since_utc <= at_utc and (one.until_utc is None or at_utc < one.until_utc) for one in held)
