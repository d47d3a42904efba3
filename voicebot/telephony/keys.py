"""One press of a key is one key, however often the caller's phone tells of it: some send telephone-events and SIP INFO for the same press.

Pure: it is given the times. It does not know which way a key came; Asterisk does not say.
"""

from __future__ import annotations

SHORTEST_GAP_MS = 50
"""Nobody lets go of a key and presses it again faster than this; dialling machines leave 65 ms and more (ITU-T Q.24)."""


class Presses:
    """The presses of one call."""

    def __init__(self) -> None:
        self._key = ""
        self._told_ms = 0.0

    def new(self, key: str, told_ms: float, lasted_ms: float) -> bool:
        """Whether this is a press of its own: `told_ms` is when Asterisk told of it, which is when it ended, `lasted_ms` for how long it was down.

        The same key that went down before, or at once after, it was last told of is the same press.
        """
        again = key == self._key and told_ms - lasted_ms < self._told_ms + SHORTEST_GAP_MS
        self._key, self._told_ms = key, told_ms
        return not again
