"""The desk's own tables: who may sign in, who sits at which phone, and what agents wrote about calls.

They stand beside the journal and are never part of it: a call's record tells what happened, these tell what people made of it.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, text

from voicebot.store.tables import METADATA, UtcDateTime

STAFF = Table(
    "staff",
    METADATA,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("password_hash", String, nullable=False),
    Column("language", String, nullable=False),
    Column("theme", String, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until_utc", UtcDateTime),
)

SIGN_INS = Table(
    "sign_ins",
    METADATA,
    Column("digest", String, primary_key=True),
    Column("staff", String, nullable=False, index=True),
    Column("since_utc", UtcDateTime, nullable=False),
    Column("seen_utc", UtcDateTime, nullable=False),
    Column("until_utc", UtcDateTime, nullable=False),
)

OPEN_POSTING = text("until_utc IS NULL")
POSTINGS = Table(
    "postings",
    METADATA,
    Column("extension", String, primary_key=True),
    Column("since_utc", UtcDateTime, primary_key=True),
    Column("until_utc", UtcDateTime),
    Column("staff", String, nullable=False, index=True),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("state_since_utc", UtcDateTime, nullable=False),
    Column("call_id", String, nullable=False),
)
Index("postings_one_staff", POSTINGS.c.staff, unique=True, sqlite_where=OPEN_POSTING, postgresql_where=OPEN_POSTING)
Index("postings_one_phone", POSTINGS.c.extension, unique=True, sqlite_where=OPEN_POSTING, postgresql_where=OPEN_POSTING)

NOTES = Table(
    "notes",
    METADATA,
    Column("note_id", String, primary_key=True),
    Column("call_id", String, nullable=False, index=True),
    Column("staff", String, nullable=False),
    Column("at_utc", UtcDateTime, nullable=False),
    Column("text", Text, nullable=False),
)

WRAP_UPS = Table(
    "wrap_ups",
    METADATA,
    Column("call_id", String, primary_key=True),
    Column("staff", String, primary_key=True),
    Column("at_utc", UtcDateTime, nullable=False),
    Column("disposition", String, nullable=False),
    Column("resolved", Boolean, nullable=False),
    Column("meant", String, nullable=False),
)

PROPOSALS = Table(
    "proposals",
    METADATA,
    Column("proposal_id", String, primary_key=True),
    Column("call_id", String, nullable=False),
    Column("staff", String, nullable=False),
    Column("at_utc", UtcDateTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("language", String, nullable=False),
    Column("entry_id", String, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("reviewed_by", String, nullable=False),
    Column("reviewed_utc", UtcDateTime),
)

FOLLOW_UPS = Table(
    "follow_ups",
    METADATA,
    Column("follow_up_id", String, primary_key=True),
    Column("call_id", String, nullable=False),
    Column("staff", String, nullable=False, index=True),
    Column("at_utc", UtcDateTime, nullable=False),
    Column("due_utc", UtcDateTime, nullable=False),
    Column("text", Text, nullable=False),
    Column("done_utc", UtcDateTime),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("url", String, primary_key=True),
    Column("call_id", String, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("at_utc", UtcDateTime, nullable=False),
)
