"""The phrase cache: what a voice has said once is never synthesised again. Memory first, then disk, then the voice, which gets figures in words.

Nothing is ever spoken from a damaged file: each carries its own digest, and one that does not match is rendered again. A disk that is full or
slow costs nothing but time: what cannot be kept is spoken all the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

import structlog

from voicebot.errors import EngineError, innermost
from voicebot.speech.spoken import spoken
from voicebot.speech.tts import Voice
from voicebot.speech.tts.manner import NEUTRAL, Manner
from voicebot.speech.tts.mannered import mannered
from voicebot.speech.tts.shaping import SHAPE

MEMORY_BYTES: Final = 64 * 1024 * 1024
DISK_BYTES: Final = 2 << 30
"""What the cache may hold on disk: some 13,000 sentences. What was not spoken for longest goes first."""
RENDERS_AT_ONCE: Final = 2
LATE_S: Final = 4.0
"""A caller waits no longer for a voice."""

_SWEEP_AFTER_BYTES = 64 << 20
_DRAFT_S = 60.0

_DIGEST_BYTES = hashlib.sha256().digest_size
log = structlog.get_logger()


class Phrases:
    """The audio of fixed sentences and approved answers, by language. `folder` is made when it is missing; files of other versions may be deleted."""

    def __init__(self, folder: Path, voices: Mapping[str, Voice], memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._voices = voices
        self._recent = _Recent(memory_bytes)
        self._unswept_bytes = 0
        self._unwritable = False
        self._rendering: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def cached(self, text: str, language: str) -> bytes | None:
        """16 kHz pcm of `text` if it was ever rendered, at once (memory, or one small read); never synthesises."""
        key = self._key(text, self._voice(language))
        pcm = self._recent.get(key) or self._read(key)
        return self._recent.put(key, pcm) if pcm else None

    def kept(self, text: str, language: str) -> bool:
        """Whether a file of `text` stands on disk, which then counts as used just now. Much cheaper than `cached`, and so blind to damage."""
        try:
            os.utime(self._path(self._key(text, self._voice(language))))
        except OSError:
            return False
        return True

    async def audio(self, text: str, language: str, manner: Manner = NEUTRAL) -> bytes:
        """16 kHz pcm of `text`, rendered when missing. Who asks for what is being rendered waits for it, LATE_S at most. Raises EngineError."""
        return await _in_time(self._audio(text, language, manner))

    async def once(self, text: str, language: str, manner: Manner = NEUTRAL) -> bytes:
        """16 kHz pcm of `text` that is kept nowhere: it tells of a caller. Raises EngineError."""
        pcm = await _in_time(self._voice(language).render(spoken(text, language)))
        return await asyncio.to_thread(mannered, pcm, manner)

    async def prepare(self, texts: Iterable[str], language: str, on_progress: Callable[[int, int], None] = lambda _done, _total: None) -> None:
        """Render all that is missing, two at a time; `on_progress(done, total)` after each. Raises EngineError naming the text that failed."""
        wanted = list(dict.fromkeys(texts))
        slots = asyncio.Semaphore(RENDERS_AT_ONCE)
        done = 0

        async def one(text: str) -> None:
            nonlocal done
            async with slots:
                await self._audio(text, language)
            done += 1
            on_progress(done, len(wanted))

        try:
            async with asyncio.TaskGroup() as group:
                for text in wanted:
                    group.create_task(one(text))
        except BaseExceptionGroup as failed:
            if isinstance(first := innermost(failed), EngineError):
                raise first from None
            raise

    def sweep(self) -> int:
        """Remove what is too much on disk, and drafts of processes that were killed; returns how many files. Takes a while: call it in a thread."""
        files = sorted((_seen(path) for path in self._folder.glob("*/*")), key=lambda seen: seen.at_s, reverse=True)
        held_bytes, gone = 0, 0
        for each in files:
            draft = each.path.suffix != ".pcm"
            held_bytes += each.size
            if held_bytes > DISK_BYTES or (draft and time.time() - each.at_s > _DRAFT_S):
                each.path.unlink(missing_ok=True)
                gone += 1
        return gone

    async def _audio(self, text: str, language: str, manner: Manner = NEUTRAL) -> bytes:
        voice = self._voice(language)
        key = self._key(text, voice, manner)
        if pcm := self._recent.get(key):
            return pcm
        async with self._rendering.setdefault(key, asyncio.Lock()):
            if pcm := self._recent.get(key) or await asyncio.to_thread(self._read, key):
                return self._recent.put(key, pcm)
            pcm = await self._rendered(text, voice, manner)
            return await self._keep(self._key(text, voice, manner), pcm)  # anew: a voice that failed may have let another speak

    async def _rendered(self, text: str, voice: Voice, manner: Manner) -> bytes:
        """A manner is made of the neutral one, which may stand in the cache."""
        if manner == NEUTRAL:
            return await voice.render(spoken(text, voice.language))
        return await asyncio.to_thread(mannered, await self._audio(text, voice.language), manner)

    def _voice(self, language: str) -> Voice:
        try:
            return self._voices[language]
        except KeyError:
            raise EngineError(f"no voice for language {language!r}; voices: {', '.join(sorted(self._voices)) or 'none'}") from None

    def _key(self, text: str, voice: Voice, manner: Manner = NEUTRAL) -> str:
        how = () if manner == NEUTRAL else (f"{manner.stretch:g} {manner.pause_ms}",)
        return hashlib.sha256("\0".join((SHAPE, voice.name, voice.language, spoken(text, voice.language), *how)).encode()).hexdigest()

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.pcm"

    def _read(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            stored = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        digest, pcm = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
        return pcm if pcm and hashlib.sha256(pcm).digest() == digest else None

    async def _keep(self, key: str, pcm: bytes) -> bytes:
        self._recent.put(key, pcm)
        try:
            await asyncio.to_thread(_write_whole, self._path(key), hashlib.sha256(pcm).digest() + pcm)
            self._unwritable = False
            self._unswept_bytes += len(pcm)
            if self._unswept_bytes > _SWEEP_AFTER_BYTES:
                self._unswept_bytes = 0
                await asyncio.to_thread(self.sweep)
        except OSError as error:
            if not self._unwritable:
                log.error("phrases cannot be kept; free space or set [speech] cache to another folder", folder=str(self._folder), why=error.strerror)
            self._unwritable = True
        return pcm


class _Recent:
    """The most recently spoken phrases, up to a number of bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0
        self._phrases: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        if key in self._phrases:
            self._phrases.move_to_end(key)
        return self._phrases.get(key)

    def put(self, key: str, pcm: bytes) -> bytes:
        self._held_bytes += len(pcm) - len(self._phrases.pop(key, b""))
        self._phrases[key] = pcm
        while self._held_bytes > self._limit_bytes:
            _, oldest = self._phrases.popitem(last=False)
            self._held_bytes -= len(oldest)
        return pcm


def _write_whole(path: Path, content: bytes) -> None:
    """Under a name of its own first, so that no reader ever sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
        try:
            part.write(content)
            part.flush()
            os.replace(part.name, path)
        finally:
            Path(part.name).unlink(missing_ok=True)


class _Seen(NamedTuple):
    path: Path
    size: int
    at_s: float


def _seen(path: Path) -> _Seen:
    try:
        found = path.stat()
    except FileNotFoundError:  # another process sweeps too
        return _Seen(path, 0, 0.0)
    return _Seen(path, found.st_size, found.st_mtime)


async def _in_time(speech: Awaitable[bytes]) -> bytes:
    try:
        async with asyncio.timeout(LATE_S):
            return await speech
    except TimeoutError:
        raise EngineError(f"the voice did not speak within {LATE_S:g} s") from None
