"""A scripted engine in real worker processes: it answers, crashes, hangs or is slow as its messages say."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from voicebot.errors import EngineError
from voicebot.speech.pool import Pool
from voicebot.speech.serving import Reply
from voicebot.speech.workers import Worker

ENGINE = """
import os, signal, time
from voicebot.errors import EngineError
from voicebot.speech.serving import Reply

class Engine:
    def __init__(self, broken="", slow_s=0.0):
        if broken:
            raise EngineError(broken)
        self.slow_s = slow_s

    def handle(self, batch):
        for message in batch:
            if message.pcm == b"crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            if message.pcm == b"hang":
                time.sleep(60)
            if message.pcm == b"grow":
                self.grown = bytearray(b"x") * (40 << 20)
            if message.verb == "settle":
                yield Reply(message.stream, "transcript", os.environ["OMP_NUM_THREADS"], os.nice(0) / 100)
            time.sleep(self.slow_s)
"""


class Ear:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.errors: list[EngineError] = []

    def replied(self, reply: Reply) -> None:
        self.replies.append(reply)

    def lost(self, error: EngineError) -> None:
        self.errors.append(error)


def pool(processes: int = 1, hung_s: float = 4.0, **arguments: object) -> Pool:
    """Not started yet. Its processes find the engine when a module `scripted_engine` with ENGINE lies on PYTHONPATH."""
    return Pool("scripted_engine:Engine", arguments, processes, hung_s)


async def until(true: Callable[[], object], within_s: float = 20.0) -> None:
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.01)


def caught_up(worker: Worker, ear: Ear, replies: int) -> bool:
    return len(ear.replies) == replies and not worker.owing_s


def replaced(worker: Worker, pid: int) -> bool:
    return worker.ready and worker.pid != pid


def alive(pid: int) -> bool:
    """Also true of a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def children() -> set[int]:
    """Processes that this one started and has not reaped."""
    return {int(pid) for pid in Path("/proc/self/task").joinpath(str(os.getpid()), "children").read_text().split()}


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def all_gone(engines: Pool) -> None:
    """Every process of the pool has ended; on a busy machine that takes the system a moment."""
    await until(lambda: not any(alive(worker.pid) for worker in engines.workers if worker.pid))
