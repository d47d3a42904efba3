"""The desk in real headless Chromium: one desk process, one journal and one browser, kept up on one loop for all tests that need them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright, expect

from tests.kit.deskkit import PASSWORD, Calls, Served, hire, journalling, served
from voicebot.store.staff import Role

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
PATIENCE_MS = 30_000
STAFF = (("ann", Role.AGENT), ("bob", Role.AGENT), ("sue", Role.SUPERVISOR), ("tom", Role.ADMIN))
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True, slots=True)
class Floor:
    """A desk, a journal to write calls into, a browser."""

    desk: Served
    calls: Calls
    browser: Browser

    @asynccontextmanager
    async def at(self, name: str) -> AsyncIterator[Page]:
        """A browser of its own in which `name` has signed in. What it complains of, or asks of others than the desk, fails the test."""
        context = await self.browser.new_context(viewport={"width": 1280, "height": 720})
        context.set_default_timeout(PATIENCE_MS)
        wrong: list[str] = []
        page = await watched(context, self.desk.base, wrong)
        await sign_in(page, self.desk.base, name)
        try:
            yield page
        finally:
            await context.close()
        assert wrong == []


async def watched(context: BrowserContext, base: str, wrong: list[str]) -> Page:
    page = await context.new_page()

    def console(message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 4" not in message.text:
            wrong.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith((f"{base}/", "data:", "blob:")):
            wrong.append(f"asked {request.url}")

    page.on("console", console)
    page.on("request", asked)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))
    return page


async def sign_in(page: Page, base: str, name: str, password: str = PASSWORD) -> None:
    await page.goto(f"{base}/")
    await page.fill("#name", name)
    await page.fill("#password", password)
    await page.click("button[type=submit]")


async def sit(page: Page, extension: str) -> None:
    """Take a phone, if none is taken yet, and be ready."""
    ready, phone = page.get_by_role("button", name="Ready", exact=True), page.get_by_role("button", name=extension)
    await expect(ready.or_(phone)).to_be_visible()
    if await phone.count():
        await phone.click()
    await ready.click()
    await expect(page.locator(".chip.ready")).to_be_visible()


async def rise(page: Page) -> None:
    """Give up the phone that `sit` took: the floor is shared, and the next test may want it."""
    await page.get_by_role("button", name="Pause").click()
    await page.get_by_text("Give up the phone").click()
    await expect(page.locator(".chip.ready")).to_have_count(0)


Run = Callable[[Callable[[Floor], Awaitable[None]]], None]


@contextmanager
def floor_in(folder: Path) -> Iterator[Run]:
    """Gives what runs a scenario on the floor; one task keeps everything up meanwhile."""
    with asyncio.Runner() as runner:
        up: asyncio.Future[Floor] = runner.get_loop().create_future()
        down = asyncio.Event()
        hosting = runner.get_loop().create_task(_host(folder, up, down))

        async def begun() -> Floor:
            waited: set[asyncio.Future[Any]] = {up, hosting}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if hosting.done():
                hosting.result()
            return up.result()

        floor = runner.run(begun())
        yield lambda scenario: runner.run(asyncio.wait_for(_plain(scenario(floor)), 120))
        down.set()
        runner.run(asyncio.wait_for(hosting, 60))


async def _plain(scenario: Awaitable[None]) -> None:
    await scenario


async def _host(folder: Path, up: asyncio.Future[Floor], down: asyncio.Event) -> None:
    async with served(folder) as desk, journalling(desk.url, folder / "spool") as calls, async_playwright() as playwright:
        await hire(desk.url, *STAFF)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        up.set_result(Floor(desk, calls, browser))
        await down.wait()
        await browser.close()
