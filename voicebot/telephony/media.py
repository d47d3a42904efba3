"""The audio link of one call: Asterisk's chan_websocket, both ways, and the only place of a call with a clock.

In: one 20 ms frame at a time, and the call's time is the clock's to within 60 ms: where frames are missing, silence marked lost is put in their
place, so no timer of the call ever stops; what comes after its place was filled is handed on as late, and takes no time.
Out: whole phrases in bulk, paced by Asterisk, cut or paused at once; silence while there are none. This module never looks into the audio.
Source: Asterisk documentation, "WebSocket Channel Driver" (JSON control messages).
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from voicebot.errors import MediaError
from voicebot.values import FRAME_BYTES, FRAME_MS, SILENCE_FRAME

LOST_AFTER_S = 0.060
BAND_FRAMES = 3
"""The call's time may lie this far from the clock's: it takes 40 ms of jitter, and a phone whose own clock drifts cannot go beyond it."""
LATE_FRAMES = 50
"""At most this much of what comes late is kept: by then the caller's turn is over."""
PATIENCE_S = 0.005
"""When this process was too busy to look, it reads what has come meanwhile before it calls anything lost."""
AHEAD_FRAMES = 500
"""At most this much is queued in Asterisk, whose queue holds 1,000 frames and drops what is sent beyond."""
CHUNK_BYTES = 25 * FRAME_BYTES
HUSH_FRAMES = 25
HUSH = SILENCE_FRAME * HUSH_FRAMES


@dataclass(frozen=True, slots=True)
class Frame:
    """20 ms of a call: what the caller sent, what the bot was playing then, and whether the caller's part was lost.

    `late` is the caller's audio of earlier frames that were given as lost, if it came after all: good for its words, too late for its time.
    """

    caller: bytes
    bot: bytes
    lost: bool
    at_ms: int
    late: bytes = b""


class Wire(Protocol):
    """What a link needs of its socket. Neither method waits."""

    def send_text(self, text: bytes) -> None: ...
    def send_audio(self, pcm: bytes) -> None: ...
    def close(self) -> None: ...


class _Message(msgspec.Struct, frozen=True):
    event: str = ""
    correlation_id: str = ""


