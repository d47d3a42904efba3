"""Tables for what the law asks of a call log: who looked at or erased what, whose data must be kept for a court, and what has expired already."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from voicebot.store.tables import METADATA, UtcDateTime, given, key

AUDIT = Table(
    "audit",
    METADATA,
    Column("audit_id", Integer, primary_key=True, autoincrement=True),
    given("at_utc", UtcDateTime, index=True),
    given("staff", index=True),
    given("deed"),
    given("about", Text),
)
"""Rows are added and never changed: triggers hold that, whoever writes."""

HOLDS = Table("holds", METADATA, key("ani"), given("at_utc", UtcDateTime), given("staff"), given("why", Text))

BLANKED = Table("blanked", METADATA, key("call_id"), key("kept"), given("at_utc", UtcDateTime))
