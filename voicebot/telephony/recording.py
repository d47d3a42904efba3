"""Optional call recording: one WAV file a call, caller left, bot right, 16 kHz. Silence while protected input is given, gone when the caller refuses.

A disk that is full, slow or broken ends the recording, never the call. Nothing is recorded once the caller is on the way to a person.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from voicebot.settings import Recording
from voicebot.store.events import Event, Fault, Recorded
from voicebot.telephony.media import Frame
from voicebot.values import FRAME_MS, SAMPLE_RATE_HZ

FLUSH_S = 1.0
BEHIND_MS = 10_000
"""Audio that waits for a slow disk; beyond, the recording of this call ends."""
CLOSE_S = 2.0
"""How long the end of a call waits for the disk. What is written later is written all the same."""
COUNT_S = 5.0
"""How old the last look at the folder's size may be."""

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_BLOCK_BYTES = 4
_MS_BYTES = SAMPLE_RATE_HZ // 1000 * _BLOCK_BYTES
log = structlog.get_logger()


class Recordings:
    """The folder of recordings. One thread writes for all calls, so that a disk that stands still holds up nothing but recordings."""

    def __init__(self, settings: Recording) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="recordings")
        self.settings = settings
        self._counted_s = -COUNT_S
        self._held_bytes = 0

    def recorder(self, name: str, journal: Callable[[Event], None], wanted: bool = True) -> Recorder:
        """The recorder of one call: on when settings and caller want it. `name` tells nothing of the caller; `journal` takes what becomes of it."""
        return Recorder(self, self.settings.folder / f"{re.sub(r'[^A-Za-z0-9_-]', '-', name)}.wav", journal, wanted and self.settings.enabled)

    def take(self, count_bytes: int) -> None:
        """Raises OSError when the folder may not grow by so much, or the disk would get too full. Call it in the thread."""
        if time.monotonic() - self._counted_s >= COUNT_S:
            self._held_bytes = sum(_size(entry) for entry in os.scandir(self.settings.folder))
            self._counted_s = time.monotonic()
        if self._held_bytes + count_bytes > self.settings.max_total_mb << 20:
            raise OSError(errno.EDQUOT, f"{self.settings.folder} holds {self.settings.max_total_mb} MB; remove old ones or raise max_total_mb")
        if shutil.disk_usage(self.settings.folder).free - count_bytes < self.settings.min_free_mb << 20:
            raise OSError(errno.ENOSPC, f"less than {self.settings.min_free_mb} MB are free beside {self.settings.folder}")
        self._held_bytes += count_bytes


