"""A synthesiser that is kept running: a line of text in, a WAV file and a line that names it out. Started anew when it ends or hangs.

It is a program of its own, spoken to over pipes, never imported. Nothing here knows what the text says.
"""

from __future__ import annotations

import asyncio
import os
import re
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import gettempdir
from types import TracebackType
from typing import Self

import structlog

from voicebot.errors import EngineError, innermost
from voicebot.process import end_with_parent
from voicebot.scratch import scratch
from voicebot.speech.tts.program import COMPLAINT_BYTES, read_wav
from voicebot.speech.tts.shaping import Samples

DEADLINE_S = 2.5
"""A line takes no longer, or the program has hung."""
START_S = 30.0
RESTART_S, SLOWEST_RESTART_S = 0.5, 60.0
"""Between two starts, doubled each time it ends before it has said anything."""
MOST_WAITING = 64
_LINE_BYTES = 1 << 16
_WROTE = re.compile(rb"Wrote (.+\.wav)\s*$")
log = structlog.get_logger()

Heard = tuple[Samples, int]


class Kept:
    """One program. An async context manager: enter and leave it in the same task; entering waits until it has spoken `first`, a word."""

    def __init__(self, name: str, arguments: Callable[[Path], Sequence[str]], deadline_s: float = DEADLINE_S, first: str = "a") -> None:
        """`name` is what errors call it; `arguments` makes its command line from the folder it must write to."""
        self._name, self._arguments, self._deadline_s, self._first = name, arguments, deadline_s, first
        self._group = asyncio.TaskGroup()
        self._running: _Running | None = None

    async def __aenter__(self) -> Self:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._group.__aenter__()
        self._task = self._group.create_task(self._keep(ready))
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.__aexit__, None, None, None)
            await ready
            undo.pop_all()
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._task.cancel()
        await self._group.__aexit__(None, None, None)

    @property
    def pid(self) -> int | None:
        """Of the program, None while there is none that speaks."""
        return self._running.process.pid if self._running else None

    async def speak(self, line: str) -> Heard:
        """What it says for `line`. Raises EngineError at once while it is being started anew, and when it ends, hangs, or writes no audio."""
        if self._running is None:
            raise EngineError(f"{self._name} is being started again")
        return await self._running.speak(line, self._deadline_s)

    async def _keep(self, ready: asyncio.Future[None]) -> None:
        wait_s = RESTART_S
        while True:
            try:
                await self._run(ready)
                wait_s = RESTART_S
            except EngineError as error:
                if not ready.done():
                    return ready.set_exception(error)
                wait_s = min(wait_s * 2, SLOWEST_RESTART_S)
                log.warning("voice cannot be started", voice=self._name, why=str(error), again_in_s=wait_s)
            await asyncio.sleep(wait_s)

    async def _run(self, ready: asyncio.Future[None]) -> None:
        """From its start to its end. Raises EngineError when it never spoke."""
        try:
            with scratch(Path(gettempdir())) as folder:
                process = await self._started(self._arguments(folder))
                running = _Running(self._name, process, folder)
                try:
                    async with asyncio.TaskGroup() as scope:
                        listening = scope.create_task(running.listen())
                        await running.speak(self._first, START_S)
                        _spread(process.pid)
                        self._running = running
                        if not ready.done():
                            ready.set_result(None)
                        await listening
                    log.warning("voice ended; starting it again", voice=self._name, why=running.complaint)
                except BaseExceptionGroup as failed:
                    if isinstance(first := innermost(failed), EngineError):
                        raise first from None
                    raise
                finally:
                    self._running = None
                    await running.end()
        except OSError as error:
            raise EngineError(f"{self._name} cannot be started: {error.strerror}") from None

    async def _started(self, arguments: Sequence[str]) -> Process:
        try:
            return await asyncio.create_subprocess_exec(*arguments, stdin=PIPE, stdout=DEVNULL, stderr=PIPE, preexec_fn=_modest)
        except (FileNotFoundError, PermissionError):
            raise EngineError(f"{self._name}: no program {arguments[0]!r}; install it, or set [speech] piper to where it is") from None


class _Running:
    """The program while it runs."""

    def __init__(self, name: str, process: Process, folder: Path) -> None:
        self._name, self.process, self._folder = name, process, folder
        self._asked: deque[asyncio.Future[Path]] = deque()
        self._lines: deque[bytes] = deque(maxlen=8)
        self._ended = False

    @property
    def complaint(self) -> str:
        """The last thing it said that was no audio."""
        said = self._lines[-1].decode(errors="replace").strip() if self._lines else ""
        return said[:COMPLAINT_BYTES] or "no message"

    async def speak(self, line: str, deadline_s: float) -> Heard:
        if len(self._asked) >= MOST_WAITING:
            raise EngineError(f"{self._name} is {MOST_WAITING} phrases behind")
        answer: asyncio.Future[Path] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        if self._ended or self.process.stdin is None:
            self._lost()
        else:
            self.process.stdin.write(line.encode() + b"\n")
        try:
            async with asyncio.timeout(deadline_s * len(self._asked)):
                path = await answer
        except TimeoutError:
            self.process.kill()
            raise EngineError(f"{self._name} did not speak within {deadline_s:g} s; it is started again") from None
        try:
            return await asyncio.to_thread(read_wav, path, self._name)
        finally:
            path.unlink(missing_ok=True)

    async def listen(self) -> None:
        """Until it ends, or says what it must not."""
        async for line in _lines(self.process):
            if not (wrote := _WROTE.search(line)):
                self._lines.append(line)
            elif not self._wrote(Path(os.fsdecode(wrote[1]))):
                self._lines.append(b"wrote what nobody asked for: " + line)
                break
        self._ended = True
        self._lost()

    async def end(self) -> None:
        self._ended = True
        if self.process.returncode is None:
            self.process.kill()
        async for _ in _lines(self.process):
            pass  # unread output would keep `wait` waiting
        await self.process.wait()
        self._lost()

    def _wrote(self, path: Path) -> bool:
        """Whether somebody asked for it; who has gone meanwhile does not want it any more."""
        if not self._asked or path.parent != self._folder:
            return False
        answer = self._asked.popleft()
        if answer.done():
            path.unlink(missing_ok=True)
        else:
            answer.set_result(path)
        return True

    def _lost(self) -> None:
        while self._asked:
            if not (answer := self._asked.popleft()).done():
                answer.set_exception(EngineError(f"{self._name} ended: {self.complaint}"))


async def _lines(process: Process) -> AsyncIterator[bytes]:
    """What it says on standard error, line by line; a line of any length is cut, so that no flood fills memory."""
    left = b""
    while process.stderr and (said := await process.stderr.read(1 << 14)):
        *whole, left = (left + said).split(b"\n")
        left = left[-_LINE_BYTES:]
        for line in whole:
            yield line


def _modest() -> None:
    """For the program between fork and exec: it ends with us, gives way to calls, and sees one core, so that its library starts one thread only."""
    end_with_parent()
    os.nice(10)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _spread(pid: int) -> None:
    """Its one thread may run on any core now."""
    try:
        os.sched_setaffinity(pid, os.sched_getaffinity(0))
    except ProcessLookupError:
        return  # it has ended; `listen` tells
