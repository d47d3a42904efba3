"""The best voice of a language that works now: when one fails the next speaks, at once, and the better one is asked again later.

It makes no sound itself. Why a better voice does not speak stands in the log; what `voicebot doctor` finds needs no running voice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from voicebot.errors import EngineError

REST_S = 10.0
"""A voice that failed is not asked for so long."""
log = structlog.get_logger()


class Voice(Protocol):
    """Anything that speaks one language."""

    @property
    def name(self) -> str:
        """Engine, version and settings: it changes whenever the sound would. Raises EngineError when the engine is not installed."""

    @property
    def language(self) -> str:
        """The language it speaks, as in the knowledge base: `en`, `zh`."""

    async def render(self, text: str) -> bytes:
        """16 kHz pcm of `text`, silence trimmed, at the common loudness. Raises EngineError."""


class Ladder:
    """A Voice made of several for one language, the best first. The last one is never given up."""

    def __init__(self, rungs: Sequence[Voice], clock: Callable[[], float] = time.monotonic) -> None:
        self._rungs, self._clock = tuple(rungs), clock
        self._rests_until_s = [0.0] * len(rungs)

    @property
    def name(self) -> str:
        """Of the voice that would speak now."""
        return self._standing().name

    @property
    def language(self) -> str:
        return self._rungs[0].language

    async def render(self, text: str) -> bytes:
        """`text` by the best voice that can. Raises EngineError of the last one when none can: then it is the text."""
        failed: list[tuple[int, EngineError]] = []
        for at, rung in self._awake():
            try:
                pcm = await rung.render(text)
            except EngineError as error:
                failed.append((at, error))
                continue
            self._spoke(at, failed)
            return pcm
        raise failed[-1][1]

    def _awake(self) -> list[tuple[int, Voice]]:
        last = len(self._rungs) - 1
        return [(at, rung) for at, rung in enumerate(self._rungs) if at == last or self._clock() >= self._rests_until_s[at]]

    def _standing(self) -> Voice:
        return self._awake()[0][1]

    def _spoke(self, at: int, failed: Sequence[tuple[int, EngineError]]) -> None:
        for below, error in failed:
            self._rests_until_s[below] = self._clock() + REST_S
            log.warning("another voice speaks", language=self.language, voice=self._rungs[at].name, why=str(error))
