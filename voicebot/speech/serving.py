"""The inside of a worker process, and the words spoken with it: messages in, replies out, over a socket inherited from the parent.

One thread, low priority, bounded memory. It writes nothing it hears anywhere, and ends when the parent does.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import msgspec

from voicebot.errors import EngineError

LONGEST_BYTES = 1 << 20
"""A frame that claims to be longer is no frame: the other end has gone mad."""
MEMORY_MB = 1_024
"""Memory of its own beyond which a worker is replaced once it is idle; it is refused twice as much. A recogniser with 24 utterances needs 300."""
SERVED_BY = "WORKER_SERVED_BY"
"""Environment variable: "module:callable" that serves in place of `serve`. Only tests and `scripts/bench` set it, to make workers fail."""

_NICE = 10
_FIRST_TO_GO = "500"  # oom_score_adj: a machine out of memory loses a worker before the controller
_PR_SET_PDEATHSIG = 1  # prctl(2): the kernel ends this process when its parent is gone, even inside a native call


class Message(msgspec.Struct, array_like=True, frozen=True):
    """What a worker is asked. `pcm` (16 kHz) ends at `end_ms` of the stream's audio. A ping asks for nothing but a sign of life. `digits`: a number
    of `count` digits may be read out."""

    stream: int
    verb: Literal["feed", "settle", "drop", "reset", "ping", "digits"]
    pcm: bytes = b""
    end_ms: int = 0
    count: int = 0


class Reply(msgspec.Struct, array_like=True, frozen=True):
    """What a worker answers. `handled` counts in `value` the messages done since the last one; `failed` gives the reason in `text`."""

    stream: int
    verb: Literal["ready", "handled", "transcript", "probability", "prosody", "failed"]
    text: str = ""
    value: float = 0.0
    end_ms: int = 0


class Engine(Protocol):
    """What lives inside a worker: takes all messages that have arrived, yields each reply as soon as it is known."""

    def handle(self, batch: Sequence[Message]) -> Iterator[Reply]: ...


def frame(message: Message | Reply) -> bytes:
    """`message` as it goes over the socket: msgpack, its length in four bytes before it."""
    packed = msgspec.msgpack.encode(message)
    return len(packed).to_bytes(4, "big") + packed


def take_frames(buffer: bytearray) -> list[bytes]:
    """Remove and return the contents of all whole frames at the head of `buffer`; a last partial one stays. Raises EngineError for a length over
    LONGEST_BYTES."""
    contents, at = [], 0
    while len(buffer) >= at + 4:
        length = int.from_bytes(buffer[at : at + 4], "big")
        if length > LONGEST_BYTES:
            raise EngineError(f"a frame of {length} bytes; the longest is {LONGEST_BYTES}")
        if len(buffer) < at + 4 + length:
            break
        contents.append(bytes(buffer[at + 4 : at + 4 + length]))
        at += 4 + length
    del buffer[:at]
    return contents


def serve(link: socket.socket, engine: Engine) -> None:
    """Answer messages until the other end closes."""
    buffer = bytearray()
    link.sendall(frame(Reply(0, "ready")))
    while data := link.recv(1 << 16):
        buffer += data
        batch = [msgspec.msgpack.decode(packed, type=Message) for packed in take_frames(buffer)]
        for reply in engine.handle(batch):
            link.sendall(frame(reply))
        if batch:
            link.sendall(frame(Reply(0, "handled", value=len(batch))))


def main(arguments: Sequence[str]) -> None:
    """`python -m voicebot.speech.serving FD MODULE:CALLABLE JSON [MB]`: make the engine and serve it on the inherited socket, with another
    MEMORY_MB when one is given."""
    descriptor, factory, keywords, *memory_mb = arguments
    _know_its_place(int(memory_mb[0]) if memory_mb else MEMORY_MB)
    with socket.socket(fileno=int(descriptor)) as link:
        try:
            serving: Callable[[socket.socket, Engine], None] = _named(os.environ[SERVED_BY]) if SERVED_BY in os.environ else serve
            serving(link, make(factory, json.loads(keywords)))
        except EngineError as error:
            link.sendall(frame(Reply(0, "failed", text=str(error))))
            raise SystemExit(1) from None
        except (BrokenPipeError, ConnectionResetError):
            return  # the parent is gone


def make(factory: str, arguments: dict[str, Any]) -> Engine:
    """Call "module:callable" with `arguments`."""
    return cast(Engine, _named(factory)(**arguments))


def _named(what: str) -> Any:
    module, name = what.split(":")
    return getattr(importlib.import_module(module), name)


def _know_its_place(memory_mb: int) -> None:
    """Ends with its parent, yields the processor and memory to it, dumps no core full of callers' voices."""
    prctl: Any = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent ends its workers itself
    os.nice(_NICE)
    Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (2 * memory_mb << 20, 2 * memory_mb << 20))


if __name__ == "__main__":
    main(sys.argv[1:])
