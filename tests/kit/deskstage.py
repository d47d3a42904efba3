"""A desk's parts without its pages, and its HTTP face behind the guard, in one process: for tests that need no browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from tests.kit.deskkit import PASSWORD
from voicebot.desk import api, call_files, sign_in, supervise
from voicebot.desk.auth import Door
from voicebot.desk.board import Board
from voicebot.desk.desk import Desk
from voicebot.desk.duty import Duty
from voicebot.desk.guard import Guard
from voicebot.desk.live import Live
from voicebot.desk.search import Search
from voicebot.dialogue.knowledge import Entry, Knowledge
from voicebot.settings import Settings
from voicebot.store.desk import DeskStore

BASE = "http://desk.test"
BILL = Entry("bill-higher", "en", "a higher bill", (), None, ("q",), "Look it up.", "Compare it.", ask=("since when",))


@dataclass(frozen=True, slots=True)
class Stage:
    """The desk, and a browser without pages that remembers cookies."""

    desk: Desk
    http: httpx.AsyncClient

    async def enter(self, name: str, password: str = PASSWORD) -> httpx.Response:
        """Send the sign-in form."""
        return await self.http.post("/sign-in", data={"name": name, "password": password}, headers={"Origin": BASE})


async def nobody_to_pause(_paused: object) -> bool:
    return True


@asynccontextmanager
async def staged(url: str) -> AsyncIterator[Stage]:
    """Nothing runs beside it: lines come by `desk.live.take`."""
    settings = Settings()
    async with DeskStore.open(url) as store, asyncio.TaskGroup() as scope:
        door = Door(store, settings.desk)
        duty = Duty(store, settings.pbx.agents, nobody_to_pause, 60)
        live = Live(url)
        desk = Desk(settings, store, door, live, Board(live), duty, Search(Knowledge((BILL,), "v1")), scope)
        app = FastAPI(openapi_url="/api/openapi.json")
        app.include_router(sign_in.routes(door, "Harbour & Co", "en", 8))
        app.include_router(api.routes(desk))
        app.include_router(supervise.routes(desk))
        app.include_router(call_files.routes(desk))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(Guard(app, door)), base_url=BASE) as http:
            yield Stage(desk, http)
