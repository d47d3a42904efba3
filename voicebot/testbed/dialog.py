"""One SIP dialog (or registration): its addresses, sequence numbers and routes, and the second try with a password when one is asked for.

Knows no audio and no states of a call. Sources: RFC 3261 section 12 (dialogs) and 22 (authentication), RFC 7616 (digest).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sipmessage import URI, AuthChallenge, AuthCredentials, AuthParameters, CSeq, Request, Response
from sipmessage import Address as NameAddress

from voicebot.testbed.sip import ALLOW, Address, ClientTransaction, Wire, token

_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}
_CHALLENGES = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


@dataclass(frozen=True, slots=True)
class Account:
    """What a phone registers and proves itself with."""

    name: str
    password: str


def credentials(challenge: AuthChallenge, account: Account, method: str, uri: str, cnonce: str | None = None) -> AuthCredentials:
    """The answer to a digest challenge, with qop=auth where offered. Raises KeyError for an algorithm other than MD5 and SHA-256."""
    given = challenge.parameters
    algorithm = given.get("algorithm", "MD5")
    hashed = _HASHES[algorithm.upper()]
    first = hashed(f"{account.name}:{given['realm']}:{account.password}".encode())
    second = hashed(f"{method}:{uri}".encode())
    answer = {"username": account.name, "realm": given["realm"], "nonce": given["nonce"], "uri": uri, "algorithm": algorithm}
    if "auth" in given.get("qop", "").replace(" ", "").split(","):
        answer |= {"qop": "auth", "nc": "00000001", "cnonce": cnonce or token()}
        proof = f"{first}:{given['nonce']}:00000001:{answer['cnonce']}:auth:{second}"
    else:
        proof = f"{first}:{given['nonce']}:{second}"
    answer["response"] = hashed(proof.encode())
    if "opaque" in given:
        answer["opaque"] = given["opaque"]
    return AuthCredentials(challenge.scheme, AuthParameters(**answer))


class Dialog:
    """Makes and sends our requests. Set `remote`, `target` and `route` from the answer that establishes it."""

    def __init__(
        self, wire: Wire, peer: Address, local: NameAddress, remote: NameAddress, *, target: URI, account: Account | None = None, call_id: str = ""
    ) -> None:
        self.peer, self.local, self.remote, self.target = peer, local, remote, target
        self.call_id = call_id or token()
        self.route: tuple[str, ...] = ()
        self.invite: ClientTransaction | None = None
        """The newest INVITE of ours."""
        self._wire, self._account, self._sequence, self._cancelled = wire, account, 0, False

    @property
    def tag(self) -> str:
        """Our tag, which names this dialog on our side."""
        return str(self.local.parameters["tag"])

    @property
    def contact(self) -> str:
        """Our Contact header."""
        return f"<sip:{self.local.uri.user}@{self._wire.host}:{self._wire.port}>"

    def request(self, method: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Request:
        """A new request of this dialog, next in sequence."""
        self._sequence += 1
        return self._filled(Request(method, self.target, body), self._sequence, headers or {})

    def send(self, request: Request, on_response: Callable[[Response], None]) -> None:
        """Send `request`; a challenge is answered once, everything else goes to `on_response`."""

        def answered(response: Response) -> None:
            again = self._with_password(request, response)
            if again is None:
                on_response(response)
            else:
                self._transmit(again, on_response)

        self._transmit(request, answered)

    def establish(self, response: Response) -> None:
        """Take tag, target and routes from the 2xx to our INVITE. Source: RFC 3261 section 12.1.2."""
        self.remote = response.to_address
        self.target = response.contact[0].uri if response.contact else self.target
        self.route = tuple(reversed(response.headers.getlist("Record-Route")))

    async def ask(self, method: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Response:
        """Send a request and wait for its final response (408 if there is none); a 2xx to INVITE is acknowledged."""
        final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def answered(response: Response) -> None:
            if method == "INVITE" and 200 <= response.code < 300:
                self.ack(response)
            if response.code >= 200 and not final.done():
                final.set_result(response)

        self.send(self.request(method, body, headers), answered)
        return await final

    def ack(self, response: Response, body: bytes = b"") -> None:
        """Acknowledge a 2xx to our INVITE."""
        ack = self._filled(Request("ACK", self.target, body), response.cseq.sequence, {})
        ack.via = [self._wire.via()]
        ack.headers.set("Content-Length", str(len(body)))
        self._wire.send(ack, self.peer)

    def cancel(self) -> None:
        """Cancel our INVITE; its own final response (487) tells how that went."""
        if self.invite is None or self._cancelled:
            return
        self._cancelled = True
        invite, cancel = self.invite.request, Request("CANCEL", self.invite.request.uri)
        cancel.via = invite.via[:1]
        for name in ("From", "To", "Call-ID", "Max-Forwards", "Route"):
            if values := invite.headers.getlist(name):
                cancel.headers.setlist(name, list(values))
        cancel.cseq = CSeq(invite.cseq.sequence, "CANCEL")
        self._wire.request(cancel, self.peer, lambda response: None)

    def _filled(self, request: Request, sequence: int, headers: Mapping[str, str]) -> Request:
        if self.route:
            request.headers.setlist("Route", list(self.route))
        request.headers.set("Max-Forwards", "70")
        request.from_address, request.to_address = self.local, self.remote
        request.call_id, request.cseq = self.call_id, CSeq(sequence, request.method)
        request.headers.set("Contact", self.contact)
        request.headers.set("Allow", ALLOW)
        for name, value in headers.items():
            request.headers.set(name, value)
        return request

    def _transmit(self, request: Request, on_response: Callable[[Response], None]) -> None:
        transaction = self._wire.request(request, self.peer, on_response)
        if request.method == "INVITE":
            self.invite = transaction

    def _with_password(self, request: Request, response: Response) -> Request | None:
        asked, proven = _CHALLENGES.get(response.code, ("", ""))
        usable = [challenge for challenge in map(_challenge, response.headers.getlist(asked)) if challenge]
        if self._account is None or not usable:
            return None
        again = self.request(request.method, request.body)
        for name in request.headers.keys():  # noqa: SIM118 - Headers is no mapping
            if name not in {"Via", "CSeq"}:
                again.headers.setlist(name, request.headers.getlist(name))
        again.headers.set(proven, str(credentials(usable[0], self._account, request.method, str(request.uri))))
        return again


def _challenge(value: str) -> AuthChallenge | None:
    """A digest challenge that can be answered, or None."""
    with contextlib.suppress(ValueError):
        challenge = AuthChallenge.parse(value)
        given = challenge.parameters
        if {"realm", "nonce"} <= set(given) and given.get("algorithm", "MD5").upper() in _HASHES:
            return challenge
    return None
