"""Language models for tests: one that answers by heart, one in a real process, one behind a real socket; each can fail in every way."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from voicebot.errors import EngineError
from voicebot.llm import Ask

Trouble = Literal["fails", "hangs", "garbage"]
"""What may befall an ask: its engine crashes, says nothing until the deadline, or answers nonsense."""
NONSENSE = '\x1b[2J{"text": "\u202e你好 999", "ids": [7]'


class ByHeart:
    """Answers with what `reply` makes of the ask, in small pieces, after `takes_s`. `troubles`: what befalls the n-th ask."""

    name = "by heart"

    def __init__(self, reply: Callable[[Ask], str], takes_s: float = 0.1, troubles: Mapping[int, Trouble] | None = None) -> None:
        self.reply = reply
        self.takes_s = takes_s
        self.troubles = troubles or {}
        self.asks: list[Ask] = []
        self.cancelled = 0

    async def pieces(self, ask: Ask) -> AsyncGenerator[str, None]:
        self.asks.append(ask)
        trouble = self.troubles.get(len(self.asks))
        takes_s = 1e6 if trouble == "hangs" else self.takes_s
        try:
            await asyncio.sleep(min(takes_s, ask.deadline_s))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if takes_s >= ask.deadline_s:
            raise EngineError("by heart: the language model was not through at its deadline")
        if trouble == "fails":
            raise EngineError("by heart: its process was killed by SIGSEGV")
        text = NONSENSE if trouble == "garbage" else self.reply(ask)
        for start in range(0, len(text), 7):
            yield text[start : start + 7]


PROGRAM = """
import os, signal, socket, sys, time
from voicebot.llm.inside import serve
from voicebot.llm.wire import Unfit, line

class Model:
    stopped = False

    def pieces(self, ask):
        what = ask.messages[-1][1]
        if what == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if what == "hang":
            time.sleep(60)
        if what == "refuse":
            raise ValueError("the prompt is too long")
        if what == "garbage":
            self.link.sendall(b"no conversation\\n")
        if what == "endless":
            self.link.sendall(b"x" * (1 << 20))
        if what == "large":
            yield "x" * 10_000
        if "slow" in sys.argv[2]:
            for _ in range(50):
                yield "tick "
                time.sleep(0.005)
                if self.stopped:
                    time.sleep(0.3)
                    raise RuntimeError("stopped, at last")
        elif what == "stream":
            while not self.stopped:
                yield "tick "
                time.sleep(0.005)
            raise RuntimeError("stopped")
        else:
            yield from (word + " " for word in what.split())

    def stop(self):
        self.stopped = True

    def resume(self):
        self.stopped = False

if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as link:
        if "unfit" in sys.argv[2]:
            link.sendall(line(Unfit("the model is missing; get it")))
            raise SystemExit(1)
        if "broken" in sys.argv[2]:
            os.kill(os.getpid(), signal.SIGILL)
        Model.link = link
        serve(link, Model())
"""
"""A program for `Llama`, once it lies on PYTHONPATH as scripted_model.py: the model's name and what it is asked say what befalls it."""


def event(text: str, finish: str | None = None) -> str:
    """One server-sent event of a chat completion."""
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}, 'finish_reason': finish}]})}\n\n"


END = "data: [DONE]\n\n"


@dataclass
class FakeServer:
    """An OpenAI-compatible server on loopback. Each request is answered by `respond`, a list of raw blocks; a number among them is a pause in
    seconds, None closes the connection in the middle."""

    respond: Callable[[dict[str, Any]], Sequence[str | float | None]]
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    broken: int = 0
    """Requests whose caller went away."""
    url: str = ""
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        try:
            await self._serve(reader, writer)
        except asyncio.CancelledError:
            pass  # `close`
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self._open.discard(task)

    async def close(self) -> None:
        for task in tuple(self._open):
            task.cancel()
            await asyncio.wait({task})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length"))
                self.requests.append(json.loads(await reader.readexactly(length)))
                self.headers.append(head)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    await self._answer(reader, writer)
                finally:
                    self.at_once -= 1
                if writer.is_closing():
                    break

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        blocks = list(self.respond(self.requests[-1]))
        status = str(blocks.pop(0)) if blocks and isinstance(blocks[0], str) and blocks[0][:3].isdigit() else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for block in blocks:
            if block is None:
                writer.close()
                return
            if isinstance(block, float):
                await asyncio.wait({gone := asyncio.ensure_future(reader.read(1))}, timeout=block)
                if gone.done():
                    self.broken += 1
                    writer.close()
                    return
                gone.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await gone
            else:
                data = block.encode()
                writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()


@contextlib.asynccontextmanager
async def serving(respond: Callable[[dict[str, Any]], Sequence[str | float | None]]) -> AsyncIterator[FakeServer]:
    """A server that runs until the block is left."""
    fake = FakeServer(respond)
    listening = await asyncio.start_server(fake.take, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    try:
        yield fake
    finally:
        listening.close()
        await fake.close()
        gc.collect(1)  # httpx leaves generators of its own to the collector when an answer is not read to its end
        await asyncio.sleep(0.01)
