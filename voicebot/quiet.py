"""How long nobody has spoken in a call: the last guard against a caller left in silence by something that was forgotten or never answers.

It hears nothing itself; the call tells it of each sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voicebot.errors import VoicebotError
from voicebot.settings import Turns

LONGER_MS = 5_000
"""How long after the ear's own deadlines silence counts as a fault of ours."""


class Quiet:
    """`speaking` tells whether the caller is in the middle of an utterance: that may last, and ends by itself."""

    def __init__(self, turns: Turns, speaking: Callable[[], bool]) -> None:
        self._longest_ms = max(turns.stuck_ms, turns.no_speech_ms + LONGER_MS, turns.no_rtp_ms + LONGER_MS)
        self._utterance_ms = turns.max_utterance_ms
        self._speaking = speaking
        self._held = False
        self._last_s = 0.0
        self.broken()

    def broken(self) -> None:
        """Somebody made a sound."""
        self._last_s = asyncio.get_running_loop().time()

    def hold(self, on: bool) -> None:
        """A caller who is on hold waits by his own will."""
        self._held = on
        self.broken()

    async def too_long(self) -> None:
        """Returns never; raises VoicebotError when it was quiet for too long."""
        while True:
            patience_s = (self._longest_ms + self._utterance_ms * self._speaking()) / 1000
            left_s = self._last_s + patience_s - asyncio.get_running_loop().time()
            if left_s <= 0 and not self._held:
                raise VoicebotError(f"nobody spoke for {patience_s:g} s and nothing was pending")
            await asyncio.sleep(max(left_s, 1.0))
