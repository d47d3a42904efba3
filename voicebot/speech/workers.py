"""A worker process for native model code, seen from the loop: started, fed, watched, and started anew when it dies, hangs, talks nonsense or grows.

Nothing here waits for a worker: sending buffers, up to a published limit per stream. A crash costs the streams in that worker (`EngineError`),
never a call. What runs inside is `serving.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Protocol, cast

import msgspec
import structlog

from voicebot.errors import EngineError
from voicebot.speech.serving import MEMORY_MB, Message, Reply, frame, take_frames
from voicebot.speech.vitals import Watch, memory_mb, vitals

BACKLOG_MS = 10_000
"""Audio a stream may have waiting for its worker before it fails."""
HUNG_S = 4.0
"""A worker that has work and finishes none of it for this long is killed, unless it is only not let work (`vitals.Watch`)."""
START_S = 60.0
"""A worker that is not ready after this long is killed."""
STARTS = 2
"""A worker that ends before it was ever ready is given up after so many tries; one that says why not, at once."""
RESTART_S = (0.05, 5.0)
"""Pause before the first restart, and the longest: it doubles each time a worker ends before it was ready, and starts over once one was."""

_BYTES_PER_MS = 32
_WATCH_S = 1.0
_LINGER_S = 1.0
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
"""What a process adds to its environment: one thread each, and none that spins, for pools that spin collapse on shared cores."""

log = structlog.get_logger()


class Listener(Protocol):
    """The loop's side of one stream. Both methods must return at once."""

    def replied(self, reply: Reply) -> None:
        """The worker answered on this stream."""

    def lost(self, error: EngineError) -> None:
        """The worker is gone, and the stream with it."""


class _Link(asyncio.Protocol):
    """The socket to one process: frames in both directions, and the moment it closes."""

    transport: asyncio.Transport

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._buffer = bytearray()
        self.broken = ""
        """Why what came is no conversation any more."""
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            for packed in take_frames(self._buffer):
                self._worker.received(msgspec.msgpack.decode(packed, type=Reply))
        except (EngineError, msgspec.MsgspecError) as error:
            self.broken = str(error)
            self.transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self.closed.set()


