"""The form in which a reviewer words an entry. What it gives is a draft; whether that can stand is for the knowledge base to say."""

from __future__ import annotations

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.wording import Say
from voicebot.learning.draft import Draft

_FIELD = "dense outlined hide-bottom-space"


class Form:
    """The fields of one draft."""

    def __init__(self, draft: Draft, say: Say) -> None:
        self._language = draft.language
        with draw.card(say("review.entry"), "entry"):
            self._id = ui.input(say("review.id"), value=draft.entry_id).props(f"{_FIELD} maxlength=60")
            self._title = ui.input(say("review.title"), value=draft.title).props(f"{_FIELD} maxlength=120")
            self._questions = ui.textarea(say("review.questions"), value="\n".join(draft.questions)).props(f"{_FIELD} autogrow maxlength=6000")
            self._answer = ui.textarea(say("review.answer"), value=draft.answer).props(f"{_FIELD} autogrow maxlength=1200")
            self._short = ui.input(say("review.short"), value=draft.short).props(f"{_FIELD} maxlength=300")
            self._tests = ui.textarea(say("review.tests"), value="\n".join(draft.tests)).props(f"{_FIELD} autogrow maxlength=3000")

    def draft(self) -> Draft:
        """What stands in it now: one question a line, spaces made single, nothing twice."""
        return Draft(
            _plain(self._id.value),
            self._language,
            _plain(self._title.value),
            _lines(self._questions.value),
            _plain(self._answer.value),
            _plain(self._short.value),
            _lines(self._tests.value),
        )


def _lines(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for line in map(_plain, (text or "").splitlines()) if line))


def _plain(text: str | None) -> str:
    return " ".join((text or "").split())
