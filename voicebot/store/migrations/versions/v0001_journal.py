"""The journal: events and calls."""

import sqlalchemy as sa
from alembic import op

from voicebot.store.tables import UtcDateTime

revision = "0001"
down_revision = None

SEALED_ONCE = sa.text("type = 'call_sealed'")


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "events",
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("t_ms", sa.BigInteger, nullable=False),
        sa.Column("at_utc", UtcDateTime, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
    )
    op.create_index("events_sealed_once", "events", ["call_id"], unique=True, sqlite_where=SEALED_ONCE, postgresql_where=SEALED_ONCE)
    op.create_table(
        "calls",
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("started_utc", UtcDateTime, nullable=False, index=True),
        sa.Column("ani", sa.String, nullable=False),
        sa.Column("dnis", sa.String, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("handover_reason", sa.String),
        sa.Column("queue", sa.String),
        sa.Column("agent", sa.String),
        sa.Column("outcome", sa.String),
        sa.Column("sealed_by", sa.String),
        sa.Column("sealed_utc", UtcDateTime, index=True),
        sa.Column("duration_ms", sa.BigInteger),
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("calls")
    op.drop_table("events")
