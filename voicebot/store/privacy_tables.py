"""Tables for what the law asks of a call log: who looked at or erased what, whose data must be kept for a court, and what has expired already."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from voicebot.store.tables import METADATA, UtcDateTime

AUDIT = Table(
    "audit",
    METADATA,
    Column("audit_id", Integer, primary_key=True, autoincrement=True),
    Column("at_utc", UtcDateTime, nullable=False, index=True),
    Column("staff", String, nullable=False, index=True),
    Column("deed", String, nullable=False),
    Column("about", Text, nullable=False),
)
"""Rows are added and never changed: triggers hold that, whoever writes."""

HOLDS = Table(
    "holds",
    METADATA,
    Column("ani", String, primary_key=True),
    Column("at_utc", UtcDateTime, nullable=False),
    Column("staff", String, nullable=False),
    Column("why", Text, nullable=False),
)

BLANKED = Table(
    "blanked",
    METADATA,
    Column("call_id", String, primary_key=True),
    Column("kept", String, primary_key=True),
    Column("at_utc", UtcDateTime, nullable=False),
)
