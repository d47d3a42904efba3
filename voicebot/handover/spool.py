"""Briefings on their way to the agent: one file a call in the folder Asterisk reads, put there whole by an atomic rename.

It never keeps what nobody needs: a call that is over takes its file along, and what a crash left is swept.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path

import structlog

from voicebot.values import SILENCE_FRAME

FORMS = ("", "short", "off")
"""Folders of what an agent hears: Asterisk looks for a file first in the folder of whoever hears it by his "language" (see [voicebot-agent])."""
log = structlog.get_logger()
KEEP_S = 3_600.0
"""No caller waits longer in a queue; older files belong to calls that are over."""


class Spool:
    """The folder of briefings. Names are made of a call id's letters, digits, `-` and `_`; the dialplan plays no other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: set[str] = set()

    def path(self, call_id: str) -> Path:
        """Where the briefing of a call lies, without its extension, as Asterisk wants it."""
        return self._folder / (re.sub(r"[^A-Za-z0-9_-]", "-", call_id) or "-")

    async def write(self, call_id: str, pcm: bytes, form: str = "") -> Path:
        """Put 16 kHz `pcm` in place, or in the place of an earlier one, unless the agent has read it; `form` is one of FORMS. Raises OSError."""
        path = self.path(call_id)
        await asyncio.to_thread(replace, _file(path, form), SILENCE_FRAME if call_id in self._read else pcm)
        return path

    async def hush(self, call_id: str) -> None:
        """The agent has read the briefing: nobody hears it from now on. Raises OSError."""
        path = self.path(call_id)
        self._read.add(call_id)
        for file in (_file(path, form) for form in FORMS):
            if file.exists():
                await asyncio.to_thread(replace, file, SILENCE_FRAME)

    def read(self, call_id: str) -> bool:
        """Whether an agent said so."""
        return call_id in self._read

    def forget(self, call_id: str) -> None:
        """The call is over: its briefing goes, if there was one. What cannot be removed now is swept later."""
        path = self.path(call_id)
        self._read.discard(call_id)
        try:
            for form in FORMS:
                _file(path, form).unlink(missing_ok=True)
        except OSError as error:
            log.warning("briefing cannot be removed", why=str(error))

    async def sweep(self) -> int:
        """Remove what is older than an hour; returns how many files."""
        return await asyncio.to_thread(_remove_older, self._folder, time.time() - KEEP_S)

    async def keep_swept(self) -> None:
        """Sweep now and every hour, until cancelled."""
        while True:
            try:
                await self.sweep()
            except OSError as error:
                log.warning("old briefings cannot be removed", why=str(error))
            await asyncio.sleep(KEEP_S)


def replace(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole: whoever reads it meanwhile gets the old file or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _file(path: Path, form: str) -> Path:
    return path.parent / form / f"{path.name}.sln16"


def _remove_older(folder: Path, before_s: float) -> int:
    """Briefings and the drafts of processes that were killed."""
    old = [path for pattern in ("**/*.sln16", "**/.*.sln16.*") for path in folder.glob(pattern) if path.stat().st_mtime < before_s]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
