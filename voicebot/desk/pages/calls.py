"""The call log: a search that stands whole in the address, so that every number elsewhere can link to the calls behind it. A page at a time; each
that was shown is audited."""

from __future__ import annotations

from collections.abc import Mapping

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.desk import now_utc
from voicebot.desk.page import Here, page
from voicebot.desk.pages.calls_query import LEVELS, QueryError, query
from voicebot.desk.pages.calls_rows import rows
from voicebot.desk.pages.figures import calls_link, style
from voicebot.desk.wording import why
from voicebot.dialogue.decisions import Why
from voicebot.store.privacy import Deed, audit
from voicebot.store.search import PAGE, Found, search

OUTCOMES = ("contained", "handed_over", "abandoned", "failed", "lost")
FIELDS = "dense outlined hide-bottom-space clearable"


@page("/calls")
async def calls(here: Here) -> None:
    """The page; see the module."""
    style()
    asked = dict(here.client.request.query_params)
    with draw.box("page"):
        _form(here, asked)
        try:
            found = await search(here.desk.store, query(asked), PAGE + 1)
        except QueryError as error:
            ui.label(str(error)).classes("problem").props('role="alert"')
            return
        shown = found[:PAGE]
        if shown:
            await audit(here.desk.store, Deed(now_utc(), here.person.name, "search", " ".join(each.call_id for each in shown)))
        _rows(here, shown)
        with draw.box("pages-row"):
            if "before" in asked:
                ui.link(here.say("calls.newest"), calls_link(**{**asked, "before": ""}))
            if len(found) > PAGE:
                ui.link(here.say("calls.older"), calls_link(**{**asked, "before": shown[-1].place}))


def _form(here: Here, asked: Mapping[str, str]) -> None:
    say = here.say
    texts = {name: asked.get(name, "") for name in ("since", "until", "number", "agent", "words")}
    choices = {
        "outcome": {each: say(f"outcome.{each}") for each in OUTCOMES},
        "reason": {each.value: why(each.value, here.person.language) for each in Why},
        "anger": {each: say(f"calls.from_{each}") for each in LEVELS},
        "language": {each: each.upper() for each in here.desk.search.knowledge.languages()},
        "topic": {entry.id: entry.title for entry in here.desk.search.knowledge.language(here.person.language)},
    }
    fields: dict[str, ui.input | ui.select] = {}

    def go() -> None:
        kept = {name: asked[name] for name in ("led", "unanswered") if name in asked}
        ui.navigate.to(calls_link(**{name: field.value for name, field in fields.items()}, **kept))

    with draw.box("card", "search-form").props('role="search"'):
        for name, text in texts.items():
            fields[name] = ui.input(say(f"calls.{name}"), value=text).props(FIELDS).classes(name).on("keydown.enter", go)
            if name in ("since", "until"):
                fields[name].props("type=datetime-local stack-label")
        for name, options in choices.items():
            value = asked.get(name)
            chosen = value if value in options else None
            fields[name] = ui.select(options, label=say(f"calls.{name}"), value=chosen, with_input=len(options) > 9).props(FIELDS)
        ui.button(say("calls.search"), on_click=go).props("unelevated no-caps")
    for name in ("led", "unanswered"):
        if asked.get(name):
            with draw.box("pages-row"):
                ui.label(say(f"calls.{name}", what=_titled(here, asked[name]) if name == "led" else asked[name]))
                ui.link(say("calls.all"), "/calls")


def _rows(here: Here, found: list[Found]) -> None:
    if not found:
        ui.label(here.say("calls.none")).classes("empty")
        return
    ui.html(rows(found, here.person.language), sanitize=False)


def _titled(here: Here, entry_id: str) -> str:
    entry = here.desk.search.knowledge.entry(entry_id, here.person.language)
    return entry.title if entry else entry_id