class Recorder:
    """The recording of one call. Nothing here waits but `run` and `close`; run `run` beside the call and `close` after it."""

    def __init__(self, shelf: Recordings, path: Path, journal: Callable[[Event], None], on: bool) -> None:
        self.on = on
        self.paused = False
        self._shelf = shelf
        self._path = path
        self._journal = journal
        self._frames: list[Frame] = []
        self._tape: Tape | None = None

    def start(self) -> None:
        """The call is answered."""
        if self.on:
            self._journal(Recorded(str(self._path), on=True))

    def pause(self) -> None:
        """From here on both sides are recorded as silence: a PIN or a card number is being given. Pausing twice is allowed."""
        if self.on and not self.paused:
            self._journal(Recorded(str(self._path), on=False, why="protected input"))
        self.paused = True

    def resume(self) -> None:
        """Protected input is over."""
        if self.on and self.paused:
            self._journal(Recorded(str(self._path), on=True, why="protected input is over"))
        self.paused = False

    def blank(self, start_ms: int, end_ms: int) -> None:
        """Silence instead of what was said from `start_ms` to `end_ms` since the first frame: it held a number that is kept nowhere."""
        if self.on:
            self._write()
            asyncio.get_running_loop().run_in_executor(self._shelf.thread, self._blank, start_ms, end_ms)

    def refuse(self, parts: Iterable[str]) -> None:
        """The caller wants no recording: what there is of it is deleted now, with the `parts` of earlier controllers."""
        if self.on:
            self._stop("the caller refused")
        asyncio.get_running_loop().run_in_executor(self._shelf.thread, self._erase, {self._path, *map(Path, parts)})

    def end(self) -> None:
        """The bot's part is over: nothing more is recorded, what was stays. Ending twice is allowed."""
        if self.on and not self.paused:
            self._journal(Recorded(str(self._path), on=False, why="a person takes over"))
        self.on = False

    def frame(self, frame: Frame) -> None:
        """Take 20 ms of both sides."""
        if self.on and len(self._frames) >= BEHIND_MS // FRAME_MS:
            self._fail(f"the disk is over {BEHIND_MS} ms behind")
        if self.on:
            silence = bytes(len(frame.caller))
            self._frames.append(replace(frame, caller=silence, bot=silence) if self.paused else frame)

    async def run(self) -> None:
        """Write once a second, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            writing = self._write()
            await asyncio.wait({writing})
            if (error := writing.result()) and self.on:
                self._fail(error)

    async def close(self) -> None:
        """Write the rest and close the file; a disk that takes too long goes on by itself."""
        self.on = False
        rest: list[asyncio.Future[Any]] = [self._write(), asyncio.get_running_loop().run_in_executor(self._shelf.thread, self._close)]
        await asyncio.wait(rest, timeout=CLOSE_S)

    def _write(self) -> asyncio.Future[str]:
        """What becomes of it is no matter of who waits: a call that ends meanwhile loses nothing of its recording."""
        frames, self._frames = self._frames, []
        return asyncio.get_running_loop().run_in_executor(self._shelf.thread, self._append, frames)

    def _append(self, frames: Sequence[Frame]) -> str:
        """Why it could not be written, or ""."""
        try:
            if frames:
                self._tape = self._tape or Tape(self._path)
                pcm = interleaved(frames)
                self._shelf.take(len(pcm))
                self._tape.append(pcm)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def _blank(self, start_ms: int, end_ms: int) -> None:
        try:
            if self._tape:
                self._tape.blank(start_ms * _MS_BYTES, end_ms * _MS_BYTES)
        except OSError as error:
            log.error("a secret stays in a recording", file=self._path.name, why=error.strerror)

    def _close(self) -> None:
        if self._tape:
            self._tape.close()
            self._tape = None

    def _erase(self, paths: Iterable[Path]) -> None:
        self._close()
        for path in paths:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                log.error("a recording its caller refused cannot be deleted", file=path.name, why=error.strerror)

    def _fail(self, why: str) -> None:
        log.error("recording stopped", file=self._path.name, why=why)
        self._journal(Fault("recording", why))
        self._stop(why)

    def _stop(self, why: str) -> None:
        self.on = False
        self._frames.clear()
        self._journal(Recorded(str(self._path), on=False, why=why))


class Tape:
    """A stereo WAV file that can be played at any moment, also after a crash: the length in its header is put right with each piece."""

    def __init__(self, path: Path) -> None:
        """Make it, for the owner alone. Raises OSError."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
        self._length = 0
        self._put(header(0), 0)

    def append(self, pcm: bytes) -> None:
        """Raises OSError, with the file as it was."""
        try:
            self._put(pcm, _HEADER.size + self._length)
            self._put(header(self._length + len(pcm)), 0)
        except OSError:
            os.ftruncate(self._file.fileno(), _HEADER.size + self._length)
            raise
        self._length += len(pcm)

    def blank(self, start: int, end: int) -> None:
        """Zeros over the bytes of pcm from `start` up to `end`, as far as there are any. Raises OSError."""
        start, end = max(0, start), min(end, self._length)
        self._put(bytes(max(0, end - start)), _HEADER.size + start)

    def close(self) -> None:
        """Closing twice is allowed."""
        self._file.close()

    def _put(self, data: bytes, at: int) -> None:
        left = memoryview(data)
        while left:
            written = os.pwrite(self._file.fileno(), left, at)
            left, at = left[written:], at + written


def header(length: int) -> bytes:
    """The 44 bytes before `length` bytes of stereo pcm (http://soundfile.sapp.org/doc/WaveFormat/)."""
    rate = SAMPLE_RATE_HZ * _BLOCK_BYTES
    riff = length + _HEADER.size - 8
    return _HEADER.pack(b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 2, SAMPLE_RATE_HZ, rate, _BLOCK_BYTES, 16, b"data", length)


def interleaved(frames: Sequence[Frame]) -> bytes:
    """Stereo pcm: the caller left, the bot right."""
    sides = [np.frombuffer(b"".join(side), "<i2") for side in ([frame.caller for frame in frames], [frame.bot for frame in frames])]
    return np.stack(sides, axis=1).astype("<i2").tobytes()


def _size(entry: os.DirEntry[str]) -> int:
    """0 for one that is gone meanwhile."""
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return 0
