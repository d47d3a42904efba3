"""The learning loop in two browsers: an agent proposes, a supervisor approves, the next caller is answered; and what is stopped on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

from tests.kit.deskfloor import CHROMIUM, STAFF, Floor, needs_chromium, sit
from tests.kit.deskkit import QUEUED, Served, handled, hire, journalling, over
from tests.kit.kbkit import BREAKING, OTHER_WORDS, WIFI, knowledge_in
from voicebot.dialogue.knowledge import check, load
from voicebot.dialogue.matching import Matcher
from voicebot.learning.draft import Draft
from voicebot.learning.effect import answered_by
from voicebot.store import privacy
from voicebot.store.desk import DeskStore
from voicebot.store.events import BotSpoke, CallAnswered, CallerSpoke, Decided, Event
from voicebot.testbed.desks import desk

ASKED: tuple[tuple[int, Event], ...] = (
    (100, CallAnswered()),
    (4_000, BotSpoke("Welcome.", "greeting", 100, 3_900, 3_900, False, "Welcome.")),
    (8_000, CallerSpoke(OTHER_WORDS, 0.86, 5_000, 7_600)),
    (8_100, Decided("Reply", "not understood, best bill 0.10")),
    (24_000, CallerSpoke("an agent please", 0.91, 22_000, 23_800)),
)


@asynccontextmanager
async def floor_with(knowledge: Path) -> AsyncIterator[Floor]:
    """A floor with a knowledge base of its own."""
    folder = knowledge.parent
    url, file = f"sqlite+aiosqlite:///{folder}/journal.db", folder / "voicebot.toml"
    file.write_text(f'secrets = "{folder}/secrets"\nstore.url = "{url}"\nserve.port = 1\ndesk.port = 0\nkb.folder = "{knowledge}"\n')
    async with desk(file) as base, journalling(url, folder / "spool") as calls, async_playwright() as playwright:
        await hire(url, *STAFF)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield Floor(Served(base, url, folder), calls, browser)
        await browser.close()


def found(knowledge: Path, text: str) -> str:
    """The entry that the next call would be answered with."""
    return answered_by(Matcher.build(load(knowledge).language("en")), text)


async def propose(floor: Floor, ann: Page) -> None:
    """A caller asks what nobody knows; the agent answers and proposes it in the wrap-up."""
    await sit(ann, "6001")
    call = floor.calls.begin("loop-1", *ASKED, *QUEUED, *handled("6001"))
    await expect(ann.locator(".chip.agent")).to_be_visible()
    for t_ms, event in over("6001"):
        call.append(t_ms, event)
    await ann.get_by_role("button", name="missing").click()
    await ann.get_by_label("The question, in your words").fill(WIFI.questions[0])
    await ann.get_by_label("The right answer, in your words").fill(WIFI.answer)
    await ann.get_by_role("button", name="Finish and be ready").click()
    await expect(ann.locator(".idle.ready")).to_be_visible()


async def word(sue: Page, draft: Draft) -> None:
    """Fill the form and look at the effect."""
    for label, text in (
        ("Id:", draft.entry_id),
        ("Title", draft.title),
        ("Questions, one on each line", "\n".join(draft.questions)),
        ("Answer, as it is spoken", draft.answer),
        ("Short answer", draft.short),
    ):
        await sue.get_by_label(label).fill(text)
    await sue.get_by_role("button", name="Look at the effect").click()


@needs_chromium
def test_from_a_proposal_to_an_answer_and_back(tmp_path: Path) -> None:
    knowledge = knowledge_in(tmp_path)
    file = knowledge / WIFI.place

    async def scenario() -> None:
        async with floor_with(knowledge) as floor, floor.at("ann") as ann, floor.at("sue") as sue:
            await propose(floor, ann)
            await approve(floor, sue)
            await roll_back(sue)
            await stopped(sue)
            assert (await ann.goto(f"{floor.desk.base}/review")).status == 403  # type: ignore[union-attr]
            async with DeskStore.open(floor.desk.url) as store:
                told = [(one.staff, one.deed) for one in await privacy.deeds(store) if one.deed.startswith("kb")]
                assert told == [("sue", "kb decline"), ("sue", "kb roll-back"), ("sue", "kb approve")]

    async def approve(floor: Floor, sue: Page) -> None:
        assert found(knowledge, OTHER_WORDS) == ""
        await sue.goto(f"{floor.desk.base}/review")
        await sue.get_by_role("button", name="Missing: can i make calls over wifi").click()
        await expect(sue.get_by_label("Answer, as it is spoken")).to_have_value(WIFI.answer)
        await word(sue, WIFI)
        await expect(sue.locator(".effect.gained")).to_contain_text(f"{OTHER_WORDS}: – → wifi")
        await expect(sue.locator(".diff .added").first).to_have_text("+---")
        assert not file.exists()
        await sue.get_by_role("button", name="Approve").click()
        await expect(sue.get_by_text("no reason is given")).to_be_visible()
        await sue.get_by_label("Why").fill("asked often")
        await sue.get_by_role("button", name="Approve").click()
        await expect(sue.get_by_text("Approved as version 1")).to_be_visible()
        await expect(sue.locator(".proposals")).to_contain_text("Nothing")
        assert (found(knowledge, OTHER_WORDS), check(knowledge)) == ("wifi", ())

    async def roll_back(sue: Page) -> None:
        await sue.get_by_role("link", name="History").click()
        await expect(sue.locator(".version")).to_contain_text(["by ann, approved by sue"])
        await expect(sue.locator(".version")).to_contain_text(["answered before: 0 / 1, since: –"])
        await sue.get_by_role("button", name="Roll version 1 back").click()
        await expect(sue.locator(".version")).to_have_count(2)
        assert not file.exists()
        assert found(knowledge, OTHER_WORDS) == ""

    async def stopped(sue: Page) -> None:
        await sue.get_by_role("link", name="Review").click()
        await sue.locator(".unanswered .candidate").click()
        await expect(sue.locator(".about")).to_contain_text(OTHER_WORDS)
        assert OTHER_WORDS not in [await field.input_value() for field in await sue.locator(".entry input, .entry textarea").all()]
        await word(sue, BREAKING)
        await expect(sue.get_by_role("alert").filter(has_text="must find hours and would find holidays")).to_be_visible()
        await expect(sue.get_by_role("button", name="Approve")).to_have_count(0)
        await sue.get_by_role("button", name="Decline").click()
        await expect(sue.get_by_text("Nothing waits for review.")).to_be_visible()

    asyncio.run(asyncio.wait_for(scenario(), 200))
