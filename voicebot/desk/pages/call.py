"""The page of one call: its sound with a waveform, its course in step with it, anger, latency, briefing, notes and wrap-up. Looking is audited."""

from __future__ import annotations

import asyncio

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.desk import now_utc
from voicebot.desk.page import Here, page
from voicebot.desk.pages import beside
from voicebot.desk.pages.call_audio import AudioError, inside, peaks, wave
from voicebot.desk.pages.call_course import course
from voicebot.desk.pages.call_view import CallView, clock, view
from voicebot.desk.pages.call_view import Part as Recording
from voicebot.desk.pages.figures import calls_link, local, seconds, style
from voicebot.desk.pages.supervise_view import acts_on
from voicebot.desk.wording import why
from voicebot.handover.story import Story, told
from voicebot.handover.written import level
from voicebot.store import after
from voicebot.store.after import WrapUp
from voicebot.store.privacy import Deed, audit
from voicebot.store.search import record

STAGES = ("hold", "recognise", "decide", "first_audio", "total")


@page("/calls/{call}")
async def call(here: Here) -> None:
    """The page; see the module."""
    style()
    ui.add_body_html('<script defer src="/static/call.js"></script>')
    call_id = here.parameters["call"]
    lines = await record(here.desk.store, call_id)
    story = told(lines)
    if story is None:
        here.client.status_code = 404
        ui.label(here.say("pop.gone")).classes("empty")
        return
    await audit(here.desk.store, Deed(now_utc(), here.person.name, "look", call_id))
    found = view(lines, here.person.language)
    with draw.box("page"):
        _head(here, story, found)
        _acts(here, call_id)
        with draw.box("call-grid"):
            with draw.box():
                _sound(here, story, found)
                _course(here, found)
            with draw.box():
                draw.anger(story, here.say, level(story.last))
                _briefing(here, found)
                _wrap_up(here, call_id)
                beside.notes(here, call_id)
                _latency(here, found)


def _head(here: Here, story: Story, found: CallView) -> None:
    with draw.box("call-head"):
        ui.link(draw.number(story, here.say), calls_link(number=story.ani)).classes("ani")
        ui.label(local(story.started_utc)).classes("when")
        ui.label(here.say(f"outcome.{found.sealed.outcome if found.sealed else 'open'}"))
        if found.sealed:
            ui.label(seconds(found.sealed.duration_ms))
        if story.reason:
            ui.label(why(story.reason, here.person.language)).classes("quiet")
        with draw.box("exports"):
            for form in ("csv", "json"):
                ui.link(here.say(f"call.{form}"), f"/calls/{story.call_id}/export/{form}").props("download")


def _acts(here: Here, call_id: str) -> None:
    """For as long as the call goes on."""
    shown = acts_on(here, draw.box(), lambda: here.desk.live.calls.get(call_id))
    here.on_line(lambda story, _line: shown.refresh() if story.call_id == call_id else None)
    here.on_duty(shown.refresh)


def _sound(here: Here, story: Story, found: CallView) -> None:
    with draw.card(here.say("call.sound"), "sound"):
        if not found.parts:
            ui.label(here.say("call.no_sound")).classes("quiet")
        for number, part in enumerate(found.parts):
            _player(here, story, number, part)
        if found.parts:
            with draw.box("wave-legend"):
                ui.label(here.say("pop.caller")).classes("side-caller")
                ui.label(here.say("pop.bot")).classes("quiet")
                ui.label(here.say("pop.anger")).classes("anger")


def _player(here: Here, story: Story, number: int, part: Recording) -> None:
    with draw.box("player"):
        picture = draw.box()
        source = f"/calls/{story.call_id}/audio/{number}"
        ui.element("audio").props(f'controls preload=metadata src="{source}" data-start={part.start_ms} aria-label="{here.say("call.sound")}"')

    async def drawn() -> None:
        try:
            loud = await asyncio.to_thread(lambda: peaks(inside(part.path, here.desk.settings.recording.folder)))
        except AudioError as error:
            with picture:
                ui.label(str(error)).classes("quiet")
            return
        with picture:
            ui.html(wave(loud, story.felt, part.start_ms, here.say("call.sound")), sanitize=False)

    here.act(drawn)


def _course(here: Here, found: CallView) -> None:
    with draw.card(here.say("call.course"), "course-card"):
        ui.html(course(found.moments, here.say), sanitize=False).classes("course").props('tabindex="0"')


def _briefing(here: Here, found: CallView) -> None:
    if found.briefing:
        with draw.card(here.say("call.briefing"), "briefing-given"):
            ui.label(found.briefing)


def _wrap_up(here: Here, call_id: str) -> None:
    with draw.card(here.say("wrap_up.title"), "wrap-ups"):
        rows = draw.box()

    def show(found: list[WrapUp]) -> None:
        with rows:
            if not found:
                ui.label(here.say("call.no_wrap_up")).classes("quiet")
            for each in found:
                resolved = here.say("call.resolved" if each.resolved else "call.unresolved")
                ui.label(f"{each.staff}: {here.say(f'dispositions.{each.disposition}')}, {resolved}")

    async def load() -> None:
        show(await after.wrap_ups_of(here.desk.store, call_id))

    here.act(load)


def _latency(here: Here, found: CallView) -> None:
    if not found.latency:
        return
    with draw.card(here.say("call.latency"), "latencies"), draw.box("latency"):
        for name in ("at", *STAGES):
            ui.label(here.say(f"call.{name}")).classes("head")
        for t_ms, measured in found.latency:
            ui.label(clock(t_ms))
            for name in STAGES:
                ui.label(f"{getattr(measured, f'{name}_ms'):,.0f}")
