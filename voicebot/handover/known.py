"""How far earlier calls of a number bring its caller forward in the queue: one step, for who called for the same just now or was angry then.

It delays a handover by a moment at most, and what it read goes nowhere else: a number is no proof of who calls.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from voicebot.customers.profile import profile
from voicebot.dialogue.knowledge import Knowledge
from voicebot.errors import StoreError, plain
from voicebot.handover.earlier import earlier_call
from voicebot.handover.story import told
from voicebot.store.after import earlier
from voicebot.store.desk import DeskStore
from voicebot.store.journal import Journal

WITHIN_S = 0.3
log = structlog.get_logger()


@dataclass(frozen=True)
class Known:
    """The earlier calls, at hand."""

    store: DeskStore
    journal: Journal
    knowledge: Knowledge
    within_s: float = WITHIN_S

    async def priority(self, ani: str, call_id: str) -> int:
        """What the profile of `ani` adds to the priority of this call; 0 when it cannot be read in time. Never raises."""
        try:
            async with asyncio.timeout(self.within_s):
                calls = [told(await self.journal.lines(one.call_id)) for one in await earlier(self.store, ani, call_id)]
        except (StoreError, TimeoutError) as error:
            log.warning("the caller's earlier calls are not known in time", call_id=call_id, why=plain(error))
            return 0
        counted = [earlier_call(call, self.knowledge) for call in calls if call]
        return profile(None, counted, datetime.now(UTC).date(), verified=False).priority


async def nobody(_ani: str, _call_id: str) -> int:
    """Where profiles do not count."""
    return 0
