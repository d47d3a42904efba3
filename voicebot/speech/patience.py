"""How long a call waits for a caller who says nothing, whose line is dead, or who has put the call on hold.

Pure: its time is the frames it is told of (20 ms each). It hears nothing and ends nothing; it says what the waiting has come to.
"""

from __future__ import annotations

from voicebot.settings import Turns
from voicebot.values import FRAME_MS, NoAudio, Silence


class Patience:
    """The waiting of one call. A phone that sends no silence (DTX) and a dead line look alike: both are asked once whether anybody is there, and
    end when nothing has come for `no_rtp_ms` of waiting: what the bot says or makes out takes as long as it takes. So no dead line reaches an
    agent, and nobody is hung up on who only listens."""

    DEAD_MS = 500
    """A line that has sent nothing for this long is asked no second time."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._idle_ms = self._lost_ms = self._held_ms = 0
        self._asked = False
        self.on_hold = False

    def heard(self) -> None:
        """The caller did something that shows that he is there."""
        self._asked = False

    def restart(self) -> None:
        """The bot waits anew."""
        self._idle_ms = 0

    def hold(self, on: bool) -> None:
        """The caller has put the call on hold, or is back. On hold neither silence nor a dead line counts, and the wait has a limit of its own."""
        self.on_hold = on
        self._idle_ms = self._lost_ms = self._held_ms = 0

    def frame(self, *, lost: bool, idle: bool) -> Silence | NoAudio | None:
        """Take the next 20 ms. `lost`: nothing came; `idle`: the call waits for the caller, who is not speaking. What is due now, if anything."""
        return self._on_hold() if self.on_hold else self._dead(lost, idle) or self._silent(idle)

    def _on_hold(self) -> NoAudio | None:
        self._held_ms += FRAME_MS
        return NoAudio(self._held_ms) if self._held_ms == _whole_frames(self._turns.on_hold_ms) else None

    def _dead(self, lost: bool, idle: bool) -> NoAudio | None:
        if not lost:
            self._lost_ms = 0
        elif idle:
            self._lost_ms += FRAME_MS
            if self._lost_ms == _whole_frames(self._turns.no_rtp_ms):
                return NoAudio(self._lost_ms)
        return None

    def _silent(self, idle: bool) -> Silence | None:
        self._idle_ms = self._idle_ms + FRAME_MS if idle else 0
        if self._idle_ms < self._turns.no_speech_ms:
            return None
        self._idle_ms = 0
        asked_already, self._asked = self._asked and self._lost_ms > self.DEAD_MS, True
        return None if asked_already else Silence(self._turns.no_speech_ms)


def _whole_frames(ms: int) -> int:
    return max(ms // FRAME_MS, 1) * FRAME_MS
