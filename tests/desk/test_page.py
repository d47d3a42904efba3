"""Open pages in a browser: they end with the sign-in, and come back as they were when the desk starts anew."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.kit.deskfloor import PATIENCE_MS, STAFF, Floor, Run, needs_chromium, sign_in, sit
from tests.kit.deskkit import ANI, QUEUED, WITH_BOT, hire, journalling, served
from voicebot.store.events import AgentRang
from voicebot.up import free_port


@needs_chromium
def test_signing_out_ends_every_open_page_of_that_browser(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("bob") as first:
            second = await first.context.new_page()
            await second.goto(floor.desk.base)
            await expect(second.locator(".desk")).to_be_visible()
            await expect(first.locator(".desk")).to_be_visible()
            kept = await first.context.cookies()
            await first.get_by_role("button", name="Sign out").click()
            for page in (first, second):
                await expect(page.locator("#password")).to_be_visible()
            await first.context.add_cookies([{"name": one["name"], "value": one["value"], "url": floor.desk.base} for one in kept])
            await second.goto(floor.desk.base)
            await expect(second.locator("#password")).to_be_visible()

    on_the_floor(scenario)


@needs_chromium
def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("bob") as bob:
            await expect(bob.locator(".desk")).to_be_visible()
            assert await bob.evaluate("document.cookie") == ""
            [cookie] = await bob.context.cookies()
            assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")

    on_the_floor(scenario)


@needs_chromium
def test_a_desk_that_starts_anew_shows_open_pages_the_same_again(on_the_floor: Run, tmp_path: Path) -> None:
    async def scenario(floor: Floor) -> None:
        port = free_port("127.0.0.1")
        context = await floor.browser.new_context()
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        async with served(tmp_path, port) as desk:
            await hire(desk.url, STAFF[0])
            await sign_in(page, desk.base, "ann")
            await sit(page, "6001")
        async with served(tmp_path, port) as desk, journalling(desk.url, tmp_path / "spool") as calls:
            record = calls.begin("again-1", *WITH_BOT, *QUEUED)
            record.append(29_000, AgentRang("6001"))
            await expect(page.locator(".band .ani")).to_have_text(ANI)
            record.seal(30_000, "abandoned", "floor")
        await context.close()

    on_the_floor(scenario)
