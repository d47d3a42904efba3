"""One utterance on its way to its words: what of the caller's audio the recogniser is given, and what is known of it so far.

It never waits and decides nothing; when it ends is endpointing's matter, what becomes of it the ear's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from voicebot.speech.endpointing import UtteranceEnded
from voicebot.values import FRAME_MS, Transcript


class Stream(Protocol):
    """What an utterance's audio is given to: `asr.RecogniserStream`, or what stands before it."""

    def feed(self, pcm: bytes) -> None: ...
    async def settle(self) -> Transcript: ...
    def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class Talk:
    """It is handed on when both its end and its words are known. `settled`: the words so far are being made out; `spoken_ms`:
    for how long voice was heard."""

    stream: Stream
    over_bot: bool
    settled: bool = False
    ended: UtteranceEnded | None = None
    words: Transcript | None = None
    words_until_ms: int = 0
    took_ms: float = 0.0
    spoken_ms: int = 0
    done: bool = False
    _held: bytearray = field(default_factory=bytearray)

    def hear(self, pcm: bytes, voiced: bool, late: bytes) -> None:
        """Give the recogniser the next frame, empty when there is nothing to tell it. Silence after a settle is held back, for the recogniser
        would begin again for it, until voice releases it; `late` audio takes its place."""
        self.spoken_ms += FRAME_MS if voiced else 0
        if late:
            self._held.clear()
        self._held += late + pcm
        if self._held and (voiced or not self.settled):
            self.settled = False
            self.stream.feed(bytes(self._held))
            self._held.clear()
