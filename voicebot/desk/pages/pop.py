"""One call on a page of its own, without the bar: for a CRM that shows it in a frame, or for a second screen."""

from __future__ import annotations

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.briefed import read
from voicebot.desk.page import Here, Part, page
from voicebot.desk.pages import customer
from voicebot.handover.story import Story
from voicebot.handover.written import written


@page("/pop/{call}", bare=True)
async def pop(here: Here) -> None:
    """The briefing of a call, if it is there and this person may see it."""
    story = await here.desk.visible(here.person, here.parameters["call"])
    if story is None:
        here.client.status_code = 404
        ui.label(here.say("pop.gone")).classes("empty")
        return
    call_id, started = story.call_id, story
    here.looked(call_id)
    await read(here.desk.brief, story, here.desk.duty.of(here.person.name))

    def look() -> Story:
        return here.desk.live.calls.get(call_id, started)

    part = Part(draw.box("pop-page"), look, lambda found: show(here, found))
    with draw.box("pop-page"):
        customer.card(here, story)
    here.on_line(lambda changed, _line: part.refresh() if changed.call_id == call_id else None)


def show(here: Here, story: Story) -> None:
    """Band, briefing, anger, transcript."""
    say = here.say
    brief = written(story, here.desk.search.knowledge, here.person.language)
    draw.band(story, brief, say)
    with draw.box("pop"):
        with draw.box("column", "wide"):
            draw.briefing(brief, say)
        with draw.box("column"):
            draw.anger(story, say, brief.level)
            draw.facts(brief, say)
        with draw.box("column", "wide"):
            draw.transcript(story, say)
