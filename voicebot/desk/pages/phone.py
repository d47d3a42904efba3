"""The browser phone as people see it: a strip in the bar of an agent whose phone it is, and in the demo profile a page to call the bot from.

It draws buttons and words; `static/phone.js` is the phone. No password stands in a page: the script asks for it (see phone_line.py).
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from nicegui import ui

from voicebot.desk import draw, phone_line
from voicebot.desk.page import Here, Part, page
from voicebot.desk.wording import Say

LIBRARY = Path(__file__).parents[1] / "static/vendor/sip.js/lib/platform/web/index.js"
STATES = ("connecting", "elsewhere", "ready", "ringing", "calling", "talking", "held", "lost", "missing", "no_microphone")
KEYS = "123456789*0#"
_BUTTON = '<button type="button" data-do="{do}" data-value="{value}"{access} hidden>{word}</button>'
_ACCESS = {"answer": ' accesskey="a"', "hang_up": ' accesskey="x"'}


@page("/phone")
async def phone(here: Here) -> None:
    """Call the bot from this page."""
    with draw.box("desk", "one"), ui.element("main"), draw.card(here.say("phone.title"), "call-the-bot"):
        if not phone_line.may_call(here.desk):
            ui.label(here.say("phone.off"))
            return
        _load()
        ui.label(here.say("phone.about")).classes("quiet")
        hotlines = here.desk.settings.hotlines
        _draw(here.say, "/phone/caller", tuple((number, f"{number} · {hotline.language}") for number, hotline in hotlines.items()))


def strip(here: Here) -> Part[str]:
    """The phone of the agent who looks at this page, drawn while it is a browser phone. Refresh it when the posting changes."""

    def look() -> str:
        posting = here.desk.duty.of(here.person.name)
        return posting.extension if posting and posting.extension in here.desk.settings.pbx.web_phones else ""

    def show(extension: str) -> None:
        if extension:
            _draw(here.say, "/phone/agent")

    if here.desk.settings.pbx.web_phones:
        _load()
    return Part(draw.box("phone-box"), look, show)


def _load() -> None:
    """With the page itself: a script that is added to an open page does not run."""
    ui.add_head_html('<link rel="stylesheet" href="/static/phone.css">')
    ui.add_body_html('<script type="module" src="/static/phone.js"></script>')


def _draw(say: Say, account: str, numbers: tuple[tuple[str, str], ...] = ()) -> None:
    ui.html(markup(say, account, numbers, LIBRARY.exists()), sanitize=False)


def markup(say: Say, account: str, numbers: tuple[tuple[str, str], ...], library: bool) -> str:
    """The phone as HTML, made of our own words alone: `numbers` can be dialled, each with its caption."""
    words = escape(json.dumps({state: say(f"phone.{state}") for state in STATES}))
    buttons = [("dial", number, caption) for number, caption in numbers]
    buttons += [(do, "", say(f"phone.{do}")) for do in ("answer", "hang_up", "hold", "resume", "mute", "unmute")]
    keys = "".join(_button("key", key, key) for key in KEYS)
    return (
        f'<div class="phone" data-account="{account}" data-state="{"connecting" if library else "missing"}" data-words="{words}">'
        f'<span class="phone-state" role="status">{escape(say("phone.connecting" if library else "phone.missing"))}</span>'
        f"{''.join(_button(*each) for each in buttons)}"
        f'<span class="keys" role="group" aria-label="{escape(say("phone.keys"))}">{keys}</span><audio autoplay></audio></div>'
    )


def _button(do: str, value: str, word: str) -> str:
    return _BUTTON.format(do=do, value=escape(value), access=_ACCESS.get(do, ""), word=escape(word))
