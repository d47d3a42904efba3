"""Tables of the learning loop: each version of an entry of the knowledge base, and what a reviewer has chosen not to learn."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from voicebot.store.tables import METADATA, UtcDateTime, given, key

KB_VERSIONS = Table(
    "kb_versions",
    METADATA,
    Column("version_id", Integer, primary_key=True, autoincrement=True),
    given("at_utc", UtcDateTime),
    given("language"),
    given("entry_id"),
    given("author"),
    given("reviewer"),
    given("reason", Text),
    given("source"),
    given("before", Text),
    given("after", Text),
    given("diff", Text),
    given("before_hash"),
    given("after_hash"),
    Column("undoes", Integer),
)
"""`before` and `after` are the whole text of the entry's file, "" for no file; the hashes are SHA-256 of them."""

DECLINED = Table("kb_declined", METADATA, key("source"), given("at_utc", UtcDateTime), given("staff"))
