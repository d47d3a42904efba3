"""The desk beside a real Asterisk: the queue obeys the agent's state, a ring pops, the end of the call is wrapped up."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from voicebot.store.staff import Role
from voicebot.testbed.desks import desk, hire
from voicebot.testbed.rig import Rig
from voicebot.testbed.synth import synth
from voicebot.up import free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PASSWORD = "a long enough password"
PATIENCE_MS = 40_000
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")]
Play = Callable[[Callable[[Rig], Any]], Any]


@asynccontextmanager
async def at_the_desk(bot: Rig, name: str) -> AsyncIterator[Page]:
    environment = {"VOICEBOT_DESK__PORT": str(free_port("127.0.0.1"))}
    await hire(bot.settings.store.url, PASSWORD, {name: Role.AGENT})
    async with desk(bot.settings_file, environment) as base, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(base)
        await page.fill("#name", name)
        await page.fill("#password", PASSWORD)
        await page.click("button[type=submit]")
        yield page
        await browser.close()


async def until_paused(bot: Rig, agent: str, paused: bool) -> None:
    """Wait until Asterisk's own console says so."""
    async with asyncio.timeout(PATIENCE_MS / 1_000):
        while True:
            told = next(line for line in (await bot.console("queue show support")).splitlines() if f"PJSIP/{agent}" in line)
            if ("paused" in told) is paused:
                return
            await asyncio.sleep(0.1)


async def voiced(bot: Rig, text: str) -> Any:
    folder: Path = bot.settings.speech.cache / "callers"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    return await synth(text, "flite:awb", folder)


def test_a_call_at_the_desk_from_ready_to_wrapped_up(play: Play) -> None:
    async def scenario(bot: Rig) -> None:
        expect.set_options(timeout=PATIENCE_MS)
        async with at_the_desk(bot, "ann") as page, bot.agent("6003", await voiced(bot, "hello this is the support desk")):
            await page.get_by_role("button", name="6003").click()
            await until_paused(bot, "6003", True)
            await page.get_by_role("button", name="Ready", exact=True).click()
            await until_paused(bot, "6003", False)
            ani = f"557{random.randrange(10**8):08d}"
            async with bot.phone() as phone, phone.dial("100", ani) as call:
                await call.wait_answered()
                await call.dtmf("0")
                await expect(page.locator(".band .ani")).to_have_text(ani)
                await expect(page.locator(".band .why")).to_have_text("Asked for a person")
                await expect(page.locator(".chip.agent")).to_be_visible()
            await expect(page.locator(".card.wrap-up")).to_be_visible()
            await until_paused(bot, "6003", True)
            await page.get_by_role("button", name="Finish and be ready").click()
            await expect(page.locator(".idle.ready")).to_be_visible()
            await until_paused(bot, "6003", False)

    play(scenario)
