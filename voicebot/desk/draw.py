"""Pieces that more than one page shows: the briefing, the anger, the transcript. What callers said goes into labels, never into markup."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from nicegui import ui
from nicegui.element import Element

from voicebot.desk import charts
from voicebot.desk.wording import Say
from voicebot.handover.evidence import whole
from voicebot.handover.story import Story
from voicebot.handover.written import Written

MOST_EVIDENCE = 3
UNSURE = 0.5


def box(*names: str) -> Element:
    """A plain element with these style classes."""
    return ui.element("div").classes(" ".join(names))


def card(title: str, *names: str) -> Element:
    """A titled region; fill it inside `with`."""
    with ui.element("section").classes(" ".join(("card", *names))) as found:
        heading(title)
    return found


def heading(text: str, level: int = 2) -> None:
    """A heading that a screen reader finds."""
    with ui.element(f"h{level}"):
        ui.label(text)


def since(moment: datetime, *names: str) -> None:
    """The time since `moment`, kept running by the browser."""
    ui.element("span").classes(" ".join(("since", *names))).props(f"data-since={round(moment.timestamp() * 1000)}")


def listed(texts: Iterable[str]) -> None:
    """A list of plain texts."""
    with ui.element("ul"):
        for text in texts:
            with ui.element("li"):
                ui.label(text)


def number(story: Story, say: Say) -> str:
    """The caller's number, or that there is none."""
    return story.ani or say("pop.withheld")


def band(story: Story, brief: Written, say: Say) -> None:
    """The first line an agent reads: stage, number, why, how urgent, for how long."""
    with box("band", brief.level, "urgent" if brief.urgent else "usual").props('role="status"'):
        ui.label(say(f"stage.{story.stage}")).classes("stage")
        ui.label(number(story, say)).classes("ani")
        ui.label(brief.headline).classes("why")
        if brief.urgent:
            ui.label(say("pop.urgent")).classes("flag")
        since(story.since_utc)


def briefing(brief: Written, say: Say) -> None:
    """What the caller wants, what to say first, what to ask, what to do."""
    with card(say("pop.need"), "need"):
        ui.label(brief.need).classes("big")
        if brief.machine:
            ui.label(say("pop.by_model")).classes("quiet")
    with card(say("pop.say_first"), "first"):
        ui.label(brief.opening).classes("big")
    with box("two"):
        with card(say("pop.ask"), "ask"):
            listed(brief.ask)
        with card(say("pop.next"), "next"):
            ui.label(brief.next_step)


def facts(brief: Written, say: Say) -> None:
    """What is known, and what was tried."""
    with card(say("pop.facts"), "facts"), ui.element("dl"):
        for name, value in brief.facts:
            with ui.element("dt"):
                ui.label(name)
            with ui.element("dd"):
                ui.label(value)
    with card(say("pop.tried"), "tried"):
        listed(brief.tried)


def anger(story: Story, say: Say, level: str) -> None:
    """Gauge, curve, and what was heard; that nothing was scored, where nothing was."""
    with card(say("pop.anger"), "anger"):
        if not story.felt:
            ui.label(say("pop.refused_anger" if "analysis" in story.opt_outs else "pop.no_anger")).classes("quiet")
            return
        word = say(f"level.{level}")
        with box("gauge-row"):
            ui.html(charts.gauge(story.last, f"{say('pop.anger')}: {word}"), sanitize=False)
            ui.label(word).classes(f"level {level}")
        if len(story.felt) > 1:
            ui.html(charts.curve(story.felt, say("pop.anger")), sanitize=False)
        listed(whole(each, say("pop.reasons_in")) for each in _evidence(story))


def _evidence(story: Story) -> list[str]:
    return list(dict.fromkeys(each for felt in reversed(story.felt) for each in felt.evidence))[:MOST_EVIDENCE]


def transcript(story: Story, say: Say) -> None:
    """Who said what, as it was heard."""
    with card(say("pop.transcript"), "transcript"), box("lines").props('tabindex="0"'):
        if not story.said:
            ui.label(say("pop.nothing_said")).classes("quiet")
        for each in story.said:
            with box("line", each.who):
                ui.label(say(f"pop.{each.who}")).classes("who")
                ui.label(each.text).classes("text")
                if each.cut:
                    ui.label(say("pop.cut")).classes("mark")
                if each.sure < UNSURE:
                    ui.label(say("pop.unsure")).classes("mark")
    ui.label(say("pop.machine")).classes("quiet machine")
