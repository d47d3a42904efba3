"""The desk as a whole: every page has its line in the table of access, and every path is shut to whoever has not signed in."""

from __future__ import annotations

import re

from nicegui import Client
from playwright.async_api import expect

from tests.kit.deskfloor import Floor, Run, needs_chromium, sign_in
from voicebot.desk import pages
from voicebot.desk.access import RULES, rule
from voicebot.desk.theme import PAGES

SOCKET = """() => new Promise((told) => {
  const socket = new WebSocket(`ws://${location.host}/_nicegui_ws/socket.io/?EIO=4&transport=websocket`);
  socket.onopen = () => told(false);
  socket.onerror = () => told(true);
})"""
"""Whether the desk refuses a socket to this page."""


def test_every_page_has_a_line_in_the_table_and_needs_a_sign_in() -> None:
    pages.load()
    paths = [re.sub(r"{\w+}", "c1", path) for path in Client.page_routes.values()]
    assert len(paths) >= len(pages.MODULES)
    for path in (*paths, *PAGES):
        found = rule("GET", path)
        assert found, f"{path} stands in no line of access.RULES"
        assert found.roles


@needs_chromium
def test_every_path_is_shut_without_a_sign_in_and_a_wrong_password_opens_none(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        context = await floor.browser.new_context()
        page = await context.new_page()
        await sign_in(page, floor.desk.base, "ann", "not the password")
        await expect(page.get_by_role("alert")).to_be_visible()
        for one in RULES:
            if one.roles is not None and "GET" in one.methods:
                path = one.path.replace("{}", "private-1").replace("*", "x")
                answer = await context.request.get(f"{floor.desk.base}{path}", headers={"Accept": "application/json"})
                assert (path, answer.status) == (path, 401)
        refused = await page.evaluate(SOCKET)
        assert refused
        await context.close()

    on_the_floor(scenario)
