"""The wrap-up: how the call ended, what the bot had wrong, what is still to be done. What is proposed here changes nothing until it is reviewed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.desk import now_utc
from voicebot.desk.page import Here
from voicebot.desk.pages.beside import notes
from voicebot.errors import VoicebotError
from voicebot.handover.story import Story
from voicebot.store import after
from voicebot.store.after import Finished, FollowUp, Proposal, ProposalKind, WrapUp

DISPOSITIONS = ("answered", "changed", "fault", "complaint", "sold", "passed_on", "no_contact", "other")
LONGEST_TEXT = 600
DUE_H = (2, 24, 72)


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it was filled in."""

    disposition: str
    resolved: bool
    meant: str = ""
    answer_was: str = "right"
    question: str = ""
    better: str = ""
    follow_up: str = ""
    due_h: int = DUE_H[1]


class IncompleteError(VoicebotError):
    """Something that a supervisor would need was left out."""


def finished(filled: Filled, story: Story, staff: str, at_utc: datetime, missing: str) -> Finished:
    """What is kept of a form. Raises IncompleteError with the words `missing` for a proposal without a question and an answer."""
    done = WrapUp(story.call_id, staff, at_utc, filled.disposition, filled.resolved, filled.meant)
    proposal = follow_up = None
    if filled.answer_was in ("wrong", "missing"):
        question, answer = filled.question.strip()[:LONGEST_TEXT], filled.better.strip()[:LONGEST_TEXT]
        if not question or not answer:
            raise IncompleteError(missing)
        about = (story.answered[-1] if story.answered else "") if filled.answer_was == "wrong" else ""
        kind: ProposalKind = "wrong" if filled.answer_was == "wrong" else "missing"
        proposal = Proposal(after.new_id(), story.call_id, staff, at_utc, kind, story.language, about, question, answer)
    if text := filled.follow_up.strip()[:LONGEST_TEXT]:
        follow_up = FollowUp(after.new_id(), story.call_id, staff, at_utc, at_utc + timedelta(hours=filled.due_h), text)
    return Finished(done, proposal, follow_up)


def form(here: Here, story: Story, then: Callable[[], Awaitable[None]]) -> None:
    """The form for one call; `then` is done when it is kept."""
    say = here.say
    titles = {entry.id: entry.title for entry in here.desk.search.knowledge.language(story.language)}
    with draw.card(say("wrap_up.title"), "wrap-up"):
        choices = {each: say(f"dispositions.{each}") for each in DISPOSITIONS}
        disposition = ui.select(choices, value="answered", label=say("wrap_up.disposition")).props("dense outlined hide-bottom-space").classes("grow")
        resolved = ui.checkbox(say("wrap_up.resolved"), value=True)
        meant = ui.select({"": say("wrap_up.right"), **titles}, value="", label=say("wrap_up.understood"), with_input=True).props(
            "dense outlined hide-bottom-space"
        )
        with draw.box("row"):
            ui.label(say("wrap_up.answer"))
            was = ui.toggle({each: say(f"wrap_up.answer_{each}") for each in ("right", "wrong", "missing")}, value="right").props(
                "no-caps dense unelevated"
            )
        with draw.box("proposal") as proposal:
            question = ui.input(say("wrap_up.question")).props(f"dense outlined hide-bottom-space maxlength={LONGEST_TEXT}")
            better = ui.textarea(say("wrap_up.better")).props(f"dense outlined hide-bottom-space autogrow maxlength={LONGEST_TEXT}")
        proposal.bind_visibility_from(was, "value", lambda value: value != "right")
        with draw.box("row"):
            task = ui.input(say("wrap_up.follow_up")).props(f"dense outlined hide-bottom-space maxlength={LONGEST_TEXT}").classes("grow")
            due = ui.select(list(DUE_H), value=DUE_H[1], label=say("wrap_up.due")).props("dense outlined hide-bottom-space").classes("due")

        async def keep() -> None:
            filled = Filled(
                str(disposition.value),
                bool(resolved.value),
                str(meant.value or ""),
                str(was.value),
                str(question.value or ""),
                str(better.value or ""),
                str(task.value or ""),
                int(due.value or DUE_H[1]),
            )
            kept = finished(filled, story, here.person.name, now_utc(), say("wrap_up.need_answer"))
            await after.finish(here.desk.store, kept)
            ui.notify(say("wrap_up.kept"), type="positive")
            await then()

        ui.button(say("wrap_up.finish"), on_click=lambda: here.act(keep)).props("unelevated no-caps color=positive accesskey=f")
    notes(here, story.call_id)
