"""Calls that lost their controller: found in the journal when Asterisk connects again, and taken over so that nobody else goes on with them.

It says nothing to the caller; what comes then is `call`'s.
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from voicebot.errors import StoreError
from voicebot.memory import Memory, recalled, remember
from voicebot.store.events import Resumed
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal
from voicebot.telephony.ari import Ari, StasisStart

GAP_MAX_MS = 60_000
"""A call is not silent for longer; a longer gap is the difference between two machines' clocks."""
log = structlog.get_logger()


async def unfinished(journal: Journal, ari: Ari, application: str) -> StasisStart | None:
    """The call behind a control socket that Asterisk opened again, as its start was told to another: None for one the journal has no open record
    of, and for one that this process holds. `application` ends with the channel's name. Raises AriError."""
    try:
        open_calls = {call.channel for call in await journal.unsealed()}
    except StoreError as error:
        log.error("lost calls cannot be looked up", why=str(error))
        return None
    if not open_calls:
        return None
    name = application.partition(":")[2]
    found = next((channel for channel in await ari.channels() if channel.name == name and channel.id in open_calls), None)
    return StasisStart(application, found) if found else None


async def take_over(journal: Journal, call_id: str, reason: str) -> tuple[CallJournal, Memory] | None:
    """The record and the memory of a lost call. From here on it is ours: who held it before can write no more into it.

    None for a call that was on its way to a person already, and where another controller was first. Raises StoreError.
    """
    lines = await journal.lines(call_id)
    memory = recalled(lines)
    if memory.let_go or not lines:
        return None
    record = await journal.resume(call_id)
    since_ms = int((datetime.now(UTC) - lines[-1].at_utc).total_seconds() * 1000)
    gap_ms = min(max(0, since_ms), GAP_MAX_MS)
    resumed = Resumed(reason, gap_ms)
    record.append(memory.t_ms + gap_ms, resumed)
    return (record, remember(memory, memory.t_ms + gap_ms, resumed)) if await record.ours() else None
