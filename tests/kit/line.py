"""Asterisk's end of one media socket: the caller's frames come from it every 20 ms, the bot's audio is played at the same pace.

It behaves as chan_websocket does: marks are reported when reached, a flush drops them, a pause keeps all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from voicebot.telephony.media import MediaLink
from voicebot.values import FRAME_BYTES, FRAME_MS, SILENCE_FRAME

QUEUE_FRAMES = 1_000


class Line:
    """A media socket that is up. `on_close` is called once, whoever closes it."""

    def __init__(self, link: MediaLink, on_close: Callable[[], None]) -> None:
        self._link = link
        self._on_close = on_close
        self._queue: deque[bytes | str] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._next_s = asyncio.get_running_loop().time()
        self.voice: deque[bytes] = deque()
        """What the caller says next."""
        self.sends = False
        """Whether audio comes from the caller's phone."""
        self.paused = False
        self.closed = False
        self.played_frames = 0
        """How much of the bot the caller has heard."""
        self.commands: list[str] = []
        link.connect(self)
        self._tick()

    @property
    def quiet(self) -> bool:
        """The bot has said all it has to say for now."""
        return not any(isinstance(item, bytes) and item != SILENCE_FRAME for item in self._queue)

    def send_text(self, text: bytes) -> None:
        command = msgspec.json.decode(text)
        self.commands.append(command["command"])
        match command["command"]:
            case "MARK_MEDIA":
                self._queue.append(command["correlation_id"])
                self._reach_marks()
            case "FLUSH_MEDIA":
                self._queue.clear()
            case "PAUSE_MEDIA" | "CONTINUE_MEDIA" as name:
                self.paused = name == "PAUSE_MEDIA"

    def send_audio(self, pcm: bytes) -> None:
        self._queue.extend(pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm), FRAME_BYTES))
        assert len(self._queue) <= QUEUE_FRAMES, "Asterisk would drop this"

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._timer:
            self._timer.cancel()
        self._link.disconnect()
        self._on_close()

    def _tick(self) -> None:
        self._next_s += FRAME_MS / 1000
        self._timer = asyncio.get_running_loop().call_at(self._next_s, self._tick)
        if self._queue and not self.paused:
            self.played_frames += self._queue.popleft() != SILENCE_FRAME
            self._reach_marks()
        if self.sends:
            self._link.receive_audio(self.voice.popleft() if self.voice else SILENCE_FRAME)

    def _reach_marks(self) -> None:
        while self._queue and isinstance(mark := self._queue[0], str):
            self._queue.popleft()
            asyncio.get_running_loop().call_soon(self._report, mark)

    def _report(self, mark: str) -> None:
        if not self.closed:
            self._link.receive_text(msgspec.json.encode({"event": "MEDIA_MARK_PROCESSED", "correlation_id": mark}))
