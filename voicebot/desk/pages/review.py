"""The review: what agents propose, what nobody could answer, which entries fail; a form to word an entry, what it would do, and a person's decision.

Callers' words are shown as labels to be read; none of them is ever put into the form.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.desk import now_utc
from voicebot.desk.page import Here, page
from voicebot.desk.pages import review_form, review_view
from voicebot.dialogue.knowledge import Knowledge, load
from voicebot.learning.approval import Approval, Weighed, approve, weigh
from voicebot.learning.asked import Asked, asked_since
from voicebot.learning.matchers import learning
from voicebot.learning.pending import Candidate, LearnFor, Pending, author_of, begun, close, noted, pending, sentences, source_of
from voicebot.store.privacy import Deed, audit

LOOK_BACK = timedelta(days=60)


@page("/review")
async def review(here: Here) -> None:
    """The page; see the module."""
    ui.add_head_html('<link rel="stylesheet" href="/static/review.css">')
    shown = ReviewPage(here)
    here.act(shown.load)


@dataclass(frozen=True, slots=True)
class Looked:
    """What the page was made of when it was read."""

    knowledge: Knowledge
    asked: list[Asked]
    waiting: Pending


class ReviewPage:
    """One open page of one supervisor."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self._learn: LearnFor = learning(here.desk.settings)
        with draw.box("review"):
            self._side = ui.element("aside").classes("side")
            self._main = ui.element("main").classes("middle")
        with self._side:
            ui.label(here.say("review.reading")).classes("quiet")

    async def load(self) -> None:
        """Read everything anew; callers' words are looked at, so it is audited."""
        desk, person = self._here.desk, self._here.person
        await audit(desk.store, Deed(now_utc(), person.name, "review", ""))
        folder = desk.settings.kb.folder
        knowledge = (await asyncio.to_thread(load, folder)).on(now_utc().astimezone().date())
        asked, found = await asked_since(desk.store, now_utc() - LOOK_BACK), await noted(desk.store)
        waiting = await asyncio.to_thread(pending, found, asked, knowledge, self._learn)
        self._list(Looked(knowledge, asked, waiting))

    def _list(self, looked: Looked) -> None:
        self._side.clear()
        self._main.clear()
        with self._side:
            review_view.candidates(looked.waiting, self._here.say, lambda candidate: self._choose(looked, candidate))
        with self._main:
            ui.label(self._here.say("review.choose" if looked.waiting.by_source() else "review.nothing")).classes("empty")

    def _choose(self, looked: Looked, candidate: Candidate) -> None:
        self._main.clear()
        with self._main, draw.box("review-columns"):
            with draw.box("column", "wide"):
                review_view.about(candidate, self._here.say)
                form = review_form.Form(begun(candidate, looked.knowledge), self._here.say)
                with draw.box("row"):
                    ui.button(self._here.say("review.weigh"), on_click=lambda: self._here.act(weighing)).props("unelevated no-caps color=primary")
                    ui.button(self._here.say("review.decline"), on_click=lambda: self._here.act(declining)).props("flat no-caps color=accent")
            effect = draw.box("column", "wide")

        async def weighing() -> None:
            draft = form.draft()
            said = sentences(looked.asked, draft.language)
            folder, learn = self._here.desk.settings.kb.folder, self._learn(draft.language)
            found = await asyncio.to_thread(weigh, folder, draft, said, learn, now_utc().astimezone().date())
            effect.clear()
            with effect:
                review_view.weighed(found, self._here.say)
                if not found.stopped:
                    self._decision(found, candidate)

        async def declining() -> None:
            await close(self._here.desk.store, candidate, approved=False, by=self._here.person.name, at_utc=now_utc())
            await self.load()

    def _decision(self, found: Weighed, candidate: Candidate) -> None:
        """The last word: why, and the button that only somebody who has seen the effect can press."""
        say, desk, reviewer = self._here.say, self._here.desk, self._here.person.name

        async def approving() -> None:
            by = Approval(reviewer, str(why.value or ""), author_of(candidate, reviewer), source_of(candidate), now_utc())
            made = await approve(desk.store, desk.settings.kb.folder, found, by)
            await close(desk.store, candidate, approved=True, by=reviewer, at_utc=by.at_utc)
            desk.search.renew(await asyncio.to_thread(load, desk.settings.kb.folder))
            ui.notify(say("review.approved", version=made.version_id), type="positive")
            await self.load()

        with draw.card(say("review.decide"), "decision"):
            why = ui.input(say("review.reason")).props("dense outlined hide-bottom-space maxlength=300")
            ui.button(say("review.approve"), on_click=lambda: self._here.act(approving)).props("unelevated no-caps color=positive")
