"""The matchers that calls have, made once for the same entries: what a change is weighed with must answer as the bot would."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from voicebot.dialogue.embedding import embedding
from voicebot.dialogue.entry import Entry
from voicebot.dialogue.matching import Matcher
from voicebot.learning.effect import Learn, Remembered
from voicebot.learning.pending import LearnFor
from voicebot.settings import Settings

KEPT = 4


def learning(settings: Settings) -> LearnFor:
    """Gives, for a language, what makes its matcher. Learning raises EngineError for an embedding that cannot be loaded."""

    @lru_cache(maxsize=KEPT)
    def made(language: str, entries: tuple[Entry, ...]) -> Remembered:
        return Remembered(Matcher.build(entries, embedding(language, settings)))

    def of(language: str) -> Learn:
        def learn(entries: Sequence[Entry]) -> Remembered:
            return made(language, tuple(entries))

        return learn

    return of
