"""The call log's search: a row a sealed call, its topics, unanswered questions, and the index of words."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SQLITE_WORDS = "CREATE VIRTUAL TABLE words USING fts5(terms, detail=none, columnsize=0, tokenize='ascii')"
"""The terms are made by `search_terms`: this tokeniser only cuts at spaces and leaves every other alphabet alone (https://sqlite.org/fts5.html)."""
POSTGRES_WORDS = ("CREATE TABLE words (place BIGINT PRIMARY KEY, terms TEXT[] NOT NULL)", "CREATE INDEX words_terms ON words USING gin (terms)")
"""An index of arrays is what a tsvector is, without a second opinion of what a word is."""


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "digests",
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("call_id", sa.String, nullable=False, unique=True),
        sa.Column("ani", sa.String, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("queue", sa.String, nullable=False),
        sa.Column("agent", sa.String, nullable=False),
        sa.Column("anger", sa.Float),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("wait_ms", sa.BigInteger),
        sa.Column("talk_ms", sa.BigInteger),
        sa.Column("briefed", sa.Boolean, nullable=False),
        sa.Column("unsure", sa.Integer, nullable=False),
        sa.Column("faults", sa.Integer, nullable=False),
    )
    for name in ("ani", "outcome", "reason", "agent"):
        op.create_index(f"digests_{name}", "digests", [name, "place"])
    op.create_table(
        "topics",
        sa.Column("place", sa.BigInteger, primary_key=True),
        sa.Column("entry_id", sa.String, primary_key=True),
        sa.Column("led", sa.Boolean, nullable=False),
    )
    op.create_index("topics_entry", "topics", ["entry_id", "place"])
    op.create_table(
        "unanswered",
        sa.Column("place", sa.BigInteger, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("alike", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("unanswered_alike", "unanswered", ["alike", "place"])
    for statement in (SQLITE_WORDS,) if op.get_bind().dialect.name == "sqlite" else POSTGRES_WORDS:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    for name in ("words", "unanswered", "topics", "digests"):
        op.drop_table(name)
