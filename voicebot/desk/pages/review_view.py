"""How the review shows candidates, the difference a draft makes in its file, and its effect. It draws; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.wording import Say
from voicebot.learning.approval import Weighed
from voicebot.learning.candidates import Failing, Group
from voicebot.learning.effect import Change
from voicebot.learning.pending import Candidate, Pending
from voicebot.store.after import Proposal

SHOWN_SENTENCES = 12
SHOWN_CHANGES = 12
EFFECTS = ("broken", "gained", "changed", "lost", "mended")


def candidates(waiting: Pending, say: Say, choose: Callable[[Candidate], None]) -> None:
    """The list: three cards, each candidate a button."""
    kinds: tuple[tuple[str, tuple[Candidate, ...]], ...] = (
        ("proposals", waiting.proposals),
        ("unanswered", waiting.groups),
        ("failing", waiting.failing),
    )
    for kind, found in kinds:
        with draw.card(f"{say(f'review.{kind}')} · {len(found)}", kind):
            if not found:
                ui.label(say("review.none")).classes("quiet")
            for each in found:
                ui.button(told(each, say), on_click=lambda _, each=each: choose(each)).props("flat no-caps dense align=left").classes("candidate")


def told(candidate: Candidate, say: Say) -> str:
    """A candidate in one line."""
    if isinstance(candidate, Proposal):
        return say(f"review.{candidate.kind}", question=candidate.question, entry=candidate.entry_id)
    if isinstance(candidate, Group):
        return say("review.asked", times=len(candidate.asked), question=candidate.asked[0].text)
    return say("review.fails", entry=candidate.entry_id, led=candidate.led, times=candidate.times)


def about(candidate: Candidate, say: Say) -> None:
    """What it is made of: an agent's words, callers' sentences, or figures."""
    with draw.card(say("review.about"), "about"):
        if isinstance(candidate, Proposal):
            ui.label(say("review.by", name=candidate.staff, at=f"{candidate.at_utc.astimezone():%d.%m. %H:%M}")).classes("quiet")
            ui.link(say("review.call"), f"/calls/{candidate.call_id}")
            ui.label(candidate.question).classes("big")
            ui.label(candidate.answer)
        elif isinstance(candidate, Group):
            ui.label(say("review.rewrite")).classes("quiet")
            draw.listed(dict.fromkeys(each.text for each in candidate.asked[:SHOWN_SENTENCES]))
        else:
            _failing(candidate, say)


def _failing(candidate: Failing, say: Say) -> None:
    ui.label(say("review.fails", entry=candidate.entry_id, led=candidate.led, times=candidate.times))
    if candidate.wrong:
        ui.label(say("review.called_wrong", times=candidate.wrong))


def weighed(found: Weighed, say: Say) -> None:
    """Why it is stopped, what callers would be told otherwise, and the difference in the file."""
    if found.stopped:
        with draw.card(say("review.stopped"), "stopped").props('role="alert"'):
            draw.listed(found.stopped)
    for kind in EFFECTS:
        changes: tuple[Change, ...] = getattr(found.effect, kind)
        if changes:
            with draw.card(f"{say(f'review.{kind}')} · {len(changes)}", "effect", kind):
                draw.listed(say("review.change", **_words(each)) for each in changes[:SHOWN_CHANGES])
    if not any(getattr(found.effect, kind) for kind in EFFECTS) and not found.stopped:
        with draw.card(say("review.effect"), "effect"):
            ui.label(say("review.no_effect")).classes("quiet")
    difference(found.diff.splitlines(), say)


def difference(lines: Iterable[str], say: Say) -> None:
    """A unified difference, line by line."""
    with draw.card(say("review.diff"), "diff"):
        for line in lines:
            if not line.startswith(("---", "+++")):
                ui.label(line).classes({"+": "added", "-": "removed", "@": "at"}.get(line[:1], "same"))


def _words(change: Change) -> dict[str, str]:
    return {"question": change.question, "before": change.before or "–", "after": change.after or "–"}
