"""Worker processes for native model code: small servers on a socket pair, one thread each, restarted when they die or hang.

The asyncio side never waits for a worker: sending buffers, up to a published limit per stream. A worker never sees more of a call than the audio it is
sent, writes none of it anywhere, and ends with its parent. A crash costs the streams in that worker (`EngineError`), never a call.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import json
import os
import signal
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Literal, Protocol, Self, cast

import msgspec
import structlog

from voicebot.errors import EngineError

BACKLOG_MS = 10_000
"""Audio a stream may have waiting for its worker before it fails."""
HUNG_S = 4.0
"""A worker that has work and finishes none of it for this long is killed."""
START_S = 60.0
"""A worker that is not ready after this long is killed."""
RESTART_S = (0.05, 5.0)
"""Pause before the first restart, and the longest: it doubles each time a worker dies before it was ready, and starts over once one was."""

_BYTES_PER_MS = 32
_WATCH_S = 1.0
_NICE = 10
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
_PR_SET_PDEATHSIG = 1

log = structlog.get_logger()


class Message(msgspec.Struct, array_like=True, frozen=True):
    """What a worker is asked. `pcm` (16 kHz) ends at `end_ms` of the stream's audio. A ping asks for nothing but progress."""

    stream: int
    verb: Literal["feed", "settle", "drop", "reset", "ping"]
    pcm: bytes = b""
    end_ms: int = 0


class Reply(msgspec.Struct, array_like=True, frozen=True):
    """What a worker answers. `handled` counts the messages done since the last one; `failed` carries the reason in `text`."""

    stream: int
    verb: Literal["ready", "handled", "transcript", "probability", "failed"]
    text: str = ""
    value: float = 0.0
    end_ms: int = 0


class Engine(Protocol):
    """What lives inside a worker: takes all messages that have arrived, yields each reply as soon as it is known."""

    def handle(self, batch: Sequence[Message]) -> Iterator[Reply]: ...


class Listener(Protocol):
    """The asyncio side of one stream. Both methods run in the loop and must not wait."""

    def replied(self, reply: Reply) -> None: ...

    def lost(self, error: EngineError) -> None: ...


def frame(packed: bytes) -> bytes:
    """`packed` with its length before it, as it goes over the socket."""
    return len(packed).to_bytes(4, "big") + packed


def take_frames(buffer: bytearray) -> list[bytes]:
    """Remove and return all whole frames at the head of `buffer`; a last partial one stays."""
    frames, at = [], 0
    while len(buffer) >= at + 4 and len(buffer) >= (end := at + 4 + int.from_bytes(buffer[at : at + 4], "big")):
        frames.append(bytes(buffer[at + 4 : end]))
        at = end
    del buffer[:at]
    return frames


