"""Privacy: the audit log, which takes rows and gives none back, legal holds, and what was blanked."""

import sqlalchemy as sa
from alembic import op

from voicebot.store.tables import UtcDateTime

revision = "0003"
down_revision = "0002"

SQLITE_GUARD = "CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON audit BEGIN SELECT RAISE(ABORT, 'the audit log cannot be changed'); END"
POSTGRES_GUARD = (
    "CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log cannot be changed'; END $$",
    "CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept()",
)


def upgrade() -> None:
    """Create the tables, and guard the audit log."""
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_utc", UtcDateTime, nullable=False, index=True),
        sa.Column("staff", sa.String, nullable=False, index=True),
        sa.Column("deed", sa.String, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
    )
    op.create_table(
        "holds",
        sa.Column("ani", sa.String, primary_key=True),
        sa.Column("at_utc", UtcDateTime, nullable=False),
        sa.Column("staff", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_table(
        "blanked",
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("kept", sa.String, primary_key=True),
        sa.Column("at_utc", UtcDateTime, nullable=False),
    )
    guards = [SQLITE_GUARD.format(verb=verb) for verb in ("update", "delete")] if op.get_bind().dialect.name == "sqlite" else list(POSTGRES_GUARD)
    for guard in guards:
        op.execute(guard)
