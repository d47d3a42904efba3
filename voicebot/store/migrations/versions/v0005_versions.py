"""The learning loop: versions of the knowledge base's entries, and what was chosen not to be learnt."""

import sqlalchemy as sa
from alembic import op

from voicebot.store.tables import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "kb_versions",
        sa.Column("version_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_utc", UtcDateTime, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("language", "entry_id", "author", "reviewer")),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("before", "after", "diff")),
        *(sa.Column(name, sa.String, nullable=False) for name in ("before_hash", "after_hash")),
        sa.Column("undoes", sa.Integer),
    )
    op.create_table(
        "kb_declined",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("at_utc", UtcDateTime, nullable=False),
        sa.Column("staff", sa.String, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("kb_declined")
    op.drop_table("kb_versions")