@dataclass(slots=True, eq=False)
class Playing:
    """One phrase on its way to the caller. `done` tells whether all of it was played (True) or it was cut (False)."""

    mark: str
    first_frame: int
    frames: int
    heard_frames: int = 0
    done: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class MediaLink:
    """One media socket. `on_frame` is called for each 20 ms of the call, lost or not, in order, and must not wait."""

    def __init__(self, on_frame: Callable[[Frame], None]) -> None:
        self._on_frame = on_frame
        self._wire: Wire | None = None
        self._open = asyncio.Event()
        self._closed = asyncio.Event()
        self._marks = itertools.count(1)
        self._backlog: deque[bytes | Playing] = deque()
        self._sent = bytearray()
        self._partial = bytearray()
        self._late: deque[bytes] = deque(maxlen=LATE_FRAMES)
        self._playing: dict[str, Playing] = {}
        self._queued_frames = 0
        self._played_frames = 0
        self._frames = 0
        self._paused = False
        self._hushed_until = 0
        self.flushes = 0
        """How often all that was queued has been dropped."""
        self._start_s = self._last_s = self._watch_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def now_ms(self) -> int:
        """Milliseconds of audio since the link opened."""
        return self._frames * FRAME_MS

    @property
    def paused(self) -> bool:
        return self._paused

    async def opened(self, timeout_s: float) -> None:
        """Wait until Asterisk's media socket is connected. Raises MediaError."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._open.wait()
        except TimeoutError:
            raise MediaError(f"Asterisk opened no media socket within {timeout_s:g} s; see [serve] host and port") from None

    async def closed(self) -> None:
        await self._closed.wait()

    def connect(self, wire: Wire) -> None:
        """The socket is up."""
        self._wire = wire
        self._start_s = self._last_s = asyncio.get_running_loop().time()
        self._arm(LOST_AFTER_S)
        self._open.set()

    def disconnect(self) -> None:
        """The socket is down: what was playing counts as cut."""
        self._wire = None
        if self._timer:
            self._timer.cancel()
        self._forget_queued()
        self._closed.set()

    def close(self) -> None:
        if self._wire:
            self._wire.close()

    def receive_audio(self, pcm: bytes) -> None:
        """Audio of any length from Asterisk; `on_frame` is called for each whole frame."""
        self._last_s = asyncio.get_running_loop().time()
        if len(pcm) == FRAME_BYTES and not self._partial:
            self._arrived(pcm)
            return
        self._partial += pcm
        while len(self._partial) >= FRAME_BYTES:
            frame = bytes(self._partial[:FRAME_BYTES])
            del self._partial[:FRAME_BYTES]
            self._arrived(frame)

    def receive_text(self, text: bytes) -> None:
        """A control event from Asterisk. Raises MediaError for what is not one."""
        try:
            message = msgspec.json.decode(text, type=_Message)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MediaError(f"the media socket sent a control message that is not JSON: {error}") from None
        if message.event == "MEDIA_MARK_PROCESSED" and (playing := self._playing.pop(message.correlation_id, None)):
            playing.heard_frames = playing.frames
            _finish(playing, played=True)

    def play(self, pcm: bytes) -> Playing:
        """Queue `pcm` behind what is queued already. Returns at once; await `.done` for its end."""
        frames = -(-len(pcm) // FRAME_BYTES)
        padded = pcm + bytes(frames * FRAME_BYTES - len(pcm))
        playing = Playing(str(next(self._marks)), self._queued_frames, frames)
        if not self._wire:
            _finish(playing, played=False)
            return playing
        if not self._paused:
            self._unhush()
        self._queued_frames += frames
        self._playing[playing.mark] = playing
        self._backlog.extend(padded[start : start + CHUNK_BYTES] for start in range(0, len(padded), CHUNK_BYTES))
        self._backlog.append(playing)
        self._pump()
        return playing

    def heard_ms(self, playing: Playing) -> int:
        """How much of `playing` has reached the caller."""
        frames = self._played_frames - playing.first_frame if playing.mark in self._playing else playing.heard_frames
        return max(0, min(frames, playing.frames)) * FRAME_MS

    def pause(self) -> None:
        """Fall silent at once, keep the rest. What Asterisk has queued is taken back: its own pause sends nothing and leaves a stray sound."""
        self._backlog = self._unplayed()
        self._sent.clear()
        self._paused = True
        self._clear()

    def resume(self) -> None:
        """Go on from where it was paused, to a frame or two."""
        self._paused = False
        self._unhush()
        self._pump()

    def flush(self) -> None:
        """Drop all that is queued; each phrase of it is cut where it stands."""
        self.flushes += 1
        self._clear()
        self._paused = False
        self._forget_queued()

    def _forget_queued(self) -> None:
        self._backlog.clear()
        self._sent.clear()
        cut, self._playing = self._playing, {}
        for playing in cut.values():
            playing.heard_frames = self._played_frames - playing.first_frame
            _finish(playing, played=False)
        self._played_frames = self._queued_frames

    def _arrived(self, caller: bytes) -> None:
        if self._behind(self._last_s) <= -BAND_FRAMES:
            self._late.append(caller)
        else:
            self._tick(caller, lost=False)

    def _behind(self, now_s: float) -> int:
        """By how many frames the call's time is behind the clock's; negative: ahead of it."""
        return int((now_s - self._start_s) * 1000) // FRAME_MS - self._frames

    def _tick(self, caller: bytes, lost: bool) -> None:
        bot = self._take_played()
        self._frames += 1
        late = b"".join(self._late) if self._late else b""
        self._late.clear()
        self._on_frame(Frame(caller, bot, lost, self.now_ms, late))
        if self._backlog:
            self._pump()
        if not self._sent:
            self._hush()

    def _hush(self) -> None:
        """A leg that sends nothing looks dead to NAT and carriers; Asterisk's own silence never becomes RTP. In blocks: most of a call is silence."""
        if self._wire and self._frames >= self._hushed_until:
            self._wire.send_audio(HUSH)
            self._hushed_until = self._frames + HUSH_FRAMES

    def _unhush(self) -> None:
        """No phrase waits behind silence."""
        if self._hushed_until:
            self._clear()

    def _clear(self) -> None:
        """Drop what Asterisk has queued, silence and all."""
        self._command("FLUSH_MEDIA")
        self._hushed_until = 0

    def _unplayed(self) -> deque[bytes | Playing]:
        """What the caller has not heard yet, as it was queued."""
        rest = bytes(self._sent) + b"".join(item for item in self._backlog if isinstance(item, bytes))
        items: deque[bytes | Playing] = deque()
        for playing in self._playing.values():
            first, last = (max(frame - self._played_frames, 0) * FRAME_BYTES for frame in (playing.first_frame, playing.first_frame + playing.frames))
            items.extend(rest[start : min(start + CHUNK_BYTES, last)] for start in range(first, last, CHUNK_BYTES))
            items.append(playing)
        return items

    def _take_played(self) -> bytes:
        if self._paused or not self._sent:
            return SILENCE_FRAME
        frame = bytes(self._sent[:FRAME_BYTES])
        del self._sent[:FRAME_BYTES]
        self._played_frames += 1
        return frame

    def _pump(self) -> None:
        while self._wire and self._backlog and not self._paused and len(self._sent) < AHEAD_FRAMES * FRAME_BYTES:
            item = self._backlog.popleft()
            if isinstance(item, Playing):
                self._command("MARK_MEDIA", item.mark)
            else:
                self._sent += item
                self._wire.send_audio(item)

    def _command(self, name: str, mark: str = "") -> None:
        if self._wire:
            self._wire.send_text(msgspec.json.encode({"command": name, "correlation_id": mark} if mark else {"command": name}))

    def _arm(self, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._watch_s = loop.time() + delay_s
        self._timer = loop.call_later(delay_s, self._watch)

    def _watch(self) -> None:
        """Runs 60 ms after the last frame; from then on every 20 ms until frames come again."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._watch_s > FRAME_MS / 1000:
            self._arm(PATIENCE_S)
            return
        silent_s = now_s - self._last_s
        silent = silent_s >= LOST_AFTER_S - 0.001
        behind = self._behind(now_s)
        for _ in range(behind if silent else behind > BAND_FRAMES):
            self._tick(SILENCE_FRAME, lost=True)
        self._arm(FRAME_MS / 1000 if silent else max(LOST_AFTER_S - silent_s, FRAME_MS / 1000))


def _finish(playing: Playing, played: bool) -> None:
    if not playing.done.done():
        playing.done.set_result(played)