class Worker:
    """One process that is kept running. `factory` is "module:callable": called in the process with `arguments` (JSON), it returns an Engine.
    `memory_mb` stands in the place of MEMORY_MB for an engine that needs more."""

    def __init__(self, factory: str, arguments: Mapping[str, object], hung_s: float = HUNG_S, memory_mb: int = 0) -> None:
        self.factory = factory
        self.pid = 0
        self.ready = False
        self.first_start: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arguments = json.dumps(dict(arguments))
        self._hung_s = hung_s
        self._memory_mb = memory_mb
        self._link: _Link | None = None
        self._listeners: dict[int, Listener] = {}
        self._last_stream = 0
        self._waiting: deque[tuple[int, int]] = deque()
        self._backlog_bytes: Counter[int] = Counter()
        self._replies = 0
        self._progress_s = 0.0
        self._starts = 0
        self._reason = ""

    @property
    def streams(self) -> int:
        """Open streams."""
        return len(self._listeners)

    @property
    def backlog_ms(self) -> int:
        """Audio that waits in the stream furthest behind: how late this worker's answers are."""
        return max(self._backlog_bytes.values(), default=0) // _BYTES_PER_MS

    @property
    def owing_s(self) -> float:
        """How long it has been silent although it owes an answer."""
        return time.monotonic() - self._progress_s if self._waiting else 0.0

    def open(self, listener: Listener) -> int:
        """A new stream id. Raises EngineError while the process is down."""
        if not self.ready:
            raise EngineError(f"{self.factory}: the worker is not running")
        self._last_stream += 1
        self._listeners[self._last_stream] = listener
        return self._last_stream

    def close(self, stream: int) -> None:
        """Forget `stream` on both sides. Closing twice is allowed."""
        if self._listeners.pop(stream, None) and self._link:
            self._write(self._link, Message(stream, "drop"))

    def send(self, message: Message) -> None:
        """Hand over without waiting. Raises EngineError when the process is down or the stream has over BACKLOG_MS of audio waiting."""
        if not self.ready or not self._link:
            raise EngineError(f"{self.factory}: the worker is not running")
        if self._backlog_bytes[message.stream] + len(message.pcm) > BACKLOG_MS * _BYTES_PER_MS:
            raise EngineError(f"{self.factory}: the worker is over {BACKLOG_MS} ms of audio behind; start more worker processes")
        self._write(self._link, message)

    def received(self, reply: Reply) -> None:
        """Take a reply off the wire and pass it to its stream; one for a closed stream has nobody waiting for it. Raises EngineError for nonsense."""
        self._progress_s = time.monotonic()
        if reply.verb == "ready":
            self.ready = True
            if not self.first_start.done():
                self.first_start.set_result(None)
        elif reply.verb == "handled":
            self._count_handled(reply.value)
        elif reply.verb == "failed" and not self.ready:
            self._reason, self._starts = reply.text, STARTS
        else:
            self._answered(reply)

    async def run(self) -> None:
        """Keep a process running until cancelled."""
        pause_s, longest_s = RESTART_S
        while True:
            try:
                await self._run_once()
            except OSError as error:
                self._reason, self._starts = f"{self.factory}: cannot start a worker: {error.strerror}", STARTS
            finally:
                was_ready = self._went_down()
            log.warning("worker lost", engine=self.factory, reason=self._reason, restart_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = RESTART_S[0] if was_ready else min(pause_s * 2, longest_s)

    async def _run_once(self) -> None:
        self._reason = f"{self.factory}: the worker process ended"
        self._starts += 1
        ours, theirs = socket.socketpair()
        with contextlib.closing(ours), theirs:
            limit = (str(self._memory_mb),) if self._memory_mb else ()
            command = (sys.executable, "-m", "voicebot.speech.serving", str(theirs.fileno()), self.factory, self._arguments, *limit)
            environment = {**os.environ, **ENVIRONMENT}
            process = await asyncio.create_subprocess_exec(*command, pass_fds=(theirs.fileno(),), env=environment, stdin=asyncio.subprocess.DEVNULL)
            theirs.close()
            self.pid = process.pid
            try:
                _, self._link = await asyncio.get_running_loop().create_connection(lambda: _Link(self), sock=ours)
                await self._watch(self._link)
                if self._link.closed.is_set() and not self._link.broken:
                    await _in_its_own_time(process)
            finally:
                if process.returncode is None:
                    process.kill()
                if self._link:
                    self._link.transport.abort()
                await process.wait()

    async def _watch(self, link: _Link) -> None:
        """Return when the process has closed its socket, or has to go."""
        started_s, watch = time.monotonic(), Watch(self._hung_s)
        while not (link.closed.is_set() or self._has_to_go(started_s, watch)):
            if self.ready and not self._waiting:
                self._write(link, Message(0, "ping"))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(link.closed.wait(), min(_WATCH_S, self._hung_s / 2))
        if link.broken:
            self._reason = f"{self.factory}: the worker answered nonsense: {link.broken}"

    def _has_to_go(self, started_s: float, watch: Watch) -> bool:
        reason = ""
        if not self.ready and time.monotonic() - started_s > START_S:
            reason = f"was not ready after {START_S:g} s"
        elif watch.hung(self._progress_s, owing_s := self.owing_s, vitals(self.pid)):
            reason = f"made no progress for {owing_s:.1f} s"
        elif self.ready and not self._listeners and (grown_mb := memory_mb(self.pid)) > (self._memory_mb or MEMORY_MB):
            reason = f"has grown to {grown_mb} MB"
        if reason:
            self._reason = f"{self.factory}: the worker {reason}"
        return bool(reason)

    def _write(self, link: _Link, message: Message) -> None:
        if link.transport.is_closing():
            return  # the process has just gone; `run` is about to tell its streams
        if not self._waiting:
            self._progress_s = time.monotonic()
        self._waiting.append((message.stream, len(message.pcm)))
        self._backlog_bytes[message.stream] += len(message.pcm)
        link.transport.write(frame(message))

    def _answered(self, reply: Reply) -> None:
        self._replies += 1
        if self._replies > len(self._waiting):
            raise EngineError("more replies than messages")
        if listener := self._listeners.get(reply.stream):
            listener.replied(reply)

    def _count_handled(self, messages: float) -> None:
        if not 0 <= messages <= len(self._waiting):
            raise EngineError(f"{messages:g} messages handled of {len(self._waiting)}")
        self._replies = 0
        for _ in range(int(messages)):
            stream, size = self._waiting.popleft()
            self._backlog_bytes[stream] -= size
            if not self._backlog_bytes[stream]:
                del self._backlog_bytes[stream]

    def _went_down(self) -> bool:
        was_ready, self.ready, self._link = self.ready, False, None
        self._waiting.clear()
        self._backlog_bytes.clear()
        self._replies = 0
        lost, self._listeners = self._listeners, {}
        for listener in lost.values():
            listener.lost(EngineError(self._reason))
        if self._starts >= STARTS and not self.first_start.done():
            self.first_start.set_exception(EngineError(self._reason))
        return was_ready


async def _in_its_own_time(process: asyncio.subprocess.Process) -> None:
    """A process that closed its socket is ending by itself; killed now, it could not finish printing why."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _LINGER_S)
