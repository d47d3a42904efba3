"""The one port of the controller: control and media sockets from Asterisk, /healthz and /metrics for those who watch, pauses from the desk.

It checks credentials and hands each socket on; it knows nothing of calls. Everything else on the port is refused.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import structlog
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from voicebot.errors import AriError, MediaError, VoicebotError
from voicebot.telephony.ari import Ari, Event, StasisEnd
from voicebot.telephony.media import MediaLink
from voicebot.telephony.wire import Probe, acknowledge_now, close, tcp

log = structlog.get_logger()
EVENTS_MAX = 10_000
NO_NEW_CALLS = frozenset({b"starting\n", b"draining\n"})
"""What /healthz says with status 404: a load balancer then sends no new sockets and leaves those that are here (HAProxy's disable-on-404)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What Asterisk presents when it opens a socket."""

    name: str
    secret: str

    def match(self, header: str) -> bool:
        """Whether an Authorization header carries these credentials (RFC 7617), compared in constant time."""
        expected = "Basic " + base64.b64encode(f"{self.name}:{self.secret}".encode()).decode()
        return hmac.compare_digest(expected.encode(), header.encode())


class ControlLink:
    """One control socket: requests through `ari`, events in order from `next`."""

    def __init__(self, transport: WSTransport) -> None:
        self.left: set[str] = set()
        """Channels that have left the application."""
        self.over = False
        """Nothing more is to be sent. Asterisk 22.10.1 closes the socket of a call 3 s after its end; what it reads between its CLOSE and ours, be it
        a ping, makes its thread wait for ever on a socket that it takes for closed."""
        self.dropped = 0
        self._transport = transport
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self.ari = Ari(lambda text: transport.send(WSMsgType.TEXT, text))

    async def next(self) -> Event:
        """The next event. Raises AriError when the socket is closed."""
        event = await self._events.get()
        if event is None:
            self._events.put_nowait(None)
            raise AriError("Asterisk closed the control connection")
        return event

    def receive(self, text: bytes) -> None:
        event = self.ari.receive(text)
        if isinstance(event, StasisEnd):
            self.left.add(event.channel.id)
        if event is not None and self._events.qsize() < EVENTS_MAX:
            self._events.put_nowait(event)
        elif event is not None:
            if not self.dropped:
                log.error("events of Asterisk are dropped: too many wait on one control socket", waiting=EVENTS_MAX)
            self.dropped += 1

    def lose(self) -> None:
        self.ari.lose()
        self._events.put_nowait(None)

    def close(self) -> None:
        close(self._transport)


class _ControlSocket(WSListener):
    def __init__(self, on_link: Callable[[ControlLink], None], hold: Callable[[int], None]) -> None:
        self._on_link = on_link
        self._hold = hold
        self._link: ControlLink | None = None
        self._probe: Probe | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._hold(tcp(transport).fileno())
        self._link = link = ControlLink(transport)
        self._on_link(link)
        self._probe = Probe(transport, lambda: link.over)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        acknowledge_now(transport)
        if self._probe:
            self._probe.answered()
        if frame.msg_type == WSMsgType.TEXT and self._link:
            try:
                self._link.receive(frame.get_payload_as_bytes())
            except AriError as error:
                log.warning("control message refused", error=str(error))
        elif frame.msg_type == WSMsgType.CLOSE:
            close(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._probe:
            self._probe.end()
        if self._link:
            self._link.lose()


class _MediaSocket(WSListener):
    def __init__(self, link: MediaLink) -> None:
        self._link = link
        self._transport: WSTransport | None = None
        self._probe: Probe | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._probe = Probe(transport)
        self._link.connect(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        acknowledge_now(transport)
        if self._probe:
            self._probe.answered()
        if frame.msg_type == WSMsgType.BINARY:
            self._link.receive_audio(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.TEXT:
            try:
                self._link.receive_text(frame.get_payload_as_bytes())
            except MediaError as error:
                log.warning("media message refused", error=str(error))
        elif frame.msg_type == WSMsgType.CLOSE:
            self.close()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._probe:
            self._probe.end()
        self._transport = None
        self._link.disconnect()

    def send_text(self, text: bytes) -> None:
        if self._transport:
            self._transport.send(WSMsgType.TEXT, text)

    def send_audio(self, pcm: bytes) -> None:
        if self._transport:
            self._transport.send(WSMsgType.BINARY, pcm)

    def close(self) -> None:
        if self._transport:
            close(self._transport)


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the rest of the controller does with what arrives."""

    on_call: Callable[[ControlLink], None]
    on_floor: Callable[[ControlLink], None]
    hold: Callable[[int], None]
    """Told the file descriptor of each control socket (see telephony.keeper)."""
    media: Callable[[str], MediaLink | None]
    """Gives the link that waits for a media socket with this token, once."""
    health: Callable[[], tuple[bool, bytes]]
    metrics: Callable[[], bytes]
    desk: Mapping[str, Callable[[dict[str, list[str]]], bool]] = field(default_factory=dict)
    """What the desk may ask for, by path: pauses, supervision (see the modules of these names). False when this controller cannot do it."""


class Server:
    """Listens on one port, with `tls` by TLS alone. Port 0 takes a free one; `port` then tells which."""

    def __init__(self, host: str, port: int, credentials: Credentials, handlers: Handlers, tls: ssl.SSLContext | None = None) -> None:
        self._host = host
        self._wanted = port
        self._credentials = credentials
        self._handlers = handlers
        self._tls = tls
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        if self._server is None:
            raise VoicebotError("the controller's port is not open yet")
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Server:
        check_port(self._host, self._wanted)
        # picows' own TLS (aiofastnet 1.2.0) hands the loop a malformed error whenever somebody's handshake fails, as a port scanner's does.
        fast = None if self._tls is None else False
        self._server = await ws_create_server(self._accept, self._host, self._wanted, ssl=self._tls, use_aiofastnet=fast)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.refuse()

    def refuse(self) -> None:
        """Take no new socket from now on; those that are up stay."""
        if self._server:
            self._server.close()

    def _accept(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        target = urlsplit(request.path.decode("latin-1"))
        if target.path == "/healthz":
            well, body = self._handlers.health()
            fault = HTTPStatus.NOT_FOUND if body in NO_NEW_CALLS else HTTPStatus.SERVICE_UNAVAILABLE
            return _answered(WSUpgradeResponse.create_ok_response(body) if well else _refusal(fault, body))
        if target.path == "/metrics":
            return _answered(WSUpgradeResponse.create_ok_response(self._handlers.metrics()))
        if not self._credentials.match(request.headers.get("Authorization", "")):
            log.warning("socket refused", path=target.path, why="credentials")
            return _answered(_refusal(HTTPStatus.UNAUTHORIZED, b"credentials\n"))
        if asked := self._handlers.desk.get(target.path):
            taken = asked(parse_qs(target.query))
            return _answered(WSUpgradeResponse.create_ok_response(b"taken\n") if taken else _refusal(HTTPStatus.SERVICE_UNAVAILABLE, b"not here\n"))
        return self._socket(target.path, parse_qs(target.query)) or _answered(_refusal(HTTPStatus.NOT_FOUND, b"not here\n"))

    def _socket(self, path: str, query: dict[str, list[str]]) -> WSListener | WSUpgradeResponseWithListener | None:
        extra = {"Sec-WebSocket-Protocol": "ari"}
        if on_link := {"/ari": self._handlers.on_call, "/floor": self._handlers.on_floor}.get(path):
            return WSUpgradeResponseWithListener(WSUpgradeResponse.create_101_response(extra), _ControlSocket(on_link, self._handlers.hold))
        if path == "/media" and (link := self._handlers.media(query.get("token", [""])[0])):
            extra = {"Sec-WebSocket-Protocol": "media"}
            return WSUpgradeResponseWithListener(WSUpgradeResponse.create_101_response(extra), _MediaSocket(link))
        return None


def check_port(host: str, port: int) -> None:
    """Raise VoicebotError when the controller could not listen there; a start that takes a minute should not end with it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            what = f"the controller cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}"
            raise VoicebotError(f"{what}; set [serve] port to a free one or stop what uses it") from None


def _refusal(status: HTTPStatus, body: bytes) -> WSUpgradeResponse:
    response: WSUpgradeResponse = WSUpgradeResponse.create_error_response(status, body)
    return response


def _answered(response: WSUpgradeResponse) -> WSUpgradeResponseWithListener:
    return WSUpgradeResponseWithListener(response, None)
