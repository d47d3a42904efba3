"""A GGUF model in a process of its own, seen from the loop: started, asked one thing after the other, and started anew when it dies or hangs.

Nothing here waits for it beyond a deadline. A crash costs the answer in the making (`EngineError`), never a call. What runs inside is `inside.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import structlog

from voicebot.errors import EngineError
from voicebot.llm import LONGEST_CHARS, Ask, in_time
from voicebot.llm.inside import BUILD
from voicebot.llm.wire import LONGEST_BYTES, Done, Drop, FromProcess, Generate, Piece, Ready, Unfit, answered, line

START_S = 120.0
"""A model that is not loaded after this long is given up."""
GRACE_S = 5.0
"""A process that has not ended an answer so long after it was dropped is hung, and killed."""
STARTS = 2
"""A process that ends before it was ever ready is given up after so many tries; one that says why not, at once."""
RESTART_S = (0.05, 5.0)
"""Pause before the first restart, and the longest: it doubles each time the process ends before it was ready."""

_LINGER_S = 1.0
_CRASHES = {-signal.SIGSEGV, -signal.SIGILL, -signal.SIGBUS}
# Threads that spin while they wait would take the recognisers' cores.
_ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}
log = structlog.get_logger()


class Llama:
    """One process that is kept running. An async context manager: enter and leave it in the same task. Entering does not wait for the model."""

    def __init__(self, model: Path, threads: int = 1, context_tokens: int = 2_048, opening: str = "", program: str = "voicebot.llm.inside") -> None:
        """`opening` is the system message that all prompts have in common: computed before the first caller, and kept."""
        self.name = f"llama {model.stem}"
        self.pid = 0
        self.loaded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Raises EngineError when the model is given up."""
        self._command = (program, {"model": str(model), "threads": threads, "context_tokens": context_tokens, "opening": opening})
        self._group = asyncio.TaskGroup()
        self._ids = itertools.count(1)
        self._turn = asyncio.Lock()
        self._answers: dict[int, asyncio.Queue[Piece | Done]] = {}
        self._owed: dict[int, asyncio.TimerHandle] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._ready = False
        self._starts = 0
        self._reason = "it is being loaded"

    @property
    def ready(self) -> bool:
        """Whether it could answer now."""
        return self._ready

    @property
    def busy(self) -> bool:
        """Whether it still works at an answer, one that nobody wants any more included."""
        return bool(self._owed)

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._running = self._group.create_task(self._run())
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._running.cancel()
        await self._group.__aexit__(None, None, None)
        if not self.loaded.done():
            self.loaded.cancel()

    async def pieces(self, ask: Ask) -> AsyncGenerator[str, None]:
        """See `LanguageModel`. Who comes second waits, within his own deadline."""
        until_s = asyncio.get_running_loop().time() + ask.deadline_s
        async with self._in_turn(until_s):
            ask_id = self._send(ask, until_s)
            answer = self._answers[ask_id]
            chars = 0
            try:
                while isinstance(said := await in_time(answer.get(), until_s, self.name), Piece):
                    chars += len(said.text)
                    if chars > LONGEST_CHARS:
                        raise EngineError(f"{self.name}: the answer is longer than {LONGEST_CHARS:,} characters")
                    yield said.text
                if said.why:
                    raise EngineError(f"{self.name}: {said.why}")
            finally:
                self._drop(ask_id)

    @contextlib.asynccontextmanager
    async def _in_turn(self, until_s: float) -> AsyncIterator[None]:
        await in_time(self._turn.acquire(), until_s, self.name)
        try:
            yield
        finally:
            self._turn.release()

    def _send(self, ask: Ask, until_s: float) -> int:
        if not self._ready or not self._writer:
            raise EngineError(f"{self.name}: the language model is not running: {self._reason}")
        ask_id = next(self._ids)
        self._answers[ask_id] = asyncio.Queue()
        self._owed[ask_id] = asyncio.get_running_loop().call_at(until_s + GRACE_S, self._hung)
        messages = tuple((message.role, message.text) for message in ask.messages)
        self._writer.write(line(Generate(ask_id, messages, ask.longest_tokens, ask.schema)))
        return ask_id

    def _drop(self, ask_id: int) -> None:
        """Forget the answer; the process is told unless it has ended it already."""
        del self._answers[ask_id]
        if ask_id in self._owed and self._writer:
            self._writer.write(line(Drop(ask_id)))

    def _hung(self) -> None:
        self._kill(f"it made no end of an answer for {GRACE_S:g} s after its deadline")

    def _kill(self, reason: str) -> None:
        self._reason = reason
        if self._process and self._process.returncode is None:
            self._process.kill()

    async def _run(self) -> None:
        """Keep a process running, until cancelled or given up."""
        pause_s, longest_s = RESTART_S
        while True:
            try:
                await self._run_once()
            except OSError as error:
                self._reason, self._starts = f"its process cannot be started: {error.strerror}", STARTS
            finally:
                was_ready = self._went_down()
            if self._starts >= STARTS and not self.loaded.done():
                return self._give_up()
            log.warning("language model lost", engine=self.name, reason=self._reason, restart_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = RESTART_S[0] if was_ready else min(pause_s * 2, longest_s)

    def _give_up(self) -> None:
        log.error("language model given up; approved texts are spoken as they stand", engine=self.name, reason=self._reason)
        self.loaded.set_exception(EngineError(f"{self.name}: {self._reason}"))
        self.loaded.exception()  # the log has told it: nobody need ask

    async def _run_once(self) -> None:
        program, arguments = self._command
        ours, theirs = socket.socketpair()
        with contextlib.closing(ours), theirs:
            command = (sys.executable, "-m", program, str(theirs.fileno()), json.dumps(arguments))
            environment = {**os.environ, **_ENVIRONMENT}
            self._starts += 1
            self._reason = ""
            process = await asyncio.create_subprocess_exec(*command, pass_fds=(theirs.fileno(),), env=environment, stdin=asyncio.subprocess.DEVNULL)
            theirs.close()
            self._process, self.pid = process, process.pid
            late = asyncio.get_running_loop().call_later(START_S, self._late)
            try:
                reader, self._writer = await asyncio.open_connection(sock=ours, limit=LONGEST_BYTES)
                await self._listen(reader)
                await _in_its_own_time(process)
            finally:
                late.cancel()
                if process.returncode is None:
                    process.kill()
                await process.wait()
                self._reason = self._reason or _how(process.returncode or 0, self._ready)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Until the process closes its socket, or what it says is no conversation any more."""
        try:
            while received := await reader.readline():
                self._received(answered(received))
        except (msgspec.MsgspecError, ValueError) as error:  # ValueError: a line without an end
            self._kill(f"it answered nonsense: {error}")
        except ConnectionResetError:
            return

    def _received(self, what: FromProcess) -> None:
        match what:
            case Ready():
                self._ready = True
                if not self.loaded.done():
                    self.loaded.set_result(None)
            case Unfit(why):
                self._reason, self._starts = why, STARTS
            case Piece(id) | Done(id):
                if isinstance(what, Done) and (timer := self._owed.pop(id, None)):
                    timer.cancel()
                if answer := self._answers.get(id):
                    answer.put_nowait(what)

    def _late(self) -> None:
        if not self._ready:
            self._kill(f"it was not loaded after {START_S:g} s")

    def _went_down(self) -> bool:
        was_ready, self._ready = self._ready, False
        if self._writer:
            self._writer.close()
            self._writer = None
        for timer in self._owed.values():
            timer.cancel()
        self._owed.clear()
        for ask_id, answer in self._answers.items():
            answer.put_nowait(Done(ask_id, self._reason or "its process was ended"))
        return was_ready


async def _in_its_own_time(process: asyncio.subprocess.Process) -> None:
    """A process that closed its socket is ending by itself; killed now, it could not be told from one that crashed."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            await process.wait()


def _how(status: int, was_ready: bool) -> str:
    """How a process ended, and what to do about it when it never came up."""
    what = f"its process was killed by {signal.Signals(-status).name}" if status < 0 else f"its process ended with status {status}"
    return what if was_ready or status not in _CRASHES else f"{what} at the first prompt; {_remedy()}"


def _remedy() -> str:
    try:
        amx = " amx_" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        amx = False
    cause = "this CPU has AMX, for which the default build is broken: " if amx else ""
    return f"{cause}build it anew: {BUILD} --force-reinstall --no-cache-dir"
