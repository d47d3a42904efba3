"""How somebody on the staff likes to be briefed by ear."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Who is there hears all of it, as before."""
    with op.batch_alter_table("staff") as table:
        table.add_column(sa.Column("briefing", sa.String, nullable=False, server_default="full"))


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("staff") as table:
        table.drop_column("briefing")
