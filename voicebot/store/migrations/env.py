"""Alembic's entry: runs the revisions on the connection that `database.py` hands over, inside its transaction."""

from alembic import context

from voicebot.store import desk_tables, privacy_tables, search_tables, versions_tables  # noqa: F401 - they describe their tables by being imported
from voicebot.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
context.run_migrations()
