"""A page of the call log as one piece of markup: fifty calls are drawn in the time of one element. Pure; every text is escaped on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from voicebot.desk.pages.figures import NOTHING, local, seconds
from voicebot.desk.wording import Say, saying, why
from voicebot.handover.story import Felt
from voicebot.handover.written import level
from voicebot.store.search import Found

COLUMNS = ("started", "number", "outcome", "reason", "agent", "anger", "wait", "length", "language")


def rows(found: Sequence[Found], language: str) -> str:
    """The head and a link for each call, in the words of `language`."""
    say = saying(language)
    head = "".join(_cell(say(f"calls.{name}")) for name in COLUMNS)
    return f'<div class="rows"><div class="head">{head}</div>{"".join(_row(each, say, language) for each in found)}</div>'


def _row(each: Found, say: Say, language: str) -> str:
    feeling = level(Felt(0, each.anger)) if each.anger is not None else "unknown"
    cells = (
        _cell(local(each.started_utc)),
        _cell(each.ani or say("pop.withheld")),
        _cell(say(f"outcome.{each.outcome}"), f"outcome {each.outcome}"),
        _cell(why(each.reason, language) if each.reason else NOTHING),
        _cell(each.agent or NOTHING),
        _cell(NOTHING if each.anger is None else f"{round(each.anger * 100)}", f"anger-badge {feeling}"),
        _cell(seconds(each.wait_ms)),
        _cell(seconds(each.duration_ms)),
        _cell(each.language.upper()),
    )
    return f'<a href="/calls/{escape(each.call_id)}">{"".join(cells)}</a>'


def _cell(text: str, names: str = "") -> str:
    return f'<div class="{escape(names)}">{escape(text)}</div>' if names else f"<div>{escape(text)}</div>"
