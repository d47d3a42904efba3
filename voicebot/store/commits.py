"""The way from lines to the database: one commit at a time, each with a deadline, none ever cancelled. What fails is tried again, never at once.

It keeps no lines: the journal decides what becomes of those that were not taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError

from voicebot.errors import StoreError
from voicebot.scopes import lasting
from voicebot.store.database import Database, plain
from voicebot.store.events import Line
from voicebot.store.lines import write

COMMIT_DEADLINE_S = 2.0
TROUBLED_S = 0.05
"""How long a commit is waited for while the last one failed: what is not taken by then goes to the spool, where a kill does not reach it."""
RETRY_S = 1.0

_log = structlog.get_logger(__name__)


class Commits:
    """Made by the journal's one writer; not for two tasks at once."""

    def __init__(self, database: Database, fenced: Container[str], on_refused: Callable[[str, int], None]) -> None:
        """Lines of calls in `fenced` are passed over. `on_refused` is told of calls, with how many lines, that another process went on with."""
        self.trouble = ""
        """Why the database takes no lines; empty while it does."""
        self.last_ms = 0.0
        self._database = database
        self._fenced = fenced
        self._on_refused = on_refused
        self._retry_at_s = 0.0
        self._lines: Sequence[Line] = ()
        self._commit: asyncio.Task[bool] | None = None

    @property
    def due(self) -> bool:
        """Whether it is time to try."""
        return asyncio.get_running_loop().time() >= self._retry_at_s

    async def take(self, lines: Sequence[Line]) -> bool:
        """Whether the database has `lines`. Asked again with the same sequence, it waits for the commit that was too slow: one that always takes
        longer than the deadline gets on all the same.

        A statement cut short leaves SQLite's lock to a dead connection until that is garbage-collected, so a commit is left to end by itself.
        """
        if self._commit and self._lines is not lines:
            if not await self._in_time(self._commit):
                return False
            self._commit = None
        if self._commit is None:
            self._lines, self._commit = lines, lasting(self._write(lines))
        if not await self._in_time(self._commit):
            return False
        done, self._commit = self._commit, None
        return done.result()

    def fail(self, why: str) -> None:
        """The database takes nothing: said once, tried again in RETRY_S."""
        if not self.trouble:
            _log.error("journal database takes no events; spooling", why=why)
        self.trouble = why
        self._retry_at_s = asyncio.get_running_loop().time() + RETRY_S

    async def _in_time(self, commit: asyncio.Task[bool]) -> bool:
        await asyncio.wait({commit}, timeout=TROUBLED_S if self.trouble else COMMIT_DEADLINE_S)
        if not commit.done():
            self.fail("no answer within the deadline")
        return commit.done()

    async def _write(self, lines: Sequence[Line]) -> bool:
        started_s = asyncio.get_running_loop().time()
        try:
            async with self._database.begin() as connection:
                refused = await write(connection, [line for line in lines if line.call_id not in self._fenced])
        except (SQLAlchemyError, OSError, StoreError) as error:
            self.fail(plain(error))
            return False
        self.last_ms = (asyncio.get_running_loop().time() - started_s) * 1_000
        for call_id, count in refused.items():
            self._on_refused(call_id, count)
        if self.trouble:
            _log.warning("journal database takes events again")
        self.trouble = ""
        return True
