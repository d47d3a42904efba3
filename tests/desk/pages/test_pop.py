"""A call on a page of its own: for whom it rang, and for supervisors; for everybody else there is no such call."""

from __future__ import annotations

from playwright.async_api import expect

from tests.kit.deskfloor import Floor, Run, needs_chromium, sit
from tests.kit.deskkit import COMPLAINT, QUEUED, WITH_BOT
from voicebot.store.events import AgentRang


@needs_chromium
def test_nobody_reads_a_call_that_is_not_theirs(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("ann") as ann, floor.at("bob") as bob, floor.at("sue") as sue:
            await sit(ann, "6001")
            record = floor.calls.begin("private-1", *WITH_BOT, *QUEUED)
            record.append(29_000, AgentRang("6001"))
            await expect(ann.locator(".band")).to_be_visible()
            found = {}
            for page, name in ((ann, "ann"), (bob, "bob"), (sue, "sue")):
                answer = await page.goto(f"{floor.desk.base}/pop/private-1")
                assert answer
                found[name] = (answer.status, COMPLAINT in await answer.text())
            assert found == {"ann": (200, True), "bob": (404, False), "sue": (200, True)}
            record.seal(30_000, "abandoned", "floor")

    on_the_floor(scenario)
