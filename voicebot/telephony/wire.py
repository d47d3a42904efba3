"""What a WebSocket from Asterisk needs of the TCP connection under it: prompt acknowledgements, a close that everybody sees, and a probe.

It knows neither calls nor what is said on the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

import structlog
from picows import WSCloseCode, WSTransport

log = structlog.get_logger()
PROBE_S = 1.0
"""A socket is asked each second (RFC 6455, ping); one on which nothing comes in the time of two is taken for lost."""


class Probe:
    """Asks a socket again and again, until the call is `over`, whether Asterisk is still there: one that is half-open never says so by itself."""

    def __init__(self, transport: WSTransport, over: Callable[[], bool] = lambda: False) -> None:
        self._transport = transport
        self._over = over
        self._unanswered = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ask()

    def answered(self) -> None:
        """Something came."""
        self._unanswered = 0

    def end(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _ask(self) -> None:
        if self._over():
            return
        if self._unanswered == 2:
            log.warning("socket does not answer; taken for lost", path=self._transport.request.path.partition(b"?")[0].decode("latin-1"))
            shut(self._transport)
            self._transport.disconnect(graceful=False)  # what is still to be sent would wait for ever
            return
        self._unanswered += 1
        self._transport.send_ping()
        self._timer = asyncio.get_running_loop().call_later(PROBE_S, self._ask)


def acknowledge_now(transport: WSTransport) -> None:
    """Asterisk leaves Nagle's algorithm on: a delayed acknowledgement would hold its next frame back for 40 ms. Not sticky, see tcp(7)."""
    tcp(transport).setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def close(transport: WSTransport) -> None:
    """Say goodbye and close, once."""
    if not transport.is_disconnected:
        transport.send_close(WSCloseCode.OK)
        shut(transport)
        transport.disconnect()


def shut(transport: WSTransport) -> None:
    """End the connection for all who hold a copy of the socket: closing ours alone, Asterisk would wait for ever on the keeper's."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(tcp(transport).fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)


def tcp(transport: WSTransport) -> socket.socket:
    """The socket under `transport`."""
    found: socket.socket = transport.underlying_transport.get_extra_info("socket")
    return found
