"""The knowledge base as agents search it: by the same matcher that the bot has, so that they see what it would have answered. Reads, never writes."""

from __future__ import annotations

import asyncio

from voicebot.dialogue.knowledge import Entry, Knowledge
from voicebot.dialogue.matching import Matcher

BEST = 4
LONGEST_QUERY = 200


class Search:
    """All entries; what it takes to search a language is made when it is first searched."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self._matchers: dict[str, Matcher] = {}
        self._building = asyncio.Lock()

    def renew(self, knowledge: Knowledge) -> None:
        """Search this from now on: an answer was approved or taken back."""
        self.knowledge = knowledge
        self._matchers = {}

    async def find(self, text: str, language: str) -> tuple[Entry, ...]:
        """The entries that fit best, best first; none for no words or a language without entries."""
        entries = self.knowledge.language(language)
        if not text.strip() or not entries:
            return ()
        async with self._building:
            if language not in self._matchers:
                self._matchers[language] = await asyncio.to_thread(Matcher.build, entries)
        matches = await asyncio.to_thread(self._matchers[language].match, text[:LONGEST_QUERY], BEST)
        return tuple(entry for match in matches if (entry := self.knowledge.entry(match.entry_id, language)))
