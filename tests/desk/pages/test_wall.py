"""The supervisors' pages in real headless Chromium: the wall follows calls as they happen, a call is found by its words and opened, numbers link."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.kit.deskfloor import Floor, Run, needs_chromium
from tests.kit.deskkit import ANI, COMPLAINT, QUESTION, QUEUED, WITH_BOT, handled, over
from voicebot.store.desk import DeskStore
from voicebot.store.events import AngerScored, CallerSpoke
from voicebot.store.privacy import deeds

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]
EVIL = "<img src=x onerror=alert(1)>"


def test_a_supervisor_sees_follows_finds_and_opens_a_call(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("sue") as sue:
            await sue.goto(f"{floor.desk.base}/wall")
            record = floor.calls.begin("wall-1", *WITH_BOT, (24_050, AngerScored(0.9)))
            card = sue.locator(".stage-column.bot .call-card")
            await expect(card).to_contain_text(ANI)
            await expect(card.locator(".alert")).to_have_text(["Angry"])
            await card.click()
            await expect(sue.locator(".followed .transcript")).to_contain_text(QUESTION)
            record.append(24_060, CallerSpoke(EVIL, 0.9, 24_050, 24_060))
            await expect(sue.locator(".followed .transcript")).to_contain_text(EVIL)
            for t_ms, event in (*QUEUED, *handled("6001")):
                record.append(t_ms, event)
            await expect(sue.locator(".stage-column.agent .call-card")).to_contain_text("6001")
            record.append(*over("6001")[0])
            record.seal(60_100, "handed_over", "floor")
            await expect(sue.locator(".call-card")).to_have_count(0)
            await expect(sue.locator(".tile .value").first).not_to_have_text("0")
            await found_and_opened(floor, sue)

    async def found_and_opened(floor: Floor, sue: Page) -> None:
        await sue.goto(f"{floor.desk.base}/calls?words=roaming&agent=6001")
        await sue.locator('.rows a[href="/calls/wall-1"]').click()
        await expect(sue.locator(".call-head .ani")).to_have_text(ANI)
        await expect(sue.locator(".moment.caller .what")).to_have_text([QUESTION, COMPLAINT, "an agent please", EVIL])
        await expect(sue.locator(".moment .unheard")).to_have_text("in the app.")
        await sue.goto(f"{floor.desk.base}/insight?span=day")
        await sue.locator(".reasons .bar-value").first.click()
        await expect(sue).to_have_url(re.compile("/calls.*reason=asked"))
        await expect(sue.locator('.rows a[href="/calls/wall-1"]')).to_be_visible()
        await sue.goto(f"{floor.desk.base}/calls?since=never")
        await expect(sue.get_by_role("alert")).to_contain_text("since='never'")
        async with DeskStore.open(floor.desk.url) as store:
            looked = {(each.staff, each.deed) for each in await deeds(store) if "wall-1" in each.about}
        assert {("sue", "look"), ("sue", "search")} <= looked

    on_the_floor(scenario)


def test_an_agent_opens_none_of_these_pages(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("bob") as bob:
            await expect(bob.locator(".desk")).to_be_visible()
            assert await bob.locator(".pages a").count() == 0
            for path in ("/wall", "/calls", "/calls/wall-1", "/insight"):
                answer = await bob.goto(f"{floor.desk.base}{path}")
                assert answer
                assert answer.status == 403

    on_the_floor(scenario)
