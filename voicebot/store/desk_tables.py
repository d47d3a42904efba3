"""The desk's own tables: who may sign in, who sits at which phone, and what agents wrote about calls.

They stand beside the journal and are never part of it: a call's record tells what happened, these tell what people made of it.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, text

from voicebot.store.tables import METADATA, UtcDateTime, given, key

STAFF = Table(
    "staff",
    METADATA,
    key("name"),
    given("role"),
    given("password_hash"),
    given("language"),
    given("theme"),
    given("failures", Integer),
    Column("locked_until_utc", UtcDateTime),
    given("briefing"),
)

SIGN_INS = Table(
    "sign_ins",
    METADATA,
    key("digest"),
    given("staff", index=True),
    given("since_utc", UtcDateTime),
    given("seen_utc", UtcDateTime),
    given("until_utc", UtcDateTime),
)

OPEN_POSTING = text("until_utc IS NULL")
POSTINGS = Table(
    "postings",
    METADATA,
    key("extension"),
    key("since_utc", UtcDateTime),
    Column("until_utc", UtcDateTime),
    given("staff", index=True),
    given("state"),
    given("reason"),
    given("state_since_utc", UtcDateTime),
    given("call_id"),
)
Index("postings_one_staff", POSTINGS.c.staff, unique=True, sqlite_where=OPEN_POSTING, postgresql_where=OPEN_POSTING)
Index("postings_one_phone", POSTINGS.c.extension, unique=True, sqlite_where=OPEN_POSTING, postgresql_where=OPEN_POSTING)

NOTES = Table("notes", METADATA, key("note_id"), given("call_id", index=True), given("staff"), given("at_utc", UtcDateTime), given("text", Text))

WRAP_UPS = Table(
    "wrap_ups", METADATA, key("call_id"), key("staff"), given("at_utc", UtcDateTime), given("disposition"), given("resolved", Boolean), given("meant")
)

PROPOSALS = Table(
    "proposals",
    METADATA,
    key("proposal_id"),
    given("call_id"),
    given("staff"),
    given("at_utc", UtcDateTime),
    given("kind"),
    given("language"),
    given("entry_id"),
    given("question", Text),
    given("answer", Text),
    given("state", index=True),
    given("reviewed_by"),
    Column("reviewed_utc", UtcDateTime),
)

FOLLOW_UPS = Table(
    "follow_ups",
    METADATA,
    key("follow_up_id"),
    given("call_id"),
    given("staff", index=True),
    given("at_utc", UtcDateTime),
    given("due_utc", UtcDateTime),
    given("text", Text),
    Column("done_utc", UtcDateTime),
)

DELIVERIES = Table(
    "deliveries", METADATA, key("url"), key("call_id"), key("seq", Integer), given("attempts", Integer), given("state"), given("at_utc", UtcDateTime)
)
