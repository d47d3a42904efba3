"""Tables of the learning loop: each version of an entry of the knowledge base, and what a reviewer has chosen not to learn."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from voicebot.store.tables import METADATA, UtcDateTime

KB_VERSIONS = Table(
    "kb_versions",
    METADATA,
    Column("version_id", Integer, primary_key=True, autoincrement=True),
    Column("at_utc", UtcDateTime, nullable=False),
    Column("language", String, nullable=False),
    Column("entry_id", String, nullable=False),
    Column("author", String, nullable=False),
    Column("reviewer", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("source", String, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("diff", Text, nullable=False),
    Column("before_hash", String, nullable=False),
    Column("after_hash", String, nullable=False),
    Column("undoes", Integer),
)
"""`before` and `after` are the whole text of the entry's file, "" for no file; the hashes are SHA-256 of them."""

DECLINED = Table(
    "kb_declined",
    METADATA,
    Column("source", String, primary_key=True),
    Column("at_utc", UtcDateTime, nullable=False),
    Column("staff", String, nullable=False),
)
