"""A TCP relay between Asterisk and the controller that breaks the network on demand: cut, half-open, slow, refused, black-holed, talking nonsense.

Connections are told apart by the path they ask for (`/ari`, `/media`, `/floor`). It reads no further than the first line and changes no byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal, cast

HOST = "127.0.0.1"
LONGEST_LINE = 8_192
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends RST instead of FIN (socket(7))."""
GARBAGE = b"HTTP/1.1 999 Nonsense\r\nContent-Length: -7\r\nUpgrade: \xff\xfe\r\n\r\n\x00\x01\x02"
Greets = Literal["relays", "silent", "garbage"]


@dataclass(frozen=True, slots=True)
class Slow:
    """Bytes of each direction are held for `delay_s` and up to `jitter_s` more; their order is kept."""

    delay_s: float
    jitter_s: float = 0.0


class Flow:
    """One connection through the relay: Asterisk's side, and once it is made the controller's."""

    def __init__(self, relay: Relay) -> None:
        self.kind = ""
        self.relay = relay
        self.stalled = False
        """Half-open: nothing passes any more, not even that one side is gone."""
        self.asterisk = _Side(self)
        self.controller = _Side(self)

    @property
    def alive(self) -> bool:
        return self.asterisk.open or self.controller.open

    def cut(self, *, reset: bool) -> None:
        """End it towards both sides."""
        for side in (self.asterisk, self.controller):
            side.end(reset)

    def other(self, side: _Side) -> _Side:
        return self.controller if side is self.asterisk else self.asterisk


class _Side(asyncio.Protocol):
    def __init__(self, flow: Flow) -> None:
        self.open = False
        self.waiting = b""
        """What is to go out here once this side is connected."""
        self._flow = flow
        self._transport: asyncio.Transport | None = None
        self._late: deque[tuple[float, Callable[[], None]]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.open = cast(asyncio.Transport, transport), True
        _socket(self._transport).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._flow.relay.made(self._flow, self)

    def data_received(self, data: bytes) -> None:
        self._flow.relay.received(self._flow, self, data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.open = False
        if not self._flow.stalled:
            other = self._flow.other(self)
            other.in_turn(lambda: other.end(reset=False))

    def write(self, data: bytes) -> None:
        if self._transport is not None and self.open and not self._flow.stalled:
            self._transport.write(data)

    def end(self, reset: bool) -> None:
        if self._transport is None or not self.open:
            return
        if reset:
            _socket(self._transport).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._transport.abort()
        else:
            self._transport.close()

    def in_turn(self, act: Callable[[], None]) -> None:
        """Do it to this side once all before it is done and the connection's delay is over."""
        slow = self._flow.relay.slow.get(self._flow.kind)
        if slow is None and not self._late:
            act()
            return
        delay_s = slow.delay_s + random.uniform(0, slow.jitter_s) if slow else 0.0
        self._late.append((asyncio.get_running_loop().time() + delay_s, act))
        if len(self._late) == 1:
            self._arm()

    def _arm(self) -> None:
        asyncio.get_running_loop().call_at(self._late[0][0], self._do_next)

    def _do_next(self) -> None:
        self._late.popleft()[1]()
        if self._late:
            self._arm()


class Relay:
    """Listens on a free loopback port and passes on to `port`. Made by `Relay.open`."""

    def __init__(self, port: int, scope: asyncio.TaskGroup) -> None:
        self.upstream_port = port
        self.port = 0
        self.greets: Greets = "relays"
        """What a new connection meets: the controller, nobody, or somebody who talks nonsense."""
        self.slow: dict[str, Slow] = {}
        """By path; holds for connections that are up, too."""
        self._scope = scope
        self._flows: list[Flow] = []
        self._listener: asyncio.Server | None = None
        self._hole: list[socket.socket] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, port: int) -> AsyncIterator[Relay]:
        """Relay to `port` of this machine until the block is left."""
        async with asyncio.TaskGroup() as scope:
            relay = cls(port, scope)
            await relay.listen()
            try:
                yield relay
            finally:
                await relay._end()

    def flows(self, kind: str) -> list[Flow]:
        """The live connections that asked for `kind`, oldest first."""
        self._flows = [flow for flow in self._flows if flow.alive]
        return [flow for flow in self._flows if flow.kind == kind]

    async def listen(self) -> None:
        """Take connections (again), on the same port."""
        self.shut()
        self._listener = await asyncio.get_running_loop().create_server(lambda: Flow(self).asterisk, HOST, self.port, reuse_address=True)
        self.port = self._listener.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Refuse new connections; those that are up stay."""
        for each in self._hole:
            each.close()
        self._hole = []
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def swallow(self) -> None:
        """Answer no SYN: a listener that accepts nothing and whose backlog is full drops them (listen(2), Linux)."""
        self.shut()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, self.port))
        listener.listen(0)
        self._hole = [listener]
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((HOST, self.port))
            self._hole.append(filler)

    async def _end(self) -> None:
        self.shut()
        for flow in self._flows:
            flow.cut(reset=True)
        await asyncio.sleep(0)  # sockets are closed by the loop's next turn

    def made(self, flow: Flow, side: _Side) -> None:
        if side is flow.controller:
            side.write(side.waiting)
            if not flow.asterisk.open:
                side.end(reset=False)
            return
        self._flows.append(flow)
        if self.greets == "garbage":
            side.write(GARBAGE)
            side.end(reset=False)

    def received(self, flow: Flow, side: _Side, data: bytes) -> None:
        other = flow.other(side)
        if other.open:
            other.in_turn(lambda: other.write(data))
        elif self.greets == "relays":
            other.waiting += data
            if not flow.kind and (kind := path(other.waiting)):
                flow.kind = kind
                self._scope.create_task(self._connect(flow))

    async def _connect(self, flow: Flow) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: flow.controller, HOST, self.upstream_port)
        except OSError:
            flow.cut(reset=True)


def path(request: bytes) -> str:
    """The path that a request line asks for, without its query; empty while the line is not whole, `?` when it is no request line."""
    line, end, _ = request.partition(b"\r\n")
    if not end and len(line) < LONGEST_LINE:
        return ""
    words = line.decode("latin-1").split(" ")
    return words[1].partition("?")[0] if len(words) == 3 and words[1].startswith("/") else "?"


def _socket(transport: asyncio.Transport) -> socket.socket:
    found: socket.socket = transport.get_extra_info("socket")
    return found
