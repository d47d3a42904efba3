"""How the desk looks: one style sheet, dark and light, and the bar at the top of every page. It draws; it decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape

from nicegui import ui
from nicegui.element import Element

from voicebot.desk.access import rule
from voicebot.desk.auth import Present
from voicebot.desk.briefed import NEXT
from voicebot.desk.desk import Desk
from voicebot.desk.wording import LANGUAGES, Say
from voicebot.store import staff
from voicebot.store.staff import Role, Staff

DARK = {"auto": None, "dark": True, "light": False}
NEXT_THEME = {"auto": "dark", "dark": "light", "light": "dark"}
PAGES: dict[str, str] = {
    "/": "frame.desk",
    "/wall": "frame.wall",
    "/calls": "frame.calls",
    "/insight": "frame.insight",
    "/review": "frame.review",
    "/kb/history": "frame.history",
}
"""The pages in the bar: path → word. Each shows to those whose role may open it."""
_SIGN_OUT = (
    '<form method="post" action="/sign-out"><input type="hidden" name="csrf" value="{csrf}">'
    '<button type="submit" class="small">{word}</button></form>'
)


def apply(person: Staff, company: str) -> None:
    """Style sheet, colours and the browser's title."""
    ui.page_title(company)
    ui.add_head_html('<link rel="stylesheet" href="/static/desk.css">')
    ui.add_body_html('<script defer src="/static/desk.js"></script>')
    ui.dark_mode(DARK[person.theme])
    ui.colors(primary="#1f5fbf", accent="#1f5fbf", negative="#b3261e", positive="#1b7f4d", warning="#a15c00")


def frame(desk: Desk, present: Present, say: Say) -> Element:
    """The bar: company, pages, theme, language, the way out. Returns its middle, where a page puts its own controls."""
    person = present.person

    async def choose(**columns: str) -> None:
        await staff.change(desk.store, person.name, **columns)
        desk.door.change(person.name, **columns)
        ui.navigate.reload()

    with ui.element("header").classes("bar"):
        ui.label(desk.settings.company).classes("company")
        pages = {path: word for path, word in PAGES.items() if (found := rule("GET", path)) and person.role in (found.roles or ())}
        if len(pages) > 1:
            with ui.element("nav").classes("pages"):
                for path, word in pages.items():
                    ui.link(say(word), path)
        middle = ui.element("div").classes("bar-middle")
        ui.label(person.name).classes("name")
        if person.role is Role.AGENT or desk.duty.of(person.name):
            _small(say(f"briefing.{person.briefing}"), say("frame.briefing"), lambda: choose(briefing=NEXT[person.briefing]))
        _small("◐", say("frame.theme"), lambda: choose(theme=NEXT_THEME[person.theme]))
        _small(say("frame.language"), say("frame.language"), lambda: choose(language=LANGUAGES[LANGUAGES.index(person.language) - 1]))
        ui.html(_SIGN_OUT.format(csrf=present.csrf, word=escape(say("frame.sign_out"))), sanitize=False)
    return middle


def _small(text: str, label: str, act: Callable[[], Awaitable[None]]) -> None:
    ui.button(text, on_click=act).props("flat dense no-caps color=accent").props(f'aria-label="{label}"').classes("small")
