"""The supervisor's buttons in real headless Chromium: they follow the call's stage, can be reached by keys, and say when nothing could be done."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.kit.deskfloor import Floor, Run, needs_chromium, rise
from tests.kit.deskkit import QUEUED, WITH_BOT, handled, over

pytestmark = [pytest.mark.slow, needs_chromium]


async def shows(page: Page, *names: str) -> None:
    await expect(page.locator(".acts button")).to_contain_text(list(names))


def test_the_buttons_follow_the_call_on_the_wall_and_on_its_page(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("sue") as sue:
            record = floor.calls.begin("act-1", *WITH_BOT)
            await sue.goto(f"{floor.desk.base}/wall")
            await expect(sue.locator(".acts button")).to_have_count(0)
            await sue.locator(".call-card").focus()
            await sue.keyboard.press("Enter")
            await shows(sue, "Listen", "To me", "To a queue", "End the call")
            await expect(sue.get_by_role("button", name="Listen")).to_be_disabled()
            await sue.get_by_role("link", name="Take a phone to listen").click()
            await sue.get_by_role("button", name="6003").click()

            await sue.goto(f"{floor.desk.base}/calls/act-1")
            await expect(sue.get_by_role("button", name="Listen")).to_be_enabled()
            for t_ms, event in (*QUEUED, *handled("6001")):
                record.append(t_ms, event)
            await shows(sue, "Listen", "Whisper", "Barge in", "To a queue", "End the call")
            await by_keys(sue)
            await sue.get_by_role("button", name="To a queue").click()
            await sue.get_by_text("support", exact=True).click()
            await expect(sue.get_by_text("send: no controller can do that now")).to_be_visible()
            await sue.get_by_role("button", name="End the call").click()
            await sue.get_by_role("button", name="Let it go on").click()
            await expect(sue.get_by_text("end: no controller")).to_have_count(0)
            for t_ms, event in over():
                record.append(t_ms, event)
            await expect(sue.locator(".acts button")).to_have_count(0)
            await sue.goto(floor.desk.base)
            await rise(sue)

    async def by_keys(sue: Page) -> None:
        await sue.get_by_role("button", name="Listen").focus()
        await sue.keyboard.press("Tab")
        await expect(sue.get_by_role("button", name="Whisper")).to_be_focused()
        await sue.keyboard.press("Enter")
        await expect(sue.get_by_text("whisper: no controller can do that now")).to_be_visible()

    on_the_floor(scenario)


def test_on_an_agents_page_there_is_no_such_button(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        record = floor.calls.begin("act-2", *WITH_BOT)
        async with floor.at("bob") as bob:
            await expect(bob.locator(".desk")).to_be_visible()
            assert await bob.locator(".acts").count() == 0
        record.seal(30_000, "abandoned", "caller")

    on_the_floor(scenario)
