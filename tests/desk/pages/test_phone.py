from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.kit.deskfloor import Floor, Run, needs_chromium, sit
from voicebot.desk.pages import phone
from voicebot.desk.pages.phone import STATES, markup
from voicebot.desk.wording import LANGUAGES, saying

SCRIPT = Path(phone.__file__).parents[1] / "static/phone.js"
NUMBERS = (("100", "100 · en"), ("200", '200 "zh" <x>'))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_that_the_script_shows_has_words(language: str) -> None:
    drawn = markup(saying(language), "/phone/agent", (), library=True)
    words = json.loads(unescape(re.search(r'data-words="([^"]*)"', drawn)[1]))  # type: ignore[index]
    shown = set(re.findall(r'(?:show|idle)\("(\w+)"\)', SCRIPT.read_text()))
    assert {"elsewhere", "lost", "missing", "ready", "ringing"} <= shown <= set(words) == set(STATES)


def test_every_button_is_something_that_the_script_does_and_none_shows_before_it_says_so() -> None:
    drawn = markup(saying("en"), "/phone/caller", NUMBERS, library=True)
    buttons = re.findall(r'<button type="button" data-do="(\w+)" data-value="([^"]*)"[^>]*?( hidden)?>', drawn)
    script = SCRIPT.read_text()
    assert all(re.search(rf"^  (?:async )?{do}\(", script, re.M) and re.search(rf"^  {do}: \[", script, re.M) for do, _, _ in buttons)
    assert {hidden for *_, hidden in buttons} == {" hidden"}
    assert [value for do, value, _ in buttons if do == "dial"] == ["100", "200"]
    assert len([value for do, value, _ in buttons if do == "key"]) == 12


def test_captions_are_text() -> None:
    assert "200 &quot;zh&quot; &lt;x&gt;" in markup(saying("en"), "/phone/caller", NUMBERS, library=True)


def test_without_the_library_it_says_how_to_get_it() -> None:
    drawn = markup(saying("en"), "/phone/agent", (), library=False)
    assert 'data-state="missing"' in drawn
    assert "scripts/setup --with web-phone" in drawn.partition("phone-state")[2]


def test_no_secret_and_no_script_stands_in_the_markup() -> None:
    drawn = markup(saying("en"), "/phone/agent", (), library=True)
    assert not re.search(r"password|<script|\son\w+=", drawn)


@needs_chromium
def test_where_browser_phones_are_off_there_is_none_and_the_page_says_why(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("bob") as bob:
            await sit(bob, "6003")
            await expect(bob.locator(".phone")).to_have_count(0)
            assert not await bob.evaluate("[...document.scripts].some((each) => each.src.endsWith('phone.js'))")
            await bob.goto(f"{floor.desk.base}/phone")
            await expect(bob.get_by_text("set web_phones and anonymous")).to_be_visible()
            for path in ("/phone/agent", "/phone/caller"):
                assert (await bob.context.request.get(floor.desk.base + path)).status == 404

    on_the_floor(scenario)
