"""Two browsers and a real Asterisk: one calls the bot from the desk's page, the other is the agent's phone. Each hears the other."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.async_api import Browser, Page, Playwright, async_playwright, expect

from tests.kit.stage import Play, stage
from voicebot.desk.pages.phone import LIBRARY
from voicebot.store.staff import Role
from voicebot.testbed.desks import desk, hire
from voicebot.testbed.rig import Rig
from voicebot.up import free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PASSWORD = "a long enough password"
PATIENCE_MS = 40_000
RATE_HZ = 48_000
CALLERS_HZ, AGENTS_HZ = 440, 1_000
AUDIBLE_DB, APART_DB = -60, 20
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
    pytest.mark.skipif(not LIBRARY.exists(), reason="no SIP library for browsers: scripts/setup --with web-phone"),
]
LEVELS = """async ([hz, other_hz]) => {
    const stream = document.querySelector(".phone audio").srcObject;
    const ears = window.ears ??= new AudioContext();
    const analyser = ears.createAnalyser();
    analyser.fftSize = 4096;
    const source = ears.createMediaStreamSource(stream);
    source.connect(analyser);
    await ears.resume();
    await new Promise((done) => setTimeout(done, 400));
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    source.disconnect();
    const at = (wanted) => {
        const bin = Math.round(wanted * analyser.fftSize / ears.sampleRate);
        return Math.max(...levels.slice(bin - 2, bin + 3));
    };
    return [at(hz), at(other_hz)].map((db) => Math.max(db, -200));
}"""
"""How loud the page hears the one tone and the other, in dB of its spectrum."""


@pytest.fixture(scope="module")
def web(asterisk_tree: Path) -> Iterator[Play]:
    """A voicebot in which 6001 talks through a browser."""
    with stage({"pbx.web_phones": ["6001"], "pbx.web_port": free_port("127.0.0.1"), "handover.ring_s": 15}) as play:
        yield play


def tone(path: Path, hz: int) -> Path:
    t_s = np.arange(RATE_HZ * 4) / RATE_HZ
    soundfile.write(path, (0.3 * np.sin(2 * np.pi * hz * t_s)).astype(np.float32), RATE_HZ, subtype="PCM_16")
    return path


async def talking(playwright: Playwright, microphone: Path) -> Browser:
    """A browser whose microphone is this file, again and again."""
    fakes = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={microphone}")
    return await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *fakes])


async def signed_in(browser: Browser, base: str, name: str, path: str) -> Page:
    page = await (await browser.new_context(viewport={"width": 1280, "height": 720})).new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(base)
    await page.fill("#name", name)
    await page.fill("#password", PASSWORD)
    await page.click("button[type=submit]")
    await page.wait_for_url(f"{base}/")
    if path != "/":
        await page.goto(base + path)
    return page


@asynccontextmanager
async def floor(bot: Rig, tmp_path: Path) -> AsyncIterator[tuple[Page, Page]]:
    """The pages of a caller and of an agent, each in a browser of its own."""
    await hire(bot.settings.store.url, PASSWORD, {"carl": Role.AGENT, "ann": Role.AGENT})
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(desk(bot.settings_file, {"VOICEBOT_DESK__PORT": str(free_port("127.0.0.1"))}))
        playwright = await stack.enter_async_context(async_playwright())

        async def at(name: str, path: str, hz: int) -> Page:
            browser = await talking(playwright, tone(tmp_path / f"{name}.wav", hz))
            stack.push_async_callback(browser.close)
            return await signed_in(browser, base, name, path)

        async with asyncio.TaskGroup() as scope:
            caller, agent = scope.create_task(at("carl", "/phone", CALLERS_HZ)), scope.create_task(at("ann", "/", AGENTS_HZ))
        yield caller.result(), agent.result()


def state(page: Page) -> Any:
    return expect(page.locator(".phone"))


async def hears(page: Page, hz: int, not_hz: int) -> None:
    """Wait until the page hears the one tone, and not the other."""
    await until(page, lambda loud_db, other_db: loud_db > AUDIBLE_DB and loud_db > other_db + APART_DB, hz, not_hz)


async def hears_nothing(page: Page) -> None:
    await until(page, lambda one_db, other_db: max(one_db, other_db) < AUDIBLE_DB, CALLERS_HZ, AGENTS_HZ)


async def until(page: Page, so: Callable[[float, float], bool], hz: int, other_hz: int) -> None:
    async with asyncio.timeout(PATIENCE_MS / 1_000):
        while not so(*await page.evaluate(LEVELS, [hz, other_hz])):
            await asyncio.sleep(0.2)


def button(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def test_from_one_browser_by_way_of_the_bot_to_another_and_both_are_heard(web: Play, tmp_path: Path) -> None:
    async def scenario(bot: Rig) -> None:
        expect.set_options(timeout=PATIENCE_MS)
        async with floor(bot, tmp_path) as (caller, agent):
            await agent.get_by_role("button", name="6001").click()
            await state(agent).to_have_attribute("data-state", "ready")
            await button(agent, "Ready").click()
            await state(caller).to_have_attribute("data-state", "ready")
            await caller.locator("[data-do=dial][data-value='100']").click()
            await state(caller).to_have_attribute("data-state", "talking")
            await caller.locator("[data-do=key][data-value='0']").click()
            await state(agent).to_have_attribute("data-state", "ringing")
            await button(agent, "Answer").click()
            await state(agent).to_have_attribute("data-state", "talking")
            await button(agent, "1").click()
            await hears(caller, AGENTS_HZ, CALLERS_HZ)
            await hears(agent, CALLERS_HZ, AGENTS_HZ)
            await button(agent, "Mute").click()
            await hears_nothing(caller)
            await button(agent, "Unmute").click()
            await button(agent, "Hold").click()
            await state(agent).to_have_attribute("data-state", "held")
            await button(agent, "Resume").click()
            await state(agent).to_have_attribute("data-state", "talking")
            await hears(caller, AGENTS_HZ, CALLERS_HZ)
            other = await agent.context.new_page()
            await other.goto(agent.url)
            await state(other).to_have_attribute("data-state", "elsewhere")
            await button(agent, "Hang up").click()
            await state(caller).to_have_attribute("data-state", "ready")
            await state(agent).to_have_attribute("data-state", "ready")
            await agent.close()
            await state(other).to_have_attribute("data-state", "ready")

    web(scenario)
