"""The one clock of the test bed: ticks every stream of an event loop each 20 ms, without drift.

Timers only, no task. It stops when nothing is left to tick.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Protocol
from weakref import WeakKeyDictionary

TICK_S = 0.02
_SLOTS = 4
KEPT = 20_000
"""100 s of ticks."""


class Ticking(Protocol):
    """Something that wants a tick every 20 ms."""

    def tick(self, now_s: float) -> None: ...


class Ticker:
    """The clock of every stream of one event loop. Tickings are spread over four slots of 5 ms: 100 phones do not speak in one instant."""

    def __init__(self) -> None:
        self.worst_late_s = 0.0
        """How late a tick ever was: more than some milliseconds means that the test bed itself was starved and its paces are not to be trusted."""
        self.lates_s: deque[float] = deque(maxlen=KEPT)
        """How late the newest ticks were."""
        self._slots: list[list[Ticking]] = [[] for _ in range(_SLOTS)]
        self._timer: asyncio.TimerHandle | None = None
        self._start_s, self._ticks = 0.0, 0

    @classmethod
    def shared(cls) -> Ticker:
        """The ticker of the running loop."""
        return _TICKERS.setdefault(asyncio.get_running_loop(), cls())

    def join(self, stream: Ticking) -> None:
        """Tick `stream` every 20 ms from now on."""
        min(self._slots, key=len).append(stream)
        if self._timer is None:
            self._start_s, self._ticks = time.monotonic(), 0
            self._tick()

    def leave(self, stream: Ticking) -> None:
        """Tick `stream` no more; with the last one the clock stops."""
        for slot in self._slots:
            if stream in slot:
                slot.remove(stream)
        if self._timer is not None and not any(self._slots):
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        late_s = time.monotonic() - self._due_s()
        self.worst_late_s = max(self.worst_late_s, late_s)
        self.lates_s.append(late_s)
        streams = tuple(self._slots[self._ticks % _SLOTS])
        self._ticks += 1
        self._timer = asyncio.get_running_loop().call_later(max(self._due_s() - time.monotonic(), 0), self._tick)
        for stream in streams:
            stream.tick(time.monotonic())

    def _due_s(self) -> float:
        return self._start_s + self._ticks * TICK_S / _SLOTS


_TICKERS: WeakKeyDictionary[asyncio.AbstractEventLoop, Ticker] = WeakKeyDictionary()
