"""The agent's page: a phone, a state, the screen pop at ring time, tools while talking, the wrap-up. Two tabs, a reload or a desk that started
anew show the same, for all of it is looked up in the duty list and the journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.briefed import read
from voicebot.desk.desk import now_utc
from voicebot.desk.duty import PAUSES
from voicebot.desk.page import Here, Part, page
from voicebot.desk.pages import beside, phone, wrap_up
from voicebot.handover.story import Story
from voicebot.handover.written import Written, written
from voicebot.store import after
from voicebot.store.after import FollowUp
from voicebot.store.events import AgentRang, Line
from voicebot.store.postings import Posting


@dataclass(frozen=True, slots=True)
class Mode:
    """What the middle of the page is for."""

    kind: Literal["choose", "idle", "call", "wrap_up"]
    call_id: str = ""
    state: str = ""
    reason: str = ""


def mode(posting: Posting | None, ringing: Story | None) -> Mode:
    """A call that rings or talks comes first, then one to wrap up."""
    if posting is None:
        return Mode("choose")
    if ringing is not None:
        return Mode("call", ringing.call_id)
    if posting.state == "wrap_up" and posting.call_id:
        return Mode("wrap_up", posting.call_id)
    return Mode("idle", state=posting.state, reason=posting.reason)


@page("/")
async def agent(here: Here) -> None:
    """The page; see the module."""
    shown = AgentPage(here)
    await shown.catch_up()
    shown.draw()
    here.on_line(shown.heard, shown.about)
    here.on_duty(shown.changed)


class AgentPage:
    """One open page of one agent."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self._say = here.say
        self._ended: Story | None = None
        """The call that is wrapped up, when it is no longer live."""
        self._parts: list[Part[Any]] = []
        self._inner: list[Part[Any]] = []

    @property
    def posting(self) -> Posting | None:
        return self._here.desk.duty.of(self._here.person.name)

    @property
    def ringing(self) -> Story | None:
        return self._here.desk.live.at(self.posting.extension) if self.posting else None

    async def catch_up(self) -> None:
        """Read what is not live: the call to wrap up."""
        desk, posting = self._here.desk, self.posting
        if posting and posting.state == "wrap_up" and posting.call_id not in desk.live.calls:
            self._ended = await desk.live.story(posting.call_id)

    def draw(self) -> None:
        """Everything, for the first time."""
        desk = self._here.desk
        with self._here.bar:
            self._part(draw.box("controls"), lambda: (self.posting, self._stage(), desk.duty.reaches_queue), self._controls)
            self._parts.append(phone.strip(self._here))
        with draw.box("desk"):
            with ui.element("aside").classes("side"):
                self._callers()
            with ui.element("main"):
                self._part(draw.box("middle"), lambda: mode(self.posting, self.ringing), self._middle)

    def about(self, story: Story) -> bool:
        """Whether this desk shows more of a call than the list of callers does: it rang here, or is wrapped up here."""
        posting = self.posting
        return posting is not None and (story.call_id == posting.call_id or any(hold.agent == posting.extension for hold in story.holds))

    def heard(self, story: Story, line: Line) -> None:
        """One more line of a call that is this desk's."""
        if self.posting and story.agent == self.posting.extension and isinstance(line.event, AgentRang):
            self._notify(story)
        self.changed()

    def changed(self) -> None:
        """Draw anew what has changed."""
        for part in self._parts:
            part.refresh()
        for part in self._inner:  # those of the middle as it is now
            part.refresh()

    def _part(self, box: ui.element, look: Callable[[], object], show: Callable[..., None]) -> None:
        self._parts.append(Part(box, look, show))

    def _stage(self) -> tuple[str, datetime] | None:
        return (self.ringing.stage, self.ringing.since_utc) if self.ringing else None

    def _notify(self, story: Story) -> None:
        """A browser notification: the desk may be behind another window."""
        brief = self._written(story)
        title = self._say("pop.title", ani=draw.number(story, self._say))
        told = json.dumps([title, self._say("pop.notify", headline=brief.headline, need=brief.need), story.call_id])
        self._here.client.run_javascript(f"window.deskRing && window.deskRing(...{told})")

    def _written(self, story: Story) -> Written:
        return written(story, self._here.desk.search.knowledge, self._here.person.language)

    def _controls(self, found: tuple[Posting | None, tuple[str, datetime] | None, bool]) -> None:
        posting, busy, reached = found
        if posting is None:
            ui.label(self._say("agent.no_phone")).classes("chip")
            return
        ui.label(self._say("agent.phone", extension=posting.extension)).classes("chip")
        state, since = busy or (posting.state, posting.state_since_utc)
        reason = f": {self._say(f'pauses.{posting.reason}')}" if posting.reason and not busy else ""
        with draw.box("chip", state).props('role="status"'):
            ui.label(self._say(f"state.{state}") + reason)
            draw.since(since)
        if not reached:
            ui.label(self._say("frame.off")).classes("chip lost").tooltip(self._say("frame.lost"))
        ui.button(self._say("agent.ready"), on_click=self._ready).props("unelevated no-caps dense color=positive accesskey=r")
        with ui.dropdown_button(self._say("agent.pause"), auto_close=True).props("unelevated no-caps dense accesskey=p").classes("pause"):
            for reason in PAUSES:
                ui.item(self._say(f"pauses.{reason}"), on_click=lambda _, reason=reason: self._pause(reason))
            ui.item(self._say("agent.release"), on_click=self._release)

    def _ready(self) -> None:
        self._here.client.run_javascript("window.deskAsk && window.deskAsk()")
        self._here.act(lambda: self._here.desk.duty.ready(self._here.person.name))

    def _pause(self, reason: str) -> None:
        self._here.act(lambda: self._here.desk.duty.pause(self._here.person.name, reason))

    def _release(self) -> None:
        self._here.act(lambda: self._here.desk.duty.release(self._here.person.name))

    def _callers(self) -> None:
        board, language = self._here.desk.board, self._here.person.language
        shown = ui.html(board.markup(language), sanitize=False)
        self._here.on_board(lambda: shown.set_content(board.markup(language)))

    def _middle(self, found: Mode) -> None:
        self._inner = []
        {"choose": self._choose, "idle": self._idle, "call": self._call, "wrap_up": self._wrap_up}[found.kind](found)

    def _choose(self, _: Mode) -> None:
        with draw.card(self._say("agent.choose"), "choose"):
            free = self._here.desk.duty.free()
            if not free:
                ui.label(self._say("agent.none_free"))
            with draw.box("phones"):
                for extension in free:
                    ui.button(extension, on_click=lambda _, extension=extension: self._take(extension)).props("unelevated no-caps")

    def _take(self, extension: str) -> None:
        self._here.act(lambda: self._here.desk.duty.take(self._here.person.name, extension))

    def _idle(self, found: Mode) -> None:
        with draw.box("idle", found.state):
            ui.label(self._say("agent.waiting" if found.state == "ready" else "agent.paused")).classes("big")
        with draw.card(self._say("agent.tasks"), "tasks"):
            rows = draw.box()

        async def load() -> None:
            tasks = await after.follow_ups(self._here.desk.store, self._here.person.name)
            with rows:
                if not tasks:
                    ui.label(self._say("agent.no_tasks")).classes("quiet")
                for task, ani in tasks:
                    self._task(task, ani)

        self._here.act(load)

    def _task(self, task: FollowUp, ani: str) -> None:
        """A call-back is somebody's only once he takes it: else two would call."""
        store, me = self._here.desk.store, self._here.person.name

        async def taken() -> None:
            if await after.take(store, task.follow_up_id, me):
                take.delete()
            else:
                row.delete()

        async def done() -> None:
            await after.follow_up_done(store, task.follow_up_id, me, now_utc())
            row.delete()

        with draw.box("task") as row:
            ui.label(f"{task.due_utc.astimezone():%d.%m. %H:%M}").classes("when")
            ui.label(task.text or self._say("agent.call_back", number=ani or "?"))
            if task.staff == after.NOBODY:
                take = ui.button(self._say("agent.take_task"), on_click=lambda: self._here.act(taken)).props("flat dense no-caps color=accent")
            ui.button(self._say("agent.done"), on_click=lambda: self._here.act(done)).props("flat dense no-caps color=accent")

    def _call(self, found: Mode) -> None:
        self._told_of(found.call_id, lambda story: beside.tools(self._here, story))

    def _wrap_up(self, found: Mode) -> None:
        self._told_of(found.call_id, lambda story: wrap_up.form(self._here, story, self._finished))

    async def _finished(self) -> None:
        self._ended = None
        await self._here.desk.duty.ready(self._here.person.name)

    def _told_of(self, call_id: str, right: Callable[[Story], None]) -> None:
        """The briefing of a call, kept as it is now, and what belongs to its right."""

        def look() -> Story | None:
            return self._here.desk.live.calls.get(call_id) or self._ended

        story = look()
        if story is None:
            ui.label(self._say("pop.gone")).classes("empty")
            return
        self._here.looked(call_id)
        self._inner = [Part(draw.box("band-box"), look, self._band)]
        with draw.box("pop"):
            told = draw.box("told")
            self._inner.append(Part(told, lambda: _body(look()), lambda _: self._body(look())))
            with draw.box("column", "wide", "right"):
                right(story)

    def _band(self, story: Story | None) -> None:
        if story:
            draw.band(story, self._written(story), self._say)
            if story.stage == "ringing":
                ui.button(self._say("agent.read"), on_click=lambda: self._read(story)).props("flat dense no-caps color=accent accesskey=b")

    def _read(self, story: Story) -> None:
        self._here.act(lambda: read(self._here.desk.brief, story, self.posting))

    def _body(self, story: Story | None) -> None:
        if story is None:
            return
        brief = self._written(story)
        with draw.box("column", "wide"):
            draw.briefing(brief, self._say)
            draw.transcript(story, self._say)
        with draw.box("column"):
            draw.anger(story, self._say, brief.level)
            draw.facts(brief, self._say)


def _body(story: Story | None) -> tuple[object, ...]:
    """All of a story but its stage: what the briefing is made of."""
    return (story.call_id, story.said, story.felt, story.answered, story.offers, story.reason, story.better_need) if story else ()
