"""The desk: staff, sign-ins, postings, and what agents write about calls."""

import sqlalchemy as sa
from alembic import op

from voicebot.store.tables import UtcDateTime

revision = "0002"
down_revision = "0001"

OPEN_POSTING = sa.text("until_utc IS NULL")


def upgrade() -> None:
    """Create the desk's tables."""
    op.create_table(
        "staff",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("theme", sa.String, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until_utc", UtcDateTime),
    )
    op.create_table(
        "sign_ins",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("staff", sa.String, nullable=False, index=True),
        sa.Column("since_utc", UtcDateTime, nullable=False),
        sa.Column("seen_utc", UtcDateTime, nullable=False),
        sa.Column("until_utc", UtcDateTime, nullable=False),
    )
    op.create_table(
        "postings",
        sa.Column("extension", sa.String, primary_key=True),
        sa.Column("since_utc", UtcDateTime, primary_key=True),
        sa.Column("until_utc", UtcDateTime),
        sa.Column("staff", sa.String, nullable=False, index=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("state_since_utc", UtcDateTime, nullable=False),
        sa.Column("call_id", sa.String, nullable=False),
    )
    op.create_index("postings_one_staff", "postings", ["staff"], unique=True, sqlite_where=OPEN_POSTING, postgresql_where=OPEN_POSTING)
    op.create_index("postings_one_phone", "postings", ["extension"], unique=True, sqlite_where=OPEN_POSTING, postgresql_where=OPEN_POSTING)
    op.create_table(
        "notes",
        sa.Column("note_id", sa.String, primary_key=True),
        sa.Column("call_id", sa.String, nullable=False, index=True),
        sa.Column("staff", sa.String, nullable=False),
        sa.Column("at_utc", UtcDateTime, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "wrap_ups",
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("staff", sa.String, primary_key=True),
        sa.Column("at_utc", UtcDateTime, nullable=False),
        sa.Column("disposition", sa.String, nullable=False),
        sa.Column("resolved", sa.Boolean, nullable=False),
        sa.Column("meant", sa.String, nullable=False),
    )
    op.create_table(
        "proposals",
        sa.Column("proposal_id", sa.String, primary_key=True),
        sa.Column("call_id", sa.String, nullable=False),
        sa.Column("staff", sa.String, nullable=False),
        sa.Column("at_utc", UtcDateTime, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("entry_id", sa.String, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("reviewed_by", sa.String, nullable=False),
        sa.Column("reviewed_utc", UtcDateTime),
    )
    op.create_table(
        "follow_ups",
        sa.Column("follow_up_id", sa.String, primary_key=True),
        sa.Column("call_id", sa.String, nullable=False),
        sa.Column("staff", sa.String, nullable=False, index=True),
        sa.Column("at_utc", UtcDateTime, nullable=False),
        sa.Column("due_utc", UtcDateTime, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("done_utc", UtcDateTime),
    )
    op.create_table(
        "deliveries",
        sa.Column("url", sa.String, primary_key=True),
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("at_utc", UtcDateTime, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for name in (
        "deliveries",
        "follow_ups",
        "proposals",
        "wrap_ups",
        "notes",
        "postings",
        "sign_ins",
        "staff",
    ):
        op.drop_table(name)
