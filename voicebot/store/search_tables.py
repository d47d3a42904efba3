"""What the call log is searched by: one row a sealed call, the entries it was about, the questions nobody answered. All made from the journal.

`place` stands for a call in all of them: the millisecond it began at and a number among the calls of that millisecond, so that the order of the rows
is the order of time. The terms of what callers said stand in `words`, an index that each database keeps in its own way; the migration makes it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from voicebot.store.tables import METADATA

SLOTS = 64
"""Calls that may begin in one millisecond; more stand in the next."""
HOUR = 3_600_000 * SLOTS
"""How far apart places are that are an hour apart."""
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)

DIGESTS = Table(
    "digests",
    METADATA,
    Column("place", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("call_id", String, nullable=False, unique=True),
    Column("ani", String, nullable=False),
    Column("language", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("queue", String, nullable=False),
    Column("agent", String, nullable=False),
    Column("anger", Float),
    Column("duration_ms", BigInteger, nullable=False),
    Column("wait_ms", BigInteger),
    Column("talk_ms", BigInteger),
    Column("briefed", Boolean, nullable=False),
    Column("unsure", Integer, nullable=False),
    Column("faults", Integer, nullable=False),
)
for _name in ("ani", "outcome", "reason", "agent"):
    Index(f"digests_{_name}", DIGESTS.c[_name], DIGESTS.c.place)

TOPICS = Table(
    "topics",
    METADATA,
    Column("place", BigInteger, primary_key=True),
    Column("entry_id", String, primary_key=True),
    Column("led", Boolean, nullable=False),
)
"""KB entries that a call was answered with; `led`: the last before the caller was handed over."""
Index("topics_entry", TOPICS.c.entry_id, TOPICS.c.place)

UNANSWERED = Table(
    "unanswered",
    METADATA,
    Column("place", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("alike", String, nullable=False),
    Column("text", Text, nullable=False),
)
"""What callers asked and nothing was known about; `alike` is the same for questions of the same words."""
Index("unanswered_alike", UNANSWERED.c.alike, UNANSWERED.c.place)


def place(moment: datetime) -> int:
    """The first place of that millisecond."""
    return (moment - _ZERO) // timedelta(milliseconds=1) * SLOTS


def moment(at: int) -> datetime:
    """When the call at this place began, in UTC."""
    return _ZERO + timedelta(milliseconds=at // SLOTS)
