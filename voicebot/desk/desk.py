"""The desk's parts in one place, for its pages and its REST interface. Made by `open`; what runs beside the pages runs in its task group."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from voicebot.customers.directory import Directory
from voicebot.customers.opened import opened as customers
from voicebot.desk.access import may_see
from voicebot.desk.auth import Door
from voicebot.desk.board import Board
from voicebot.desk.briefed import keep_told
from voicebot.desk.call_log import keep_up
from voicebot.desk.controller import ControllerDoor
from voicebot.desk.duty import Duty
from voicebot.desk.live import Live
from voicebot.desk.search import Search
from voicebot.desk.webhooks import Webhooks
from voicebot.dialogue.knowledge import load
from voicebot.errors import StoreError
from voicebot.handover.story import Story
from voicebot.settings import Settings
from voicebot.store import postings
from voicebot.store.desk import DeskStore
from voicebot.store.staff import Staff

REFRESH_S = 10.0
Order = Callable[[Mapping[str, str]], Awaitable[bool]]
log = structlog.get_logger()


async def nobody(_order: Mapping[str, str]) -> bool:
    """There is no controller."""
    return False


@dataclass(frozen=True)
class Desk:
    """What every page may use."""

    settings: Settings
    store: DeskStore
    door: Door
    live: Live
    board: Board
    duty: Duty
    search: Search
    scope: asyncio.TaskGroup
    directory: Directory | None = None
    """None without customer data."""
    order: Order = nobody
    """Asks the controllers for what a supervisor wants done; False when none can do it."""

    brief: Order = nobody
    """Tells the controllers how agents like to be briefed, and what they have read."""

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Desk]:
        """All parts, running until the block is left. Raises VoicebotError when one cannot start."""
        knowledge = load(settings.kb.folder)
        controller = ControllerDoor(settings)
        async with DeskStore.open(settings.store.url) as store, customers(settings.customers, settings.secrets) as directory:
            door = Door(store, settings.desk)
            await door.refresh()
            duty = Duty(store, settings.pbx.agents, controller.pause, settings.desk.wrap_up_s)
            await duty.load()
            live = Live(settings.store.url)
            board = Board(live)
            live.watch(duty.take_line)
            webhooks = Webhooks(store, live, knowledge, settings.desk.webhooks, settings.secrets)
            async with asyncio.TaskGroup() as scope:
                desk = cls(settings, store, door, live, board, duty, Search(knowledge), scope, directory, controller.supervise, controller.brief)
                runs = (
                    live.run(),
                    board.run(),
                    duty.run(),
                    webhooks.run(),
                    _refreshed(door),
                    keep_up(store, live),
                    keep_told(duty, store, controller.brief),
                )
                beside = [scope.create_task(run) for run in runs]
                try:
                    yield desk
                finally:
                    for task in beside:
                        task.cancel()

    async def visible(self, person: Staff, call_id: str) -> Story | None:
        """One call, when there is one of this id and this person may see it. Raises StoreError."""
        story = await self.live.story(call_id)
        held = await postings.of(self.store, person.name, story.started_utc) if story else []
        return story if story and may_see(person, held, story) else None

    def spawn(self, run: Coroutine[Any, Any, None]) -> None:
        """Run something for a page beside everything else; what goes wrong in it is logged and ends nothing."""
        self.scope.create_task(_supervised(run))


async def _supervised(run: Coroutine[Any, Any, None]) -> None:
    try:
        await run
    except Exception:  # supervision point: what one page asked for must not end the others
        log.exception("a page's request failed")


async def _refreshed(door: Door) -> None:
    """Sign-ins end in time, and staff who were removed are out within seconds."""
    while True:
        await asyncio.sleep(REFRESH_S)
        with contextlib.suppress(StoreError):
            await door.refresh()


def now_utc() -> datetime:
    return datetime.now(UTC)
