"""Call-backs that callers asked for, as tasks that are nobody's yet: written with the line of the journal that tells of the wish, or not at all.

The number is the call's own, read from its record when an agent looks; it stands nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.store.after import NOBODY, FollowUp
from voicebot.store.database import insert_new
from voicebot.store.desk_tables import FOLLOW_UPS
from voicebot.store.events import CallbackRequested, Line, tag

DUE = timedelta(hours=4)
"""So soon who asked is called back."""
_REQUESTED = tag(CallbackRequested)


async def promise(connection: AsyncConnection, lines: Sequence[Line]) -> None:
    """A task for each of `lines` in which a caller asks, inside the caller's transaction; the same lines again change nothing, done or not."""
    asked = [line for line in lines if line.type == _REQUESTED]
    tasks = [FollowUp(f"callback-{line.call_id}", line.call_id, NOBODY, line.at_utc, line.at_utc + DUE, "") for line in asked]
    if tasks:
        await connection.execute(insert_new(connection.dialect.name, FOLLOW_UPS), [asdict(task) for task in tasks])
