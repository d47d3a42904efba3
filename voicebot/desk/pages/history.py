"""The history of the knowledge base: each version with its author, reviewer, reason and difference, its effect, and the way back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.desk import now_utc
from voicebot.desk.page import Here, page
from voicebot.desk.pages import review_view
from voicebot.dialogue.knowledge import Knowledge, load
from voicebot.learning.approval import Approval, roll_back
from voicebot.learning.asked import Asked, asked_since
from voicebot.learning.effect import Share, finder, shares
from voicebot.learning.matchers import learning
from voicebot.learning.pending import LearnFor
from voicebot.store.versions import Version, versions

LOOK_BACK = timedelta(days=60)
SHOWN = 50
Shares = tuple[Share, Share]


@page("/kb/history")
async def history(here: Here) -> None:
    """The page; see the module."""
    ui.add_head_html('<link rel="stylesheet" href="/static/review.css">')
    learn = learning(here.desk.settings)
    with ui.element("main").classes("middle history") as rows:
        ui.label(here.say("review.reading")).classes("quiet")

    async def load_rows() -> None:
        made = await versions(here.desk.store, SHOWN)
        asked = await asked_since(here.desk.store, now_utc() - LOOK_BACK)
        knowledge = (await asyncio.to_thread(load, here.desk.settings.kb.folder)).on(now_utc().astimezone().date())
        found = await asyncio.to_thread(measured, made, asked, knowledge, learn)
        rows.clear()
        with rows:
            if not made:
                ui.label(here.say("history.none")).classes("empty")
            for version, share in zip(made, found, strict=True):
                _row(version, share)

    def _row(version: Version, share: Shares) -> None:
        async def back() -> None:
            desk, by = here.desk, here.person.name
            reason = here.say("history.reason", version=version.version_id)
            await roll_back(desk.store, desk.settings.kb.folder, version.version_id, Approval(by, reason, by, "roll-back", now_utc()))
            desk.search.renew(await asyncio.to_thread(load, desk.settings.kb.folder))
            ui.notify(here.say("history.done", version=version.version_id), type="positive")
            await load_rows()

        row(version, share, here)
        ui.button(here.say("history.back", version=version.version_id), on_click=lambda: here.act(back)).props("flat no-caps color=accent")

    here.act(load_rows)


def measured(made: list[Version], asked: list[Asked], knowledge: Knowledge, learn: LearnFor) -> list[Shares]:
    """Of the questions each version's entry is meant for, how many were answered before it and since. Seconds of one core at the first time."""
    finders = {language: finder(knowledge, language, learn(language)) for language in {version.language for version in made}}
    return [shares(asked, each.entry_id, each.language, finders[each.language], each.at_utc) for each in made]


def row(version: Version, share: Shares, here: Here) -> None:
    """One version."""
    say = here.say
    with draw.card(f"{version.version_id} · {version.place}", "version"):
        with draw.box("row"):
            ui.label(f"{version.at_utc.astimezone():%Y-%m-%d %H:%M}").classes("when")
            ui.label(say("history.by", author=version.author, reviewer=version.reviewer))
            ui.label(version.reason).classes("grow")
            ui.label(say("history.share", before=told(share[0]), after=told(share[1])))
        review_view.difference(version.diff.splitlines(), say)


def told(share: Share) -> str:
    """A share as people read it."""
    return f"{share.answered} / {share.matching}" if share.matching else "–"
