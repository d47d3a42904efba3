"""From typed lines to the words that are spoken: fixed sentences filled with titles, approved answers, menu items.

Pure. Every word here was approved by a person; nothing a caller said ever becomes part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from voicebot.dialogue import telling
from voicebot.dialogue.decisions import Answer, Line, MenuItem, Told
from voicebot.dialogue.knowledge import Knowledge
from voicebot.dialogue.prompts import Prompts
from voicebot.values import SpeechKind

_TITLE = re.compile(r"\{title:([^{}]*)\}")
_KINDS: dict[str, SpeechKind] = {
    "greeting": "greeting",
    "goodbye": "goodbye",
    "did_you_mean": "clarify",
    "did_you_mean_this": "clarify",
    "one_moment": "filler",
}
_TOLD: dict[str, SpeechKind] = {"one_moment": "filler", "still_looking": "filler", "goodbye_plain": "goodbye", "survey_thanks": "goodbye"}


@dataclass(frozen=True, slots=True)
class Script:
    """The words of one hotline in one language."""

    language: str
    prompts: Prompts
    knowledge: Knowledge

    def text(self, line: Line) -> str:
        """What is spoken for `line`. An entry that is gone is no error at call time: its id stands in for its title, an apology for its answer."""
        match line:
            case Answer(entry_id, variant):
                entry = self.knowledge.entry(entry_id, self.language)
                return entry.said(variant) if entry else self.prompts.say_again
            case MenuItem(key, entry_id):
                return self.prompts.fill("menu_item", (self.title(entry_id), key))
            case Told(sentence, facts):
                named = tuple(_TITLE.sub(lambda sign: self.title(sign[1]), fact) for fact in facts)
                return telling.load(self.language).fill(sentence, named)
            case _:
                return self.prompts.fill(line.name, (self.title(entry_id) for entry_id in line.titles))

    def title(self, entry_id: str) -> str:
        """The short spoken label of an entry."""
        entry = self.knowledge.entry(entry_id, self.language)
        return entry.title if entry else entry_id

    def fixed(self) -> tuple[str, ...]:
        """Everything that can be said without filling a gap at call time: worth rendering before the first call."""
        entries = self.knowledge.language(self.language)
        items = tuple(self.text(MenuItem(str(entry.menu), entry.id)) for entry in entries if entry.menu is not None)
        return (*self.prompts.fixed(), *telling.load(self.language).fixed(), *items, *(wording for entry in entries for wording in entry.wordings()))


def kind(line: Line) -> SpeechKind:
    """Under which kind the journal keeps `line`."""
    match line:
        case Answer():
            return "answer"
        case MenuItem():
            return "menu"
        case Told(sentence, facts):
            return _TOLD.get(sentence, "answer" if facts else "prompt")
        case _ if line.name.startswith("connecting"):
            return "handover"
        case _:
            return _KINDS.get(line.name, "menu" if line.name.startswith("menu_") else "prompt")


def personal(line: Line) -> bool:
    """Whether what is said for `line` holds a caller's own figures: then no audio of it is kept."""
    return isinstance(line, Told) and bool(line.facts)


def heard_part(text: str, heard_ms: int, length_ms: int) -> str:
    """About as much of `text` as was heard, cut after a whole word (a whole character where words are not spaced)."""
    cut = text[: len(text) * heard_ms // length_ms] if length_ms else ""
    if cut == text or " " not in text:
        return cut
    return cut.rpartition(" ")[0]
