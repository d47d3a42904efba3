"""The versions of the knowledge base's entries: who changed what, why, and who answered for it.

The files are the truth; these rows tell how they came to be and bring an earlier one back. It writes rows alone, never a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.errors import StoreError
from voicebot.store.database import alone
from voicebot.store.desk import DeskStore
from voicebot.store.privacy_tables import AUDIT
from voicebot.store.versions_tables import DECLINED, KB_VERSIONS


@dataclass(frozen=True, slots=True)
class Version:
    """One change of one entry's file: from the text `before` to `after`, "" for no file. `author` worded or proposed it, `reviewer` answers for it;
    `source` is what it came from, `undoes` the version that it takes back. `version_id` is 0 until it is kept."""

    at_utc: datetime
    language: str
    entry_id: str
    author: str
    reviewer: str
    reason: str
    source: str
    before: str
    after: str
    diff: str
    undoes: int | None = None
    version_id: int = 0

    @property
    def place(self) -> str:
        """The entry's file inside the knowledge base."""
        return f"{self.language}/{self.entry_id}.md"

    @property
    def before_hash(self) -> str:
        """SHA-256 of the text it replaces."""
        return _hash(self.before)

    @property
    def after_hash(self) -> str:
        """SHA-256 of its text."""
        return _hash(self.after)


async def add(connection: AsyncConnection, version: Version) -> int:
    """Keep a version, and the deed in the audit log, inside the caller's transaction. Returns its number. Whoever adds another waits until then."""
    await alone(connection, KB_VERSIONS)
    row = {**asdict(version), "before_hash": version.before_hash, "after_hash": version.after_hash}
    del row["version_id"]
    done = await connection.execute(insert(KB_VERSIONS).values(row).returning(KB_VERSIONS.c.version_id))
    number = int(done.scalar_one())
    deed = "kb roll-back" if version.undoes else "kb approve"
    about = f"version {number} {version.place}"
    await connection.execute(insert(AUDIT), [{"at_utc": version.at_utc, "staff": version.reviewer, "deed": deed, "about": about}])
    return number


async def versions(store: DeskStore, limit: int = 100) -> list[Version]:
    """The newest versions, newest first. Raises StoreError."""
    wanted = select(*_COLUMNS).order_by(KB_VERSIONS.c.version_id.desc()).limit(limit)
    async with store.reading() as connection:
        return [Version(*row) for row in await connection.execute(wanted)]


async def version(store: DeskStore, version_id: int) -> Version:
    """One version. Raises StoreError when there is none."""
    async with store.reading() as connection:
        row = (await connection.execute(select(*_COLUMNS).where(KB_VERSIONS.c.version_id == version_id))).first()
    if row is None:
        raise StoreError(f"version {version_id}: no such version of the knowledge base")
    return Version(*row)


async def decline(store: DeskStore, source: str, staff: str, at_utc: datetime) -> None:
    """Keep that a reviewer chose not to learn from `source`. Raises StoreError."""
    async with store.writing() as connection:
        await connection.execute(delete(DECLINED).where(DECLINED.c.source == source))
        await connection.execute(insert(DECLINED), [{"source": source, "at_utc": at_utc, "staff": staff}])


async def declined(store: DeskStore) -> Mapping[str, datetime]:
    """When each source was declined. Raises StoreError."""
    async with store.reading() as connection:
        return {row[0]: row[1] for row in await connection.execute(select(DECLINED.c.source, DECLINED.c.at_utc))}


_COLUMNS = tuple(KB_VERSIONS.c[name] for name in Version.__slots__)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
