"""The agent's page: what it is for at each moment, and one call in a browser from the ring to the end of the wrap-up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from tests.kit.deskfloor import Floor, Run, needs_chromium, sit
from tests.kit.deskkit import ANI, BEGUN, COMPLAINT, EVIL, QUESTION, QUEUED, WITH_BOT, handled, lines, over
from voicebot.desk.pages.agent import Mode, mode
from voicebot.handover.story import Story, told
from voicebot.store import after
from voicebot.store.desk import DeskStore
from voicebot.store.events import AgentRang, CallbackRequested, CallerSpoke
from voicebot.store.postings import Posting
from voicebot.store.record import CallJournal

SITS = Posting("6001", BEGUN, None, "ann", "ready", "", BEGUN)


def ringing() -> Story:
    found = told(lines(*WITH_BOT, *QUEUED, *handled("6001")[:1]))
    assert found
    return found


@pytest.mark.parametrize(
    ("posting", "rings", "expected"),
    [
        (None, False, Mode("choose")),
        (SITS, False, Mode("idle", state="ready")),
        (replace(SITS, state="pause", reason="lunch"), False, Mode("idle", state="pause", reason="lunch")),
        (SITS, True, Mode("call", "c1")),
        (replace(SITS, state="wrap_up", call_id="c0"), False, Mode("wrap_up", "c0")),
        (replace(SITS, state="wrap_up", call_id="c0"), True, Mode("call", "c1")),
        (replace(SITS, state="wrap_up"), False, Mode("idle", state="wrap_up")),
    ],
)
def test_what_the_page_is_for(posting: Posting | None, rings: bool, expected: Mode) -> None:
    assert mode(posting, ringing() if rings else None) == expected


@needs_chromium
def test_a_ring_pops_on_that_agents_desk_alone_and_the_pop_is_the_record(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("ann") as ann, floor.at("bob") as bob:
            await sit(ann, "6001")
            await sit(bob, "6002")
            record = floor.calls.begin("pop-1", *WITH_BOT, (24_050, CallerSpoke(EVIL, 0.9, 23_900, 24_000)), *QUEUED)
            await expect(bob.locator(".side .caller")).to_have_count(1)
            await expect(ann.locator(".band")).to_have_count(0)
            record.append(29_000, AgentRang("6001"))
            await expect(ann.locator(".band .ani")).to_have_text(ANI)
            await expect(ann.locator(".need")).to_contain_text(COMPLAINT)
            await expect(ann.locator(".tried")).to_contain_text("Asked back or not understood: 1×")
            said = [line async for line in texts(ann, ".transcript .line .text")]
            assert said[1] == QUESTION
            assert EVIL in said, "what a caller says is text"
            assert await ann.locator(".middle script, .middle img").count() == 0
            await expect(bob.locator(".side .caller .what")).to_have_text("Rings")
            assert await bob.locator(".band, .transcript").count() == 0
            await through_the_call(floor, ann, record)

    async def through_the_call(floor: Floor, ann: Page, record: CallJournal) -> None:
        again = await ann.context.new_page()
        await again.goto(floor.desk.base)
        await expect(again.locator(".band .ani")).to_have_text(ANI)
        for t_ms, event in handled("6001")[1:]:
            record.append(t_ms, event)
        for page in (ann, again):
            await expect(page.locator(".chip.agent")).to_be_visible()
        await ann.fill(".notes textarea", EVIL)
        await ann.keyboard.press("Control+Enter")
        await expect(ann.locator(".notes .written")).to_contain_text(EVIL)
        await ann.reload()
        await expect(ann.locator(".notes .written")).to_contain_text(EVIL)
        await ann.fill(".knowledge input", "what are roaming charges")
        await ann.keyboard.press("Enter")
        await expect(ann.locator(".hits .q-expansion-item").first).to_be_visible()
        await again.close()
        for t_ms, event in over()[:1]:
            record.append(t_ms, event)
        record.seal(60_100, "handed_over", "floor")
        await wrap_up(floor, ann)

    async def wrap_up(floor: Floor, ann: Page) -> None:
        await expect(ann.locator(".card.wrap-up")).to_be_visible()
        await ann.get_by_role("button", name="missing").click()
        await ann.get_by_role("button", name="Finish and be ready").click()
        await expect(ann.get_by_text("Write the question and the right answer")).to_be_visible()
        await ann.get_by_label("The question, in your words").fill("roaming at the border")
        await ann.get_by_label("The right answer, in your words").fill("A mast abroad was nearer.")
        await ann.get_by_label("Still to do").fill("Call back about the refund")
        await ann.get_by_role("button", name="Finish and be ready").click()
        await expect(ann.locator(".idle.ready")).to_be_visible()
        await expect(ann.locator(".tasks")).to_contain_text("Call back about the refund")
        async with DeskStore.open(floor.desk.url) as store:
            assert [(one.kind, one.question) for one in await after.proposals(store)] == [("missing", "roaming at the border")]
            assert [one.disposition for one in await after.wrap_ups_of(store, "pop-1")] == ["answered"]
        await ann.get_by_role("button", name="Done").click()
        await expect(ann.locator(".tasks .task")).to_have_count(0)

    on_the_floor(scenario)


@needs_chromium
def test_who_asked_to_be_called_back_is_a_task_of_whoever_takes_it(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        asked = (40_000, CallbackRequested())
        floor.calls.begin("back-1", *WITH_BOT, *QUEUED, asked, ani=ANI).seal(60_000, "abandoned", "floor")
        async with floor.at("ann") as ann:
            await sit(ann, "6001")
            await expect(ann.locator(".tasks .task")).to_contain_text(f"Call back {ANI}")
            await ann.get_by_role("button", name="I do it").click()
            await expect(ann.get_by_role("button", name="I do it")).to_have_count(0)
            async with DeskStore.open(floor.desk.url) as store:
                assert await after.follow_ups(store, "bob") == []
            await ann.get_by_role("button", name="Done").click()
            await expect(ann.locator(".tasks .task")).to_have_count(0)

    on_the_floor(scenario)


@needs_chromium
def test_an_agent_says_how_much_of_a_briefing_he_hears_and_that_he_has_read_one(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("bob") as bob:
            for form, following in (("all", "short"), ("short", "none"), ("none", "all")):
                await bob.get_by_text(f"Briefing: {form}").click()
                await expect(bob.get_by_text(f"Briefing: {following}")).to_be_visible()
            await sit(bob, "6002")
            record = floor.calls.begin("read-1", *WITH_BOT, *QUEUED)
            record.append(29_000, AgentRang("6002"))
            await bob.get_by_role("button", name="Read: put through at once").click()
            for t_ms, event in (*handled("6002")[1:], *over()[:1]):
                record.append(t_ms, event)
            await expect(bob.get_by_role("button", name="Read: put through at once")).to_have_count(0)
            record.seal(60_100, "handed_over", "floor")

    on_the_floor(scenario)


async def texts(page: Page, selector: str) -> AsyncIterator[str]:
    for text in await page.locator(selector).all_inner_texts():
        yield text
