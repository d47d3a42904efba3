"""Lines that the database would not take, kept in files of JSON lines until it does: first in, first out.

Each process writes its own file and holds a lock on it, so that the file of a process that died can be told from one in use
and is taken over. Reading a line does not remove it: `confirm` does. Never called on the event loop's thread.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import IO

import msgspec
import structlog

from voicebot.errors import StoreError
from voicebot.store.events import Line

MOST_BYTES = 256 << 20
"""What the spool of one process may take from the disk: some 800,000 lines. Beyond, it is full like a disk."""

_log = structlog.get_logger(__name__)


class Spool:
    """All spool files this process holds, oldest first. Methods may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        """Make `folder` (owner only) and take over what dead processes left there. Raises StoreError."""
        self._folder = folder
        self._guard = threading.Lock()
        self._files: deque[_File] = deque()
        self._own: _File | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.adopt()
        except OSError as error:
            raise StoreError(f"{folder}: the journal cannot spool here: {error.strerror}") from None

    @property
    def pending(self) -> int:
        """Lines not confirmed yet."""
        return sum(file.unread for file in self._files)

    def adopt(self) -> None:
        """Take over the files of processes that are gone. Raises OSError."""
        with self._guard:
            held = {file.path for file in self._files}
            for path in sorted(self._folder.glob("*.jsonl"), key=lambda path: path.name):
                if path not in held and (file := _File.take(path)):
                    self._files.append(file)

    def add(self, lines: Sequence[Line]) -> None:
        """Append; all of them or, with OSError, none."""
        with self._guard:
            if sum(file.size for file in self._files) > MOST_BYTES:
                raise OSError(errno.EDQUOT, f"the spool holds over {MOST_BYTES >> 20} MB")
            if self._own is None:
                self._own = _File.create(self._folder)
                self._files.append(self._own)
            self._own.append(lines)

    def peek(self, limit: int) -> list[Line]:
        """The oldest lines of one file, at most `limit`; torn ones are logged and passed over. Raises OSError."""
        with self._guard:
            self._drop_read_files()
            return self._files[0].peek(limit) if self._files else []

    def confirm(self) -> None:
        """Forget what the last `peek` gave. Raises OSError."""
        with self._guard:
            if self._files:
                self._files[0].confirm()
            self._drop_read_files()

    def close(self) -> None:
        """Let go of the files; what is unread waits on disk for the next process."""
        with self._guard:
            self._drop_read_files()
            for file in self._files:
                file.close()
            self._files.clear()
            self._own = None

    def _drop_read_files(self) -> None:
        while self._files and not self._files[0].unread:
            file = self._files.popleft()
            file.path.unlink(missing_ok=True)
            file.close()
            if file is self._own:
                self._own = None


class _File:
    """One locked file: appended at the end, read from the front."""

    def __init__(self, path: Path, raw: IO[bytes]) -> None:
        self.path = path
        with path.open("rb") as reader:
            self.unread = sum(1 for _ in reader)
        self._raw = raw
        self.size = os.fstat(raw.fileno()).st_size
        self._confirmed = 0
        self._peeked = (0, 0)

    @classmethod
    def create(cls, folder: Path) -> _File:
        path = folder / f"{time.time_ns():020d}-{os.getpid()}.jsonl"  # sorts by age
        raw = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b", buffering=0)
        fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return cls(path, raw)

    @classmethod
    def take(cls, path: Path) -> _File | None:
        try:
            raw = path.open("r+b", buffering=0)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raw.close()
            return None
        if not os.fstat(raw.fileno()).st_nlink:  # another process drained and removed it meanwhile
            raw.close()
            return None
        return cls(path, raw)

    def append(self, lines: Sequence[Line]) -> None:
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        self._raw.seek(self.size)
        try:
            written = self._raw.write(data)
            if written != len(data):
                raise OSError("the spool's disk is full")
        except OSError:
            os.ftruncate(self._raw.fileno(), self.size)
            raise
        self.size += len(data)
        self.unread += len(lines)

    def peek(self, limit: int) -> list[Line]:
        with self.path.open("rb") as reader:
            reader.seek(self._confirmed)
            texts = list(islice(reader, limit))
        self._peeked = (sum(map(len, texts)), len(texts))
        return [line for text in texts if (line := self._parsed(text))]

    def confirm(self) -> None:
        length, count = self._peeked
        self._peeked = (0, 0)
        self._confirmed += length
        self.unread -= count

    def close(self) -> None:
        self._raw.close()

    def _parsed(self, text: bytes) -> Line | None:
        try:
            return msgspec.json.decode(text, type=Line)
        except msgspec.MsgspecError as error:
            _log.error("spooled line is unreadable and lost", file=self.path.name, length=len(text), why=str(error))
            return None
