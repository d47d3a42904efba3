"""The supervisors' wall: every call of now by stage, those first that need help; the day's figures; one call's transcript as it is spoken.

It is drawn from the live stories and, for the day, from counts in the database; following a call is looking at it, and is audited.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.desk import now_utc
from voicebot.desk.page import Here, Part, page
from voicebot.desk.pages.figures import percent, seconds, style, tile
from voicebot.desk.pages.supervise_view import acts_on
from voicebot.desk.pages.wall_view import COLUMNS, Column, Row, rows
from voicebot.desk.wording import why
from voicebot.handover.story import Story
from voicebot.handover.written import level
from voicebot.store.search_insight import SERVICE_S, Count, Sums, reasons, sums

DAY_EVERY_S = 5.0
LOOK_EVERY_S = 2.0
"""How soon a wait that has grown too long shows."""
SHOWN = 40
"""Calls in one column; the rest are counted."""
MOST_REASONS = 5


@page("/wall")
async def wall(here: Here) -> None:
    """The page; see the module."""
    style()
    shown = Wall(here)
    await shown.count()
    shown.draw()
    here.looked("wall")
    here.on_line(lambda _story, _line: shown.refresh())
    here.on_duty(shown.refresh)
    ui.timer(LOOK_EVERY_S, shown.refresh)
    ui.timer(DAY_EVERY_S, shown.count_again, immediate=False)


def midnight() -> datetime:
    """When today began where this runs, in UTC."""
    return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


class Wall:
    """One open wall."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self._say = here.say
        self._day: tuple[Sums, tuple[Count, ...]] = (Sums(), ())
        self._followed = ""
        self._parts: list[Part[Any]] = []

    async def count(self) -> None:
        """Count the day so far."""
        store, since, until = self._here.desk.store, midnight(), now_utc() + timedelta(minutes=1)
        self._day = await sums(store, since, until), tuple(await reasons(store, since, until))[:MOST_REASONS]

    def count_again(self) -> None:
        """Count, and show what changed."""

        async def counted() -> None:
            await self.count()
            self.refresh()

        self._here.act(counted)

    def refresh(self) -> None:
        """Draw anew what has changed."""
        for part in self._parts:
            part.refresh()

    def draw(self) -> None:
        """Everything, for the first time."""
        with draw.box("wall"):
            self._part(draw.box("tiles"), lambda: self._day[0], self._figures)
            with draw.box("board"):
                for column in COLUMNS:
                    self._part(draw.box("stage-column", column), partial(self._rows, column), partial(self._column, column))
                with draw.box("beside"):
                    self._parts.append(acts_on(self._here, draw.box(), self._story))
                    self._part(draw.box(), lambda: (self._story(),), lambda found: self._follow(found[0]))
                    self._part(draw.box(), self._sitting, self._agents)
                    self._part(draw.box(), lambda: self._day[1], self._reasons)

    def _part(self, box: ui.element, look: Any, show: Any) -> None:
        self._parts.append(Part(box, look, show))

    def _rows(self, column: Column) -> tuple[Row, ...]:
        return tuple(row for row in rows(self._here.desk.live.open(), now_utc()) if row.column == column)

    def _story(self) -> Story | None:
        return self._here.desk.live.calls.get(self._followed)

    def _figures(self, day: Sums) -> None:
        say = self._say
        tile(say("wall.calls"), f"{day.calls}", say("wall.today"), "/calls")
        tile(say("wall.containment"), percent(day.contained, day.calls), say("wall.of_calls", count=day.contained), "/calls?outcome=contained")
        tile(say("wall.service"), percent(day.in_time, day.queued), say("wall.within", seconds=SERVICE_S))
        tile(say("wall.abandonment"), percent(day.abandoned, day.queued), say("wall.of_calls", count=day.abandoned), "/calls?outcome=abandoned")
        tile(say("wall.wait"), seconds(day.wait_ms), say("wall.mean"))
        tile(say("wall.handling"), seconds(day.talk_ms), say("wall.without", time=seconds(day.talk_unbriefed_ms)))
        tile(say("wall.faults"), f"{day.faults}", say("wall.today"), "/calls?outcome=failed")

    def _column(self, column: Column, found: tuple[Row, ...]) -> None:
        with draw.box("column-head"):
            draw.heading(self._say(f"wall.{column}"))
            ui.label(f"{len(found)}").classes("count")
        if not found:
            ui.label(self._say("wall.nobody")).classes("quiet")
        for row in found[:SHOWN]:
            self._card(row)
        if len(found) > SHOWN:
            ui.label(self._say("wall.more", count=len(found) - SHOWN)).classes("quiet")

    def _card(self, row: Row) -> None:
        say = self._say
        with ui.element("button").classes(f"call-card {row.level} {'help' if row.need else 'well'}").on("click", lambda: self._choose(row.call_id)):
            with draw.box("first-line"):
                ui.label(self._about(row)).classes("topic")
                draw.since(row.since_utc)
            with draw.box("second-line"):
                ui.label(row.ani or say("pop.withheld")).classes("ani")
                ui.label(row.language.upper()).classes("quiet")
                if row.agent:
                    ui.label(say("agent.phone", extension=row.agent)).classes("quiet")
                if row.stage in ("leaving", "ringing", "briefing"):
                    ui.label(say(f"side.{row.stage}")).classes("quiet")
                if row.anger is not None:
                    ui.label(f"{row.anger}").classes(f"anger-badge {row.level}").tooltip(say("pop.anger"))
            if row.alerts:
                with draw.box("alerts"):
                    for alert in row.alerts:
                        ui.label(say(f"alerts.{alert}")).classes(f"alert {alert}")

    def _about(self, row: Row) -> str:
        known = self._here.desk.search.knowledge
        entry = (known.entry(row.topic, self._here.person.language) or known.entry(row.topic, row.language)) if row.topic else None
        return entry.title if entry else why(row.reason, self._here.person.language) or self._say("wall.no_topic")

    def _choose(self, call_id: str) -> None:
        self._followed = "" if call_id == self._followed else call_id
        self.refresh()
        if self._followed:
            self._here.looked(call_id)

    def _follow(self, story: Story | None) -> None:
        if story is None:
            with draw.card(self._say("wall.follow"), "follow"):
                ui.label(self._say("wall.choose")).classes("quiet")
            return
        with draw.box("followed", level(story.last)):
            with draw.box("row"):
                ui.label(self._say(f"stage.{story.stage}")).classes("stage")
                ui.label(draw.number(story, self._say)).classes("ani grow")
                ui.link(self._say("wall.open"), f"/calls/{story.call_id}")
            draw.transcript(story, self._say)
            draw.anger(story, self._say, level(story.last))

    def _sitting(self) -> tuple[tuple[str, str, str], ...]:
        """Each phone that somebody has, who, and what that person is busy with."""
        desk = self._here.desk
        calls = {each.extension: desk.live.at(each.extension) for each in desk.duty.all()}
        return tuple((each.extension, each.staff, call.stage if (call := calls[each.extension]) else each.state) for each in desk.duty.all())

    def _agents(self, sitting: tuple[tuple[str, str, str], ...]) -> None:
        with draw.card(self._say("wall.agents"), "agents"):
            if not sitting:
                ui.label(self._say("wall.no_agents")).classes("quiet")
            for extension, name, state in sitting:
                with draw.box("agent-row"):
                    ui.label(extension).classes("ani")
                    ui.label(name).classes("grow")
                    ui.label(self._say(f"state.{state}")).classes(f"chip {state}")

    def _reasons(self, found: tuple[Count, ...]) -> None:
        with draw.card(self._say("wall.reasons"), "reasons"):
            if not found:
                ui.label(self._say("wall.none_yet")).classes("quiet")
            for each in found:
                with draw.box("agent-row"):
                    ui.label(why(each.name, self._here.person.language)).classes("grow")
                    ui.label(f"{each.calls}").classes("count")