class _Link(asyncio.Protocol):
    """The socket to one process: frames in both directions, and the moment it closes."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._buffer = bytearray()
        self.transport: asyncio.Transport | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        for packed in take_frames(self._buffer):
            self._worker._received(msgspec.msgpack.decode(packed, type=Reply))

    def connection_lost(self, _error: Exception | None) -> None:
        self.closed.set()


class Worker:
    """One process that is kept running. `factory` is "module:callable"; it is called in the process with `arguments` (JSON) and returns an Engine."""

    def __init__(self, factory: str, arguments: Mapping[str, object], hung_s: float = HUNG_S) -> None:
        self.factory = factory
        self.pid = 0
        self.ready = False
        self.first_start: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arguments = json.dumps(dict(arguments))
        self._hung_s = hung_s
        self._link: _Link | None = None
        self._listeners: dict[int, Listener] = {}
        self._last_stream = 0
        self._waiting: deque[tuple[int, int]] = deque()
        self._backlog_bytes: Counter[int] = Counter()
        self._progress_s = 0.0
        self._reason = ""

    @property
    def streams(self) -> int:
        """Open streams."""
        return len(self._listeners)

    def open(self, listener: Listener) -> int:
        """A new stream id. Raises EngineError while the process is down."""
        if not self.ready:
            raise EngineError(f"{self.factory}: worker is not running")
        self._last_stream += 1
        self._listeners[self._last_stream] = listener
        return self._last_stream

    def close(self, stream: int) -> None:
        """Forget `stream` on both sides. Closing twice is allowed."""
        if self._listeners.pop(stream, None) and self.ready:
            self._write(Message(stream, "drop"))

    def send(self, message: Message) -> None:
        """Hand over without waiting. Raises EngineError when the process is down or the stream has over BACKLOG_MS of audio waiting."""
        if not self.ready:
            raise EngineError(f"{self.factory}: worker is not running")
        if self._backlog_bytes[message.stream] + len(message.pcm) > BACKLOG_MS * _BYTES_PER_MS:
            raise EngineError(f"{self.factory}: worker is over {BACKLOG_MS} ms of audio behind; start more worker processes")
        self._write(message)

    async def run(self) -> None:
        """Keep a process running until cancelled."""
        pause_s, longest_s = RESTART_S
        while True:
            try:
                await self._run_once()
            finally:
                was_ready = self._went_down()
            pause_s = RESTART_S[0] if was_ready else min(pause_s * 2, longest_s)
            log.warning("worker lost", engine=self.factory, reason=self._reason, restart_s=pause_s)
            await asyncio.sleep(pause_s)

    async def _run_once(self) -> None:
        ours, theirs = socket.socketpair()
        command = (sys.executable, "-m", "voicebot.speech.workers", str(theirs.fileno()), self.factory, self._arguments)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command, pass_fds=(theirs.fileno(),), env={**os.environ, **_ENVIRONMENT}, stdin=asyncio.subprocess.DEVNULL
            )
        self.pid, self._reason, self._progress_s = process.pid, "the process ended", time.monotonic()
        try:
            _, self._link = await asyncio.get_running_loop().create_connection(lambda: _Link(self), sock=ours)
            await self._watch(self._link)
        finally:
            if process.returncode is None:
                process.kill()
            if self._link and self._link.transport:
                self._link.transport.abort()
            await asyncio.shield(process.wait())

    async def _watch(self, link: _Link) -> None:
        """Return when the process has closed its socket or makes no progress."""
        started_s = time.monotonic()
        while not link.closed.is_set():
            now_s = time.monotonic()
            if not self.ready and now_s - started_s > START_S:
                self._reason = f"not ready after {START_S:g} s"
                return
            if self.ready and self._waiting and now_s - self._progress_s > self._hung_s:
                self._reason = f"no progress for {self._hung_s:g} s"
                return
            if self.ready and not self._waiting:
                self._write(Message(0, "ping"))
            try:
                await asyncio.wait_for(link.closed.wait(), min(_WATCH_S, self._hung_s / 2))
            except TimeoutError:
                continue

    def _write(self, message: Message) -> None:
        assert self._link is not None and self._link.transport is not None  # noqa: S101
        if not self._waiting:
            self._progress_s = time.monotonic()
        self._waiting.append((message.stream, len(message.pcm)))
        self._backlog_bytes[message.stream] += len(message.pcm)
        self._link.transport.write(frame(msgspec.msgpack.encode(message)))

    def _received(self, reply: Reply) -> None:
        self._progress_s = time.monotonic()
        match reply.verb:
            case "ready":
                self.ready = True
                if not self.first_start.done():
                    self.first_start.set_result(None)
            case "handled":
                self._count_handled(int(reply.value))
            case "failed" if not self.ready:
                self._reason = reply.text
            case _ if listener := self._listeners.get(reply.stream):
                listener.replied(reply)

    def _count_handled(self, messages: int) -> None:
        for _ in range(messages):
            stream, size = self._waiting.popleft()
            self._backlog_bytes[stream] -= size
            if not self._backlog_bytes[stream]:
                del self._backlog_bytes[stream]

    def _went_down(self) -> bool:
        was_ready, self.ready, self._link = self.ready, False, None
        self._waiting.clear()
        self._backlog_bytes.clear()
        lost, self._listeners = self._listeners, {}
        error = EngineError(f"{self.factory}: worker lost: {self._reason}")
        for listener in lost.values():
            listener.lost(error)
        if not self.first_start.done():
            self.first_start.set_exception(EngineError(self._reason))
        return was_ready


class Pool:
    """Worker processes of one engine. An async context manager; leave it in the task that entered it."""

    def __init__(self, factory: str, arguments: Mapping[str, object], processes: int = 1, hung_s: float = HUNG_S) -> None:
        self._make = lambda: Worker(factory, arguments, hung_s)
        self._processes = processes
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []
        self.workers: tuple[Worker, ...] = ()

    async def start(self) -> None:
        """Return when every worker is ready. Raises EngineError, with nothing left running, when one ends before it was."""
        await self._group.__aenter__()
        self.workers = tuple(self._make() for _ in range(self._processes))
        self._tasks = [self._group.create_task(worker.run()) for worker in self.workers]
        outcomes = await asyncio.gather(*(worker.first_start for worker in self.workers), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                await self.stop()
                raise outcome

    async def stop(self) -> None:
        """End all processes. Streams still open are lost."""
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(None, None, None)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        await self.stop()

    def least_loaded(self) -> Worker:
        """The running worker with the fewest streams. Raises EngineError when none runs."""
        running = [worker for worker in self.workers if worker.ready]
        if not running:
            raise EngineError("no worker is running")
        return min(running, key=lambda worker: worker.streams)


def serve(link: socket.socket, engine: Engine) -> None:
    """The worker's side: answer messages until the socket closes."""
    buffer = bytearray()
    _reply(link, Reply(0, "ready"))
    while data := link.recv(1 << 16):
        buffer += data
        batch = [msgspec.msgpack.decode(packed, type=Message) for packed in take_frames(buffer)]
        for reply in engine.handle(batch):
            _reply(link, reply)
        if batch:
            _reply(link, Reply(0, "handled", value=len(batch)))


def _reply(link: socket.socket, reply: Reply) -> None:
    link.sendall(frame(msgspec.msgpack.encode(reply)))


def main(arguments: Sequence[str]) -> None:
    """`python -m voicebot.speech.workers FD MODULE:CALLABLE JSON`: build the engine and serve it on the inherited socket."""
    number, factory, keywords = arguments
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent ends its workers itself
    os.nice(_NICE)
    module, name = factory.split(":")
    with socket.socket(fileno=int(number)) as link:
        try:
            engine = cast(Engine, getattr(importlib.import_module(module), name)(**json.loads(keywords)))
        except EngineError as error:
            _reply(link, Reply(0, "failed", text=str(error)))
            raise SystemExit(1) from None
        try:
            serve(link, engine)
        except (BrokenPipeError, ConnectionResetError):
            return  # the parent is gone


if __name__ == "__main__":
    main(sys.argv[1:])
