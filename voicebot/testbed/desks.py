"""`voicebot desk` as a process of its own beside a test or the demo, and the people who may sign in there. It ends with its `async with` block."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from voicebot.desk.auth import hashed
from voicebot.errors import VoicebotError
from voicebot.process import end_with_parent
from voicebot.store import staff
from voicebot.store.desk import DeskStore
from voicebot.store.staff import Role, Staff
from voicebot.up import command

START_S = 90.0
STOP_S = 20.0
READY = "ready: "


@asynccontextmanager
async def desk(settings_file: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """Start the desk with these settings; its URL. What it logs stands in desk.log beside them. Raises VoicebotError when it does not start."""
    log = settings_file.with_name("desk.log")
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command("desk", settings_file),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=settings_file.parent,
            env={**os.environ, **(environment or {})},
            preexec_fn=end_with_parent,
        )
    try:
        yield await _ready(process, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def hire(url: str, password: str, people: Mapping[str, Role], language: str = "en") -> None:
    """Put people on the staff of the desk whose database is at `url`, all with one password. Raises StoreError."""
    kept = await asyncio.to_thread(hashed, password)
    async with DeskStore.open(url) as store:
        for name, role in people.items():
            await staff.add(store, Staff(name, role, kept, language))


async def _ready(process: asyncio.subprocess.Process, log: Path) -> str:
    told = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            told = await process.stdout.readline() if process.stdout else b""
    if not told.startswith(READY.encode()):
        words = (await asyncio.to_thread(log.read_text, encoding="utf-8", errors="replace")).strip().splitlines()
        raise VoicebotError(f"the desk did not start: {words[-1] if words else f'it took longer than {START_S:g} s'}")
    return told.decode().removeprefix(READY).strip()
