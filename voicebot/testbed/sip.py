"""SIP over UDP: one socket, its client and server transactions with their retransmissions; messages are `sipmessage`'s.

Knows no calls and no audio; starts no task: all is callbacks and timers of the loop.
Sources: RFC 3261 sections 17 and 18, RFC 3581 (where responses go).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping

import structlog
from sipmessage import Message, Request, Response, Via

from voicebot.errors import VoicebotError
from voicebot.testbed.sip_messages import PHRASES, ack_of_refusal, branch, finish, response_to

Address = tuple[str, int]

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, NOTIFY"
T1_S = 0.5
T2_S = 4.0
GIVE_UP_S = 64 * T1_S
_log = structlog.get_logger(__name__)


class PhoneError(VoicebotError):
    """A call or registration of a test phone failed. `status` is the SIP status, 0 when none came."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def token() -> str:
    """A random word for branches, tags, Call-IDs and nonces."""
    return secrets.token_hex(8)


class _Retransmission:
    """Sends the same bytes again after T1, 2·T1, … up to T2, and gives up after 64·T1."""

    def __init__(self, send: Callable[[], None], give_up: Callable[[], None], longest_s: float) -> None:
        self._send, self._longest_s, self._wait_s = send, longest_s, T1_S
        loop = asyncio.get_running_loop()
        self._next = loop.call_later(T1_S, self._again)
        self._end = loop.call_later(GIVE_UP_S, give_up)

    def stop(self) -> None:
        self._next.cancel()
        self._end.cancel()

    def _again(self) -> None:
        self._send()
        self._wait_s = min(2 * self._wait_s, self._longest_s)
        self._next = asyncio.get_running_loop().call_later(self._wait_s, self._again)


class ClientTransaction:
    """A request of ours until its final response, which is a 408 of our own making when none comes (RFC 3261 section 8.1.3.1)."""

    def __init__(self, wire: Wire, request: Request, to: Address, on_response: Callable[[Response], None]) -> None:
        self.request, self.to = request, to
        self.provisional = self.final = False
        self._wire, self._on_response, self._data = wire, on_response, bytes(request)
        self._send()
        self._retransmission = _Retransmission(self._send, self._timed_out, GIVE_UP_S if request.method == "INVITE" else T2_S)

    def received(self, response: Response) -> None:
        """A response with our branch. 2xx to INVITE are passed on each time they come, since each needs its ACK."""
        invite, repeated = self.request.method == "INVITE", self.final
        self.provisional = self.provisional or response.code < 200
        self.final = self.final or response.code >= 200
        if invite or self.final:
            self._retransmission.stop()
        if invite and response.code >= 300:
            self._wire.send(ack_of_refusal(self.request, response), self.to)
        if not repeated or (invite and 200 <= response.code < 300):
            self._on_response(response)

    def stop(self) -> None:
        self._retransmission.stop()

    def _send(self) -> None:
        self._wire.send_bytes(self._data, self.to)

    def _timed_out(self) -> None:
        self._retransmission.stop()
        self.final = True
        self._on_response(response_to(self.request, 408, "Request Timeout (no answer from the other side)"))


