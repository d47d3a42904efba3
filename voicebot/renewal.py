"""The knowledge base renewed while calls go on: changed files are read, checked and made ready beside what runs, then new calls get them.

A call keeps the version it began with. A knowledge base with a fault changes nothing: the one before stays, and one log line says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import structlog

from voicebot.bot import Tongue
from voicebot.dialogue.knowledge import Knowledge, load
from voicebot.errors import EngineError, KnowledgeError
from voicebot.metrics import Metrics

LOOK_EVERY_S = 2.0

Stamp = tuple[date, frozenset[tuple[str, int, int]]]
"""The day, and each file with its size and time of change: cheap to take, and different whenever an answer may be."""
Make = Callable[[Knowledge, Tongue], Awaitable[Tongue]]

log = structlog.get_logger()


def today() -> date:
    """The day on this machine's clock: answers are valid from and until a day."""
    return datetime.now(UTC).astimezone().date()


class Renewal:
    """Watches one folder. `tongues` is what new calls are given, and is changed in one step."""

    def __init__(self, folder: Path, knowledge: Knowledge, tongues: dict[str, Tongue], make: Make, metrics: Metrics) -> None:
        self.version = knowledge.version
        self._folder = folder
        self._tongues = tongues
        self._make = make
        self._metrics = metrics
        self._seen = stamp(folder)

    async def watch(self) -> None:
        """Renew for ever, whenever the files have changed and then stayed as they are for one more look: an editor may still be writing."""
        before = self._seen
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now = stamp(self._folder)
            if now == before != self._seen:
                self._seen = now
                await self.renew()
            before = now

    async def renew(self) -> bool:
        """Read, check and prepare everything, then give it to new calls; False when there is a fault, and nothing has changed."""
        try:
            knowledge = await asyncio.to_thread(load, self._folder)
            fresh = await self._made(knowledge.on(today()))
        except (KnowledgeError, EngineError) as error:
            first, *more = str(error).splitlines()
            log.error("knowledge base not renewed", why=first, more_faults=len(more), version=self.version)
            self._metrics.renewals.labels("refused").inc()
            return False
        self._tongues.update(fresh)
        self.version = knowledge.version
        log.info("knowledge base renewed for new calls", version=self.version, entries=len(knowledge.entries))
        self._metrics.renewals.labels("done").inc()
        return True

    async def _made(self, knowledge: Knowledge) -> dict[str, Tongue]:
        return {language: await self._make(knowledge, old) for language, old in self._tongues.items()}


def stamp(folder: Path) -> Stamp:
    """What must be compared to see a change. A file that goes away meanwhile is a change like any other."""
    return today(), frozenset(_files(folder.glob("*/*.md")))


def _files(paths: Iterable[Path]) -> Iterable[tuple[str, int, int]]:
    for path in paths:
        try:
            found = path.stat()
        except OSError:
            continue
        yield str(path), found.st_size, found.st_mtime_ns
