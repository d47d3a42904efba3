"""Optional call recording: one WAV file, caller left, bot right, 16 kHz. Off unless a setting says so, and off for good when the caller opts out.

Writing happens beside the call; a full disk ends the recording, never the call.
"""

from __future__ import annotations

import asyncio
import re
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import structlog

from voicebot.settings import Recording
from voicebot.store.events import Recorded
from voicebot.telephony.media import Frame
from voicebot.values import SAMPLE_RATE_HZ

FLUSH_S = 1.0
log = structlog.get_logger()


class Recorder:
    """The recording of one call. `frame` never waits; run `run` beside the call and `close` after it."""

    def __init__(self, settings: Recording, call_id: str) -> None:
        self.on = settings.enabled
        self.protected = False
        """While True both sides are recorded as silence: a PIN or a card number is being given."""
        self._path = settings.folder / f"{re.sub(r'[^A-Za-z0-9_-]', '-', call_id)}.wav"
        self._frames: list[Frame] = []
        self._file: wave.Wave_write | None = None

    def started(self) -> Recorded:
        return Recorded(str(self._path), on=True)

    def stop(self) -> Recorded:
        """The caller wants no recording: what was recorded so far is deleted at `close`."""
        self.on = False
        self._frames.clear()
        return Recorded(str(self._path), on=False)

    def frame(self, frame: Frame) -> None:
        """Take 20 ms of both sides."""
        if self.on:
            self._frames.append(Frame(bytes(len(frame.caller)), bytes(len(frame.bot)), frame.lost, frame.at_ms) if self.protected else frame)

    async def run(self) -> None:
        """Write once a second, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            await self._write()

    async def close(self) -> None:
        """Write the rest and close; remove the file when the caller opted out."""
        await self._write()
        if self._file:
            await asyncio.to_thread(self._file.close)
        if not self.on:
            await asyncio.to_thread(self._path.unlink, True)

    async def _write(self) -> None:
        frames, self._frames = self._frames, []
        if not frames:
            return
        try:
            await asyncio.to_thread(self._append, frames)
        except OSError as error:
            log.error("recording stopped", why=error.strerror)
            self.on = False

    def _append(self, frames: Sequence[Frame]) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _opened(self._path)
        self._file.writeframes(interleaved(frames))


def interleaved(frames: Sequence[Frame]) -> bytes:
    """Stereo pcm: the caller left, the bot right."""
    sides = [np.frombuffer(b"".join(side), "<i2") for side in ([frame.caller for frame in frames], [frame.bot for frame in frames])]
    return np.stack(sides, axis=1).astype("<i2").tobytes()


def _opened(path: Path) -> wave.Wave_write:
    file = wave.open(str(path), "wb")  # noqa: SIM115 - open as long as the call
    file.setnchannels(2)
    file.setsampwidth(2)
    file.setframerate(SAMPLE_RATE_HZ)
    return file
