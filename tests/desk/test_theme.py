"""The bar at the top: each person's language and theme are theirs, at once and from then on."""

from __future__ import annotations

from playwright.async_api import expect

from tests.kit.deskfloor import Floor, Run, needs_chromium


@needs_chromium
def test_the_desk_speaks_the_persons_language_and_keeps_it(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("tom") as tom:
            await tom.get_by_role("button", name="中文").click()
            await expect(tom.get_by_text("您使用哪部话机？")).to_be_visible()
            await tom.get_by_role("button", name="English").click()
            await expect(tom.get_by_text("Which phone do you sit at?")).to_be_visible()

    on_the_floor(scenario)


@needs_chromium
def test_dark_and_light_are_the_persons_choice(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("tom") as tom:
            for dark in (True, False):
                await tom.get_by_role("button", name="Dark or light").click()
                await expect(tom.locator("body.body--dark")).to_have_count(int(dark))
                await expect(tom.locator(".desk")).to_be_visible()

    on_the_floor(scenario)