class ServerTransaction:
    """A request from the other side. Answers are repeated as often as it is, and final ones to INVITE until they are acknowledged."""

    def __init__(self, wire: Wire, request: Request, source: Address) -> None:
        self.request, self.source = request, source
        self.on_cancel: Callable[[], None] | None = None
        self.on_ack: Callable[[Request], None] | None = None
        self.on_no_ack: Callable[[], None] | None = None
        self._wire, self._data = wire, b""
        self._retransmission: _Retransmission | None = None

    def respond(self, code: int, *, tag: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Answer; `tag` names the dialog in To, `body` is SDP."""
        response = response_to(self.request, code, PHRASES.get(code, "Refused"), tag)
        for name, value in (headers or {}).items():
            response.headers.set(name, value)
        finish(response, body)
        self._data = bytes(response)
        self.repeat()
        if self.request.method == "INVITE" and code >= 200:
            self._retransmission = _Retransmission(self.repeat, self._gave_up, T2_S)

    def repeat(self) -> None:
        """Send the last answer again, if there was one."""
        if self._data:
            self._wire.send_bytes(self._data, self.source)

    def acknowledged(self, ack: Request) -> None:
        """The ACK came: once is enough."""
        if self._retransmission is not None:
            self._retransmission.stop()
            self._retransmission = None
            if self.on_ack:
                self.on_ack(ack)

    def stop(self) -> None:
        if self._retransmission is not None:
            self._retransmission.stop()

    def _gave_up(self) -> None:
        self.stop()
        if self.on_no_ack:
            self.on_no_ack()


class Wire(asyncio.DatagramProtocol):
    """The UDP socket of one phone. `on_request` gets each new request except ACK and CANCEL, which belong to their INVITE."""

    def __init__(self, on_request: Callable[[ServerTransaction], None]) -> None:
        self.host, self.port = "", 0
        self.malformed = 0
        """Datagrams that are no SIP message: dropped and logged."""
        self._on_request = on_request
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._servers: dict[tuple[str, str], ServerTransaction] = {}
        self._invites: dict[tuple[str, int], ServerTransaction] = {}
        self._forgetting: set[asyncio.TimerHandle] = set()
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, host: str, port: int = 0) -> None:
        """Bind. Raises PhoneError naming the port when it is taken."""
        try:
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(host, port))
        except OSError as error:
            raise PhoneError(f"SIP port {host}:{port} cannot be opened: {error.strerror}") from None
        self.host, self.port = self._transport.get_extra_info("sockname")[:2]

    def close(self) -> None:
        """Close the socket and stop every timer."""
        transactions: list[ClientTransaction | ServerTransaction] = [*self._clients.values(), *self._servers.values()]
        for transaction in transactions:
            transaction.stop()
        for handle in self._forgetting:
            handle.cancel()
        if self._transport is not None:
            self._transport.close()

    def request(self, request: Request, to: Address, on_response: Callable[[Response], None]) -> ClientTransaction:
        """Send `request` (Via and Content-Length are filled in) until it is answered."""
        if not request.headers.getlist("Via"):
            request.via = [self.via()]
        finish(request, request.body)
        key = (branch(request), request.method)
        self._clients[key] = transaction = ClientTransaction(self, request, to, on_response)
        return transaction

    def via(self) -> Via:
        """A new Via header of ours, with a branch never used before."""
        return Via.parse(f"SIP/2.0/UDP {self.host}:{self.port};rport;branch=z9hG4bK{token()}")

    def send(self, message: Request, to: Address) -> None:
        """Send once, outside any transaction (an ACK)."""
        self.send_bytes(bytes(message), to)

    def send_bytes(self, data: bytes, to: Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, to)

    def datagram_received(self, data: bytes, source: Address) -> None:
        if not data.strip(b"\r\n\0"):
            return  # a keep-alive
        try:
            message = Message.parse(data)
            key, number = (branch(message), message.cseq.method), message.cseq.sequence
            _ = message.call_id, message.from_address, message.to_address, message.contact
        except (ValueError, KeyError, IndexError, TypeError) as error:
            self.malformed += 1
            _log.warning("datagram is no SIP message", fault=str(error))
            return
        if isinstance(message, Response):
            self._response_received(key, message)
        else:
            self._request_received(key, number, message, source)

    def _response_received(self, key: tuple[str, str], response: Response) -> None:
        transaction = self._clients.get(key)
        if transaction is None:
            return
        transaction.received(response)
        if transaction.final:
            self._later(lambda: self._clients.pop(key, None))

    def _request_received(self, key: tuple[str, str], number: int, request: Request, source: Address) -> None:
        if request.method == "ACK":
            if invite := self._invites.get((request.call_id, number)):
                invite.acknowledged(request)
        elif known := self._servers.get(key):
            known.repeat()
        else:
            self._new_request(key, number, request, source)

    def _new_request(self, key: tuple[str, str], number: int, request: Request, source: Address) -> None:
        transaction = self._servers[key] = ServerTransaction(self, request, source)
        self._later(lambda: self._servers.pop(key, None))
        if request.method == "CANCEL":
            self._cancel(transaction, self._servers.get((key[0], "INVITE")))
            return
        if request.method == "INVITE":
            self._invites[request.call_id, number] = transaction
            self._later(lambda: self._invites.pop((request.call_id, number), None))
        self._on_request(transaction)

    def _cancel(self, cancel: ServerTransaction, invite: ServerTransaction | None) -> None:
        cancel.respond(200 if invite else 481, tag=token())
        if invite and invite.on_cancel:
            invite.on_cancel()

    def _later(self, forget: Callable[[], object]) -> None:
        """A transaction lives on for repeats of its messages."""

        def fire() -> None:
            self._forgetting.discard(handle)
            forget()

        handle = asyncio.get_running_loop().call_later(GIVE_UP_S, fire)
        self._forgetting.add(handle)
