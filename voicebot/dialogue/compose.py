"""An approved answer in other words, for a caller whom the approved ones have not helped: asked of a language model, checked, or left as it is.

It decides when that is worth the wait and knows nothing of audio. Whatever goes wrong, the outcome says why, and the approved text is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from voicebot.dialogue.decisions import Answer, Line, State, Told
from voicebot.dialogue.grounding import Grounded, Refused, Source, check, form, prompt
from voicebot.dialogue.script import Script
from voicebot.errors import EngineError
from voicebot.llm import Ask, LanguageModel, whole

When = Literal["never", "again", "always"]


@dataclass(frozen=True, slots=True)
class Composer:
    """The language model as calls use it, any number at a time."""

    model: LanguageModel
    deadline_s: float
    """From the question to the audio; then the approved text is spoken."""
    when: When = "again"

    def wants(self, line: Line, state: State | None) -> bool:
        """Whether this answer is worth new words: only when the caller asks the same thing again, unless it is always or never."""
        if not isinstance(line, Answer) or line.variant == "offer" or state is None or self.when == "never":
            return False
        return self.when == "always" or state.same > 1

    async def compose(self, sources: Sequence[Source], said: str, language: str, style: str) -> Grounded | Refused:
        """What may be spoken instead, or why nothing may. Ends at the deadline; cancelling it frees the model."""
        if not sources:
            return Refused("there is no source")
        try:
            raw = await whole(self.model, Ask(prompt(sources, said, language, style), self.deadline_s, form(sources)))
        except EngineError as error:
            return Refused(str(error))
        return await asyncio.to_thread(check, raw, sources, language)  # some 10 ms, and a second where the first Chinese text of all is weighed


def sources(line: Line, state: State | None, script: Script) -> tuple[Source, ...]:
    """What may be said for `line`: all approved wordings of its entry, and what the same turn tells of his account."""
    entry = script.knowledge.entry(line.entry_id, script.language) if isinstance(line, Answer) else None
    facts = tuple(other for other in (state.lines if state else ()) if isinstance(other, Told) and other.facts)
    told = tuple(Source(f"fact-{number}", (script.text(fact),)) for number, fact in enumerate(facts, 1))
    return (Source(entry.id, entry.wordings()), *told) if entry else ()
