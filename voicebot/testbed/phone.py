"""A SIP phone in the process: registers, places and takes real calls with real audio. Many calls may share one phone.

Everything it starts ends with its `async with` block. It speaks UDP only and never forwards a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog
from sipmessage import URI, Parameters, Response
from sipmessage import Address as NameAddress

from voicebot.testbed import rtp, sdp
from voicebot.testbed.call import Call, State
from voicebot.testbed.dialog import Account, Dialog
from voicebot.testbed.g711 import Codec
from voicebot.testbed.sip import ALLOW, Address, PhoneError, ServerTransaction, Wire, token

_RETRY_S = 5.0
_log = structlog.get_logger(__name__)


class Phone:
    """One SIP socket; made by `Phone.open`."""

    def __init__(self, server: Address, codecs: tuple[Codec, ...], account: Account | None, *, host: str, events: bool) -> None:
        self.server, self.codecs, self.account, self.host, self.events = server, codecs, account, host, events
        self.calls: dict[str, Call] = {}
        """Calls not ended yet, by our tag."""
        self.wire = Wire(self._requested)
        self._ringing: asyncio.Queue[Call] = asyncio.Queue()
        self._registration: Dialog | None = None
        self._refresh: asyncio.TimerHandle | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        server: Address = ("127.0.0.1", 5060),
        codecs: tuple[Codec, ...] = ("PCMU", "PCMA"),
        account: Account | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        events: bool = True,
    ) -> AsyncIterator[Phone]:
        """A phone at `host`:`port` (0: any free one) that dials through `server`. `codecs`, best first; `events`: keys may be
        pressed as telephone-events (without them a PBX listens for in-band tones). At the end it hangs up and unregisters. Raises PhoneError.
        """
        phone = cls(server, codecs, account, host=host, events=events)
        await phone.wire.open(host, port)
        try:
            yield phone
        finally:
            await phone._close()

    @asynccontextmanager
    async def dial(self, number: str, ani: str = "", headers: Mapping[str, str] | None = None) -> AsyncIterator[Call]:
        """Call `number` (or a whole sip: URI), showing `ani`; yields at once, so await `call.wait_answered()`. Leaving the block hangs up."""
        name = ani or (self.account.name if self.account else "anonymous")
        target = URI.parse(number) if number.startswith("sip:") else self._at_server(number)
        peer = (target.host, target.port or 5060) if number.startswith("sip:") else self.server
        call = self._call(self._at_server(name), NameAddress(target), target, peer)
        call.place(dict(headers or {}))
        try:
            yield call
        finally:
            await call.hang_up()

    async def ring(self, timeout_s: float | None = None) -> Call:
        """The next call that rings here and has not been given up. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while (call := await self._ringing.get()).state is not State.RINGING:
                pass
        return call

    async def register(self, expires_s: int = 300) -> None:
        """Tell the server where we are, and keep it told. Raises PhoneError with the SIP status if it refuses."""
        if self.account is None:
            raise PhoneError("register needs an account: give Phone.open one")
        me = self._at_server(self.account.name)
        registrar = URI.parse(f"sip:{self.server[0]}:{self.server[1]}")
        self._registration = Dialog(self.wire, self.server, _tagged(me, token()), NameAddress(me), target=registrar, account=self.account)
        response = await self._registration.ask("REGISTER", headers={"Expires": str(expires_s)})
        if response.code >= 300:
            raise PhoneError(f"registration of {self.account.name} refused: {response.code} {response.phrase}", response.code)
        self._refresh_after(expires_s / 2, expires_s)

    def _refresh_after(self, wait_s: float, expires_s: int) -> None:
        self._refresh = asyncio.get_running_loop().call_later(wait_s, self._register_again, expires_s)

    def _register_again(self, expires_s: int) -> None:
        def answered(response: Response) -> None:
            if response.code >= 300:
                _log.warning("registration not renewed, trying again", status=response.code)
            if response.code >= 200:
                self._refresh_after(expires_s / 2 if response.code < 300 else _RETRY_S, expires_s)

        if self._registration is not None:
            self._registration.send(self._registration.request("REGISTER", headers={"Expires": str(expires_s)}), answered)

    async def _close(self) -> None:
        if self._refresh is not None:
            self._refresh.cancel()
        try:
            async with asyncio.TaskGroup() as farewells:
                for call in self.calls.values():
                    farewells.create_task(call.hang_up())
            if self._registration is not None:
                await self._unregister(self._registration)
        finally:
            for call in tuple(self.calls.values()):
                call.end("here")
            self.wire.close()

    async def _unregister(self, registration: Dialog) -> None:
        try:
            async with asyncio.timeout(2.0):
                await registration.ask("REGISTER", headers={"Expires": "0"})
        except TimeoutError:
            _log.warning("server did not answer the end of registration")

    def _requested(self, transaction: ServerTransaction) -> None:
        """Every new request but ACK and CANCEL."""
        request = transaction.request
        tag = request.to_address.parameters.get("tag")
        if tag is not None:
            call = self.calls.get(tag)
            if call is not None:
                call.requested(transaction)
            else:
                transaction.respond(481)
        elif request.method == "INVITE":
            self._ring(transaction)
        else:
            transaction.respond(200 if request.method in {"OPTIONS", "NOTIFY"} else 405, tag=token(), headers={"Allow": ALLOW})

    def _ring(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if not request.contact:
            transaction.respond(400, tag=token())
            return
        call = self._call(request.to_address.uri, request.from_address, request.contact[0].uri, transaction.source, request.call_id)
        call.dialog.route = tuple(request.headers.getlist("Record-Route"))
        call.ring(transaction)
        self._ringing.put_nowait(call)

    def _call(self, me: URI, remote: NameAddress, target: URI, peer: Address, call_id: str = "") -> Call:
        tag = token()
        dialog = Dialog(self.wire, peer, _tagged(me, tag), remote, target=target, account=self.account, call_id=call_id)
        stream = rtp.Stream(self.host)
        media = sdp.Media(self.host, stream.port, self.codecs, sdp.EVENT_TYPE if self.events else None)
        call = self.calls[tag] = Call(dialog, stream, media, lambda: self._forget(tag))
        return call

    def _forget(self, tag: str) -> None:
        self.calls.pop(tag, None)

    def _at_server(self, name: str) -> URI:
        return URI(scheme="sip", user=name, host=self.server[0], port=self.server[1])


def _tagged(uri: URI, tag: str) -> NameAddress:
    return NameAddress(uri, parameters=Parameters(tag=tag))
