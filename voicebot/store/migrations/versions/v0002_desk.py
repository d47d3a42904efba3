"""The desk: staff, sign-ins, postings, and what agents write about calls."""

import sqlalchemy as sa
from alembic import op

from voicebot.store.tables import UtcDateTime, given, key

revision = "0002"
down_revision = "0001"

OPEN_POSTING = sa.text("until_utc IS NULL")


def upgrade() -> None:
    """Create the desk's tables."""
    op.create_table(
        "staff",
        key("name"),
        given("role"),
        given("password_hash"),
        given("language"),
        given("theme"),
        given("failures", sa.Integer),
        sa.Column("locked_until_utc", UtcDateTime),
    )
    op.create_table(
        "sign_ins",
        key("digest"),
        given("staff", index=True),
        given("since_utc", UtcDateTime),
        given("seen_utc", UtcDateTime),
        given("until_utc", UtcDateTime),
    )
    op.create_table(
        "postings",
        key("extension"),
        key("since_utc", UtcDateTime),
        sa.Column("until_utc", UtcDateTime),
        given("staff", index=True),
        given("state"),
        given("reason"),
        given("state_since_utc", UtcDateTime),
        given("call_id"),
    )
    op.create_index("postings_one_staff", "postings", ["staff"], unique=True, sqlite_where=OPEN_POSTING, postgresql_where=OPEN_POSTING)
    op.create_index("postings_one_phone", "postings", ["extension"], unique=True, sqlite_where=OPEN_POSTING, postgresql_where=OPEN_POSTING)
    op.create_table("notes", key("note_id"), given("call_id", index=True), given("staff"), given("at_utc", UtcDateTime), given("text", sa.Text))
    op.create_table(
        "wrap_ups", key("call_id"), key("staff"), given("at_utc", UtcDateTime), given("disposition"), given("resolved", sa.Boolean), given("meant")
    )
    op.create_table(
        "proposals",
        key("proposal_id"),
        given("call_id"),
        given("staff"),
        given("at_utc", UtcDateTime),
        given("kind"),
        given("language"),
        given("entry_id"),
        given("question", sa.Text),
        given("answer", sa.Text),
        given("state", index=True),
        given("reviewed_by"),
        sa.Column("reviewed_utc", UtcDateTime),
    )
    op.create_table(
        "follow_ups",
        key("follow_up_id"),
        given("call_id"),
        given("staff", index=True),
        given("at_utc", UtcDateTime),
        given("due_utc", UtcDateTime),
        given("text", sa.Text),
        sa.Column("done_utc", UtcDateTime),
    )
    op.create_table(
        "deliveries", key("url"), key("call_id"), key("seq", sa.Integer), given("attempts", sa.Integer), given("state"), given("at_utc", UtcDateTime)
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("deliveries", "follow_ups", "proposals", "wrap_ups", "notes", "postings", "sign_ins", "staff"):
        op.drop_table(name)
