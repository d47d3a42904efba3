"""The profile on the agent's screen: what earlier calls of the number show, with source and evidence, and that nobody has proved anything."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.kit.deskfloor import Floor, Run, needs_chromium, rise, sit
from tests.kit.deskkit import QUEUED, WITH_BOT
from voicebot.desk.wording import LANGUAGES, table
from voicebot.store.events import AgentRang

NUMBER = "+441632960777"


@needs_chromium
def test_the_profile_stands_beside_the_call_and_on_its_own_page(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("sue") as sue:
            await sit(sue, "6003")
            floor.calls.begin("customer-1", *WITH_BOT, *QUEUED, ani=NUMBER).seal(30_000, "handed_over", "floor")
            record = floor.calls.begin("customer-2", *WITH_BOT, *QUEUED, ani=NUMBER)
            record.append(29_000, AgentRang("6003"))
            await told(sue)
            await sue.goto(f"{floor.desk.base}/pop/customer-2")
            await told(sue)
            record.seal(30_000, "abandoned", "floor")
            await sue.goto(floor.desk.base)
            await sit(sue, "6003")  # nobody answered, so she is paused
            await rise(sue)

    async def told(page: Page) -> None:
        await expect(page.locator(".customer")).to_contain_text("Not verified")
        row = page.locator(".customer .row", has_text="Last call")
        await expect(row).to_contain_text("with a person")
        await expect(row.locator(".quiet")).to_contain_text("earlier calls")
        await expect(row.locator(".quiet")).to_contain_text("asked for a person")

    on_the_floor(scenario)


def test_every_field_and_value_of_a_profile_has_a_word() -> None:
    names = ("products", "usage_habit", "bill_trend", "complaint_record", "topics", "last_outcome", "repeat_call", "anger_at_handover")
    values = ("account", "earlier_calls", "heavy", "moderate", "light", "rising", "falling", "steady", "contained", "handed_over", "abandoned")
    for language in LANGUAGES:
        assert {f"known.{name}" for name in (*names, *values, "preferred_language", "consent")} <= table(language).keys()
