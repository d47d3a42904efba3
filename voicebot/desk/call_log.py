"""Keeps the call log's search up to date while the desk runs: all that is missing when it starts, then each call soon after its seal. Calls know
nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import structlog

from voicebot.desk.live import Live
from voicebot.errors import StoreError
from voicebot.store.desk import DeskStore
from voicebot.store.events import CallSealed, tag
from voicebot.store.search_keeper import catch_up

EVERY_S = 60.0
"""Looked for at least so often, whatever was heard."""
BACK = timedelta(hours=1)
"""How far back a look goes: what was sealed in a spool shows late."""
_SEALED = tag(CallSealed)
log = structlog.get_logger()


async def keep_up(store: DeskStore, live: Live) -> None:
    """Run until cancelled; what cannot be read or written now is tried again."""
    sealed = asyncio.Event()
    stop = live.watch(lambda _, line: sealed.set() if line.type == _SEALED else None)
    since: datetime | None = None
    try:
        while True:
            sealed.clear()
            begun = datetime.now(UTC)
            try:
                await catch_up(store, since)
                since = begun - BACK
            except StoreError as error:
                log.warning("the call log is behind; trying again", why=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(sealed.wait(), EVERY_S)
    finally:
        stop()
