"""How an agent reads a call in a browser, with the anger that was scored."""

from __future__ import annotations

from playwright.async_api import expect

from tests.kit.deskfloor import Floor, Run, needs_chromium, sit
from tests.kit.deskkit import EVIL, QUEUED, WITH_BOT
from voicebot.store.events import AgentRang, AngerScored, BriefingImproved

ANGER = (
    (8_050, AngerScored(0.3, evidence=("speaks faster",))),
    (17_050, AngerScored(0.8, escalate=True, evidence=("louder than at the start", EVIL))),
)


@needs_chromium
def test_anger_stands_with_its_number_its_curve_and_its_reasons(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("sue") as sue:
            await sit(sue, "6003")
            record = floor.calls.begin("angry-1", *WITH_BOT, *ANGER, *QUEUED)
            record.append(29_000, AgentRang("6003"))
            await expect(sue.locator(".band.angry")).to_be_visible()
            await expect(sue.locator(".gauge text")).to_have_text("80")
            await expect(sue.locator(".curve circle")).to_have_count(2)
            assert await sue.locator(".anger li").all_inner_texts() == ["louder than at the start", EVIL, "speaks faster"]
            await expect(sue.get_by_role("img", name="Anger: Angry")).to_be_visible()
            record.append(30_000, BriefingImproved("llm", 900, "spoken", "Wants the roaming charge back."))
            await expect(sue.locator(".need")).to_contain_text("Wants the roaming charge back.")
            await expect(sue.locator(".need")).to_contain_text("Worded by a language model")
            record.seal(31_000, "abandoned", "floor")

    on_the_floor(scenario)


@needs_chromium
def test_the_reasons_are_in_the_language_of_the_desk(on_the_floor: Run) -> None:
    heard = AngerScored(0.8, escalate=True, evidence=("louder than expected: +9 dB", "said 'ridiculous'", "says the same again"))

    async def scenario(floor: Floor) -> None:
        async with floor.at("sue") as sue:
            await sit(sue, "6003")
            record = floor.calls.begin("angry-2", *WITH_BOT, (17_050, heard), *QUEUED)
            record.append(29_000, AgentRang("6003"))
            await expect(sue.locator(".band.angry")).to_be_visible()
            await expect(sue.locator(".anger li")).to_have_text(["louder than expected: +9 dB", "said 'ridiculous'", "says the same again"])
            await sue.get_by_role("button", name="中文").click()
            await expect(sue.locator(".anger li")).to_have_text(["比预期大声：+9 分贝", "说“ridiculous”", "重复同样的话"])
            await sue.get_by_role("button", name="English").click()
            record.seal(31_000, "abandoned", "floor")

    on_the_floor(scenario)
