"""The inside of a worker process, and the words spoken with it: messages in, replies out, over a socket inherited from the parent.

One thread, low priority. It writes nothing it hears anywhere, and ends when the parent does.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Protocol, cast

import msgspec

from voicebot.errors import EngineError

_NICE = 10
_PR_SET_PDEATHSIG = 1  # prctl(2): the kernel ends this process when its parent is gone, even inside a native call


class Message(msgspec.Struct, array_like=True, frozen=True):
    """What a worker is asked. `pcm` (16 kHz) ends at `end_ms` of the stream's audio. A ping asks for nothing but a sign of life."""

    stream: int
    verb: Literal["feed", "settle", "drop", "reset", "ping"]
    pcm: bytes = b""
    end_ms: int = 0


class Reply(msgspec.Struct, array_like=True, frozen=True):
    """What a worker answers. `handled` counts in `value` the messages done since the last one; `failed` gives the reason in `text`."""

    stream: int
    verb: Literal["ready", "handled", "transcript", "probability", "failed"]
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
    """Remove and return the contents of all whole frames at the head of `buffer`; a last partial one stays."""
    contents, at = [], 0
    while len(buffer) >= at + 4 and len(buffer) >= (end := at + 4 + int.from_bytes(buffer[at : at + 4], "big")):
        contents.append(bytes(buffer[at + 4 : end]))
        at = end
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
    """`python -m voicebot.speech.serving FD MODULE:CALLABLE JSON`: make the engine and serve it on the inherited socket."""
    descriptor, factory, keywords = arguments
    prctl: Any = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent ends its workers itself
    os.nice(_NICE)
    with socket.socket(fileno=int(descriptor)) as link:
        try:
            serve(link, make(factory, json.loads(keywords)))
        except EngineError as error:
            link.sendall(frame(Reply(0, "failed", text=str(error))))
            raise SystemExit(1) from None
        except (BrokenPipeError, ConnectionResetError):
            return  # the parent is gone


def make(factory: str, arguments: dict[str, Any]) -> Engine:
    """Call "module:callable" with `arguments`."""
    module, name = factory.split(":")
    return cast(Engine, getattr(importlib.import_module(module), name)(**arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
