"""A private Asterisk, a stand-in for the controller and a bare SIP phone, all on free loopback ports.

The phone writes its SIP by hand on purpose: what the dialplan and PJSIP do is tested from outside, by none of our own code.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import re
import socket
import ssl
import struct
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener, ws_create_server

from voicebot.settings import Pbx, Settings
from voicebot.settings.handover import Handover
from voicebot.telephony.pbx import PrivateAsterisk
from voicebot.telephony.pbx_plan import plan
from voicebot.telephony.secure import served

SILENCE_ULAW = b"\xff" * 160


@dataclass
class Socket(WSListener):
    """One socket that Asterisk opened: where, with which credentials, what came on it."""

    path: str
    authorization: str
    protocol: str
    events: list[dict[str, Any]] = field(default_factory=list)
    transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT and self.path.partition("?")[0] != "/media":
            self.events.append(json.loads(frame.get_payload_as_bytes()))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.transport = None

    @property
    def channel(self) -> str:
        return str(self.named("StasisStart")[0]["channel"]["id"])

    def request(self, method: str, uri: str) -> None:
        assert self.transport is not None
        message = {"type": "RESTRequest", "transaction_id": "t", "request_id": uuid.uuid4().hex, "method": method, "uri": uri}
        self.transport.send(WSMsgType.TEXT, json.dumps(message).encode())

    def named(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


class Controller:
    """Takes every socket and does nothing with it; a test drives it."""

    def __init__(self) -> None:
        self.sockets: list[Socket] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def open(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._server = await ws_create_server(self._accept, "127.0.0.1", port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server:
            self._server.close()
        for each in self.sockets:
            if each.transport:
                each.transport.disconnect()

    def on(self, path: str) -> list[Socket]:
        return [each for each in self.sockets if each.path.partition("?")[0] == path]

    def _accept(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        asked = request.headers.get("Sec-WebSocket-Protocol", "")
        opened = Socket(request.path.decode(), request.headers.get("Authorization", ""), asked)
        self.sockets.append(opened)
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_101_response({"Sec-WebSocket-Protocol": asked}), opened)


class Phone(asyncio.DatagramProtocol):
    """A SIP phone of one call at a time, over UDP, with an RTP socket that sends silence and counts what it hears."""

    def __init__(self, number: str, pbx: tuple[str, int], host: str = "127.0.0.1") -> None:
        self.number, self.host = number, host
        self._pbx = pbx
        self._messages: asyncio.Queue[str] = asyncio.Queue()
        self._call_id, self._tag, self._cseq = uuid.uuid4().hex, uuid.uuid4().hex[:8], 0
        self._to = ""
        self.answers = True
        self.ended = False
        self.rung = False
        self.statuses: list[int] = []
        self.sdp = ""
        self.rtp_heard: list[bytes] = []

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        self.port = self._sip.get_extra_info("sockname")[1]
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp.setblocking(False)
        self._rtp.bind((self.host, 0))
        loop.add_reader(self._rtp, self._hear)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._rtp)
        self._rtp.close()
        self._sip.close()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        text = data.decode()
        if text.startswith("INVITE "):
            self._answer(text)
        elif text.startswith("SIP/2.0"):
            self._messages.put_nowait(text)
        elif not text.startswith("ACK "):
            self._respond(text, "200 OK")
            self.ended = self.ended or text.startswith("BYE ")

    @property
    def _where(self) -> str:
        return f"{self._pbx[0]}:{self._pbx[1]}"

    @property
    def _contact(self) -> str:
        return f"Contact: <sip:{self.number}@{self.host}:{self.port}>"

    async def register(self, password: str) -> int:
        """The final status of a REGISTER, having answered the challenge."""
        uri = f"sip:{self._where}"
        self._request("REGISTER", uri, self._contact)
        challenge = await self._response()
        if _status(challenge) != 401:
            return _status(challenge)
        self._request("REGISTER", uri, self._contact, self._authorization(challenge, password, "REGISTER", uri))
        return _status(await self._response())

    async def invite(self, dialled: str, codecs: str = "0 8 101") -> int:
        """The final status of an INVITE; 200 is acknowledged."""
        uri = f"sip:{dialled}@{self._where}"
        self._request("INVITE", uri, self._contact, "Content-Type: application/sdp", body=self._offer(codecs))
        while (status := _status(answer := await self._response())) < 200:
            self.statuses.append(status)
        self.statuses.append(status)
        self._to = _header(answer, "To")
        self.sdp = answer.partition("\r\n\r\n")[2]
        self._request("ACK", uri, cseq=self._cseq)
        return status

    def bye(self, dialled: str = "100") -> None:
        self._request("BYE", f"sip:{dialled}@{self._where}")

    def bye_to_caller(self) -> None:
        """End a call that this phone answered: the header fields turn round."""
        self._call_id, self._to = self._invited["Call-ID"], self._invited["From"]
        self._request("BYE", f"sip:{self.number}@{self._where}")

    def refer(self, dialled: str, to: str) -> None:
        """Attempt a transfer (RFC 3515)."""
        self._request("REFER", f"sip:{dialled}@{self._where}", self._contact, f"Refer-To: <sip:{to}@127.0.0.1>")

    def heard(self) -> list[str]:
        return [self._messages.get_nowait() for _ in range(self._messages.qsize())]

    def info(self, dialled: str, key: str) -> None:
        self._request("INFO", f"sip:{dialled}@{self._where}", "Content-Type: application/dtmf-relay", body=f"Signal={key}\r\nDuration=160\r\n")

    async def talk(self, for_s: float, loud: bool = False) -> None:
        """Send silence, or the loudest square wave, to where the SDP says, 50 packets a second."""
        sound = b"\x80" * 80 + b"\x00" * 80 if loud else SILENCE_ULAW
        port = int(re.search(r"m=audio (\d+)", self.sdp)[1])  # type: ignore[index]
        for sequence in range(int(for_s * 50)):
            self._rtp.sendto(struct.pack(">BBHII", 0x80, 0, sequence, sequence * 160, 7) + sound, (self._pbx[0], port))
            await asyncio.sleep(0.02)

    def loudest_heard(self, packets: int) -> int:
        """Peak of the last `packets` heard, in µ-law steps away from silence (0–127)."""
        return max((0x7F - (byte & 0x7F) for packet in self.rtp_heard[-packets:] for byte in packet), default=0)

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.rtp_heard.append(self._rtp.recv(2048)[12:])

    def _answer(self, invite: str) -> None:
        self.rung = True
        self._invited = {name: _header(invite, name) for name in ("Call-ID", "From")}
        self._respond(invite, "180 Ringing")
        if self.answers:
            port = int(re.search(r"m=audio (\d+)", invite)[1])  # type: ignore[index]
            self.sdp = f"m=audio {port} RTP/AVP 0"
            self._respond(invite, "200 OK", self._contact, "Content-Type: application/sdp", body=self._offer("0 101"))

    def _offer(self, codecs: str) -> str:
        port = self._rtp.getsockname()[1]
        lines = ("v=0", f"o=- 1 1 IN IP4 {self.host}", "s=-", f"c=IN IP4 {self.host}", "t=0 0", f"m=audio {port} RTP/AVP {codecs}")
        return "".join(line + "\r\n" for line in (*lines, "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000"))

    def _request(self, method: str, uri: str, *extra: str, body: str = "", cseq: int = 0) -> None:
        self._cseq = cseq or self._cseq + 1
        branch = f"z9hG4bK{uuid.uuid4().hex}"
        lines = [f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/UDP {self.host}:{self.port};rport;branch={branch}", "Max-Forwards: 70"]
        lines += [
            f"From: <sip:{self.number}@{self.host}>;tag={self._tag}",
            f"To: {self._to or f'<{uri}>'}" if method != "REGISTER" else f"To: <sip:{self.number}@127.0.0.1>",
        ]
        lines += [f"Call-ID: {self._call_id}", f"CSeq: {self._cseq} {method}", *extra, f"Content-Length: {len(body)}", "", body]
        self._sip.sendto("\r\n".join(lines).encode(), self._pbx)

    def _respond(self, request: str, status: str, *extra: str, body: str = "") -> None:
        kept = [line for line in request.split("\r\n") if re.match(r"(Via|From|Call-ID|CSeq):", line)]
        to = re.search(r"^To: .*$", request, re.M)[0].strip()  # type: ignore[index]
        lines = [f"SIP/2.0 {status}", *kept, to if "tag=" in to else f"{to};tag={self._tag}", *extra, f"Content-Length: {len(body)}", "", body]
        self._sip.sendto("\r\n".join(lines).encode(), self._pbx)

    async def _response(self) -> str:
        async with asyncio.timeout(10):
            while not (text := await self._messages.get()).startswith("SIP/2.0"):
                pass
            return text

    def _authorization(self, challenge: str, password: str, method: str, uri: str) -> str:
        realm, nonce, opaque = (re.search(rf'{name}="([^"]*)"', challenge)[1] for name in ("realm", "nonce", "opaque"))  # type: ignore[index]
        ha1, ha2 = _md5(f"{self.number}:{realm}:{password}"), _md5(f"{method}:{uri}")
        proof = _md5(f"{ha1}:{nonce}:00000001:cafe:auth:{ha2}")
        fields = f'username="{self.number}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{proof}", opaque="{opaque}"'
        return f'Authorization: Digest {fields}, algorithm=MD5, qop=auth, nc=00000001, cnonce="cafe"'


def _status(response: str) -> int:
    return int(response.split(" ", 2)[1])


def _header(message: str, name: str) -> str:
    return re.search(rf"^{name}: (.*)$", message, re.M)[1].strip()  # type: ignore[index]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@dataclass
class Floor:
    """What one test has: the PBX, the controller's stand-in, and phones."""

    pbx: PrivateAsterisk
    controller: Controller
    phones: list[Phone] = field(default_factory=list)
    basic = staticmethod(basic)

    async def phone(self, number: str, host: str = "127.0.0.1") -> Phone:
        phone = Phone(number, (self.pbx.plan.sip_host, self.pbx.sip_port), host)
        await phone.open()
        self.phones.append(phone)
        return phone


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Floor]:
    controller = Controller()
    await controller.open(tls=served(settings.serve))
    floor = Floor(PrivateAsterisk(plan(settings, controller_port=controller.port)), controller)
    try:
        async with floor.pbx:
            yield floor
    finally:
        for phone in floor.phones:
            phone.close()
        controller.close()


@pytest.fixture
def settings(tmp_path: Path, asterisk_tree: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A demo profile on free ports, with a queue that gives up after 4 s."""
    monkeypatch.delenv("VOICEBOT_PBX__TREE", raising=False)
    pbx = Pbx(tree=asterisk_tree, run=tmp_path / "run", sip_port=0, rtp_first=24_000, rtp_last=24_999, anonymous=True)
    return Settings(secrets=tmp_path / "secrets", pbx=pbx, handover=Handover(ring_s=2, max_wait_s=4, nobody="wait"))


@pytest.fixture
def floor(settings: Settings) -> Callable[[], AbstractAsyncContextManager[Floor]]:
    """`async with floor() as it:` runs everything; afterwards nothing of it is left."""
    return lambda: running(settings)


@pytest.fixture
def opened() -> Callable[[Settings], AbstractAsyncContextManager[Floor]]:
    """The same with settings of one's own."""
    return running
