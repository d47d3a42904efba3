"""The controller's port: credentials checked, media let in once by token, health and metrics told, all else refused."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import select
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from picows.common import WSHandshakeError
from structlog.testing import capture_logs

from voicebot.errors import AriError, VoicebotError
from voicebot.settings import Serve
from voicebot.telephony import server, wire
from voicebot.telephony.ari import StasisStart
from voicebot.telephony.media import Frame, MediaLink
from voicebot.telephony.secure import asking, served
from voicebot.telephony.server import ControlLink, Credentials, Handlers, Server
from voicebot.testbed.certificates import PROGRAM, Certificates, certificates
from voicebot.up import health
from voicebot.values import FRAME_BYTES

Run = Callable[[object], object]
needs_openssl = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="needs openssl: apt-get install openssl")
GOOD = {"Authorization": "Basic " + base64.b64encode(b"voicebot:secret").decode()}


class Asterisk(WSListener):
    """The other end of a socket."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.audio = bytearray()
        self.closed = asyncio.Event()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.texts.append(frame.get_payload_as_utf8_text())
        elif frame.msg_type == WSMsgType.BINARY:
            self.audio += frame.get_payload_as_bytes()
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.closed.set()


class Bench:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.calls: list[ControlLink] = []
        self.floors: list[ControlLink] = []
        self.frames: list[Frame] = []
        self.waiting: dict[str, MediaLink] = {}
        self.well = True
        self.why = b"why\n"
        self.held: list[int] = []
        handlers = Handlers(
            self.calls.append,
            self.floors.append,
            self.held.append,
            lambda token: self.waiting.pop(token, None),
            lambda: (self.well, self.why),
            lambda: b"calls 1\n",
        )
        self.server = Server("127.0.0.1", 0, Credentials("voicebot", "secret"), handlers, tls)

    async def connect(self, path: str, headers: dict[str, str], *, answers_pings: bool = True) -> tuple[WSTransport, Asterisk]:
        url = f"ws://127.0.0.1:{self.server.port}{path}"
        transport, listener = await ws_connect(Asterisk, url, extra_headers=headers, enable_auto_pong=answers_pings)
        assert isinstance(listener, Asterisk)
        return transport, listener

    async def dial(self, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A socket whose other end reads and never answers."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {GOOD['Authorization']}\r\n{upgrade}\r\n".encode())
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        return reader, writer


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    found = Bench()
    async with found.server:
        yield found
        await asyncio.sleep(0.02)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(2):
        while not condition():
            await asyncio.sleep(0.005)


async def get(port: int, path: str) -> tuple[str, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    answer = (await asyncio.wait_for(reader.read(4096), 2)).decode()
    writer.close()
    return answer.partition("\r\n")[0], answer.rpartition("\r\n\r\n")[2]


def test_a_control_socket_brings_events_and_takes_requests(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            transport, asterisk = await b.connect("/ari", GOOD)
            await until(lambda: b.calls)
            transport.send(WSMsgType.TEXT, b'{"type":"StasisStart","application":"a","channel":{"id":"1"}}')
            assert isinstance(await b.calls[0].next(), StasisStart)
            asked = asyncio.create_task(b.calls[0].ari.answer("1"))
            await until(lambda: asterisk.texts)
            number = json.loads(asterisk.texts[0])["request_id"]
            transport.send(WSMsgType.TEXT, json.dumps({"type": "RESTResponse", "request_id": number, "status_code": 204}).encode())
            await asked
            transport.disconnect()

    run(scenario())


@pytest.mark.parametrize("path", ["/ari", "/floor", "/media?token=good"])
@pytest.mark.parametrize("there", [True, False])
def test_a_socket_that_does_not_answer_is_lost(*, path: str, there: bool, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-open: neither data nor a close ever comes. One that answers may be silent for as long as it likes."""
    monkeypatch.setattr(wire, "PROBE_S", 0.1)

    async def scenario() -> None:
        async with bench() as b:
            b.waiting["good"] = link = MediaLink(lambda _frame: None)
            transport, asterisk = await b.connect(path, GOOD, answers_pings=there)
            if there:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asterisk.closed.wait(), 1.0)
                transport.disconnect()
            await asyncio.wait_for(asterisk.closed.wait(), 5)
            if path.startswith("/media"):
                await asyncio.wait_for(link.closed(), 5)
            else:
                with pytest.raises(AriError, match="closed the control connection"):
                    await asyncio.wait_for((b.calls or b.floors)[0].next(), 5)

    run(scenario())


@pytest.mark.parametrize("silent", [True, False])
def test_a_control_socket_ends_for_the_keeper_too(*, silent: bool, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process holds a copy: were only ours closed, Asterisk would wait for the answer to its own CLOSE for ever."""
    monkeypatch.setattr(wire, "PROBE_S", 0.1 if silent else 60)

    async def scenario() -> None:
        async with bench() as b:
            reader, writer = await b.dial("/ari")
            await until(lambda: b.calls and b.held)
            with socket.socket(fileno=os.dup(b.held[0])) as kept:
                if not silent:
                    b.calls[0].close()
                await asyncio.wait_for(reader.read(), 5)
                ended = select.poll()
                ended.register(kept, select.POLLRDHUP)
                assert ended.poll(5_000)[0][1] & select.POLLHUP
            writer.close()

    run(scenario())


def test_a_control_socket_whose_call_is_over_is_not_asked_any_more_nor_taken_for_lost(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes while Asterisk closes the socket would make its thread wait for ever."""
    monkeypatch.setattr(wire, "PROBE_S", 0.1)

    async def scenario() -> None:
        async with bench() as b:
            reader, writer = await b.dial("/ari")
            await until(lambda: b.calls)
            assert await asyncio.wait_for(reader.readexactly(2), 5) == b"\x89\x00"
            b.calls[0].over = True
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.5)
            writer.close()

    run(scenario())


def test_a_message_that_is_not_ari_does_not_end_the_socket(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            transport, _ = await b.connect("/ari", GOOD)
            transport.send(WSMsgType.TEXT, b"nonsense")
            transport.send(WSMsgType.TEXT, b'{"type":"ApplicationRegistered","application":"a"}')
            await until(lambda: b.calls)
            await b.calls[0].next()
            transport.disconnect()

    run(scenario())


def test_a_control_socket_knows_whose_channel_has_left_the_application_before_anybody_reads_it(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            transport, _ = await b.connect("/ari", GOOD)
            await until(lambda: b.calls)
            assert b.calls[0].left == set()
            transport.send(WSMsgType.TEXT, b'{"type":"StasisEnd","channel":{"id":"c1"}}')
            await until(lambda: b.calls[0].left == {"c1"})
            transport.disconnect()

    run(scenario())


def test_events_that_nobody_reads_are_counted_and_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "EVENTS_MAX", 3)

    async def scenario() -> None:
        transport: Any = None
        link = ControlLink(transport)
        with capture_logs() as logs:
            for _ in range(5):
                link.receive(b'{"type": "StasisEnd", "channel": {"id": "1.2"}}')
        assert link.dropped == 2
        assert len(logs) == 1

    asyncio.run(scenario())


def test_a_closed_control_socket_fails_every_wait(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            transport, _ = await b.connect("/ari", GOOD)
            await until(lambda: b.calls)
            transport.disconnect()
            for _ in range(2):
                with pytest.raises(AriError, match="closed the control connection"):
                    await b.calls[0].next()

    run(scenario())


def test_closing_our_side_closes_theirs(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            _, asterisk = await b.connect("/ari", GOOD)
            await until(lambda: b.calls)
            b.calls[0].close()
            await asyncio.wait_for(asterisk.closed.wait(), 2)
            b.calls[0].close()

    run(scenario())


def test_control_sockets_are_held_and_media_sockets_are_not(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.waiting["t"] = MediaLink(b.frames.append)
            for path in ("/ari", "/floor", "/media?token=t"):
                transport, _ = await b.connect(path, GOOD)
                transport.disconnect()
            assert len(b.held) == 2

    run(scenario())


def test_once_it_refuses_no_socket_comes_and_those_that_are_up_stay(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            port = b.server.port
            transport, _ = await b.connect("/ari", GOOD)
            b.server.refuse()
            with pytest.raises(OSError, match="onnect"):
                await asyncio.open_connection("127.0.0.1", port)
            assert not transport.is_disconnected
            [link] = b.calls
            link.close()
            await until(lambda: transport.is_disconnected)

    run(scenario())


def test_the_floor_has_its_own_path(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            transport, _ = await b.connect("/floor", GOOD)
            await until(lambda: b.floors)
            assert not b.calls
            transport.disconnect()

    run(scenario())


def test_media_goes_both_ways_and_its_token_opens_once(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            link = b.waiting["t1"] = MediaLink(b.frames.append)
            transport, asterisk = await b.connect("/media?call=1&token=t1", GOOD)
            await link.opened(1)
            transport.send(WSMsgType.BINARY, b"\1" * FRAME_BYTES)
            await until(lambda: b.frames)
            link.play(b"\2" * FRAME_BYTES)
            await until(lambda: b"\2" * FRAME_BYTES in asterisk.audio)
            await until(lambda: any(json.loads(text)["command"] == "MARK_MEDIA" for text in asterisk.texts))
            transport.send(WSMsgType.TEXT, b"not json")
            with pytest.raises(WSHandshakeError):
                await b.connect("/media?call=1&token=t1", GOOD)
            link.close()
            await asyncio.wait_for(link.closed(), 2)

    run(scenario())


@pytest.mark.parametrize("path", ["/ari", "/floor", "/media?token=t"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer secret"}, {"Authorization": "é"}])
def test_no_socket_without_the_credentials(run: Run, path: str, header: dict[str, str]) -> None:
    async def scenario() -> None:
        async with bench() as b:
            with pytest.raises((WSHandshakeError, UnicodeEncodeError)):
                await b.connect(path, header)
            assert not b.calls
            assert not b.floors

    run(scenario())


@pytest.mark.parametrize("path", ["/", "/ARI", "/media", "/media?token=unknown", "/ari/../etc"])
def test_other_paths_are_refused(run: Run, path: str) -> None:
    async def scenario() -> None:
        async with bench() as b:
            with pytest.raises(WSHandshakeError):
                await b.connect(path, GOOD)

    run(scenario())


def test_health_and_metrics_are_plain_http(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            assert await get(b.server.port, "/healthz") == ("HTTP/1.1 200 OK", "why\n")
            assert await get(b.server.port, "/metrics") == ("HTTP/1.1 200 OK", "calls 1\n")
            b.well = False
            status, _ = await get(b.server.port, "/healthz")
            assert status.startswith("HTTP/1.1 503")

    run(scenario())


def test_a_port_in_use_is_named_with_the_fix(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            second = Server("127.0.0.1", b.server.port, Credentials("a", "b"), b.server._handlers)
            with pytest.raises(VoicebotError, match=rf"cannot listen on 127\.0\.0\.1:{b.server.port}.*set \[serve\] port"):
                await second.__aenter__()

    run(scenario())


def test_the_port_is_known_only_once_open() -> None:
    with pytest.raises(VoicebotError, match="not open yet"):
        _ = Bench().server.port


def test_credentials_are_compared_whole() -> None:
    credentials = Credentials("voicebot", "secret")
    assert credentials.match(GOOD["Authorization"])
    assert not credentials.match(GOOD["Authorization"][:-1])
    assert not credentials.match("")


def test_a_controller_that_takes_no_new_calls_says_so_with_404(run: Run) -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.well, b.why = False, b"draining\n"
            assert await get(b.server.port, "/healthz") == ("HTTP/1.1 404 Not Found", "draining\n")

    run(scenario())


# A control socket that is half-open.


def test_a_control_socket_that_answers_stays_and_one_that_does_not_is_lost(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PROBE_S", 0.05)

    async def scenario() -> None:
        async with bench() as b:
            transport, _ = await b.connect("/ari", GOOD)
            await until(lambda: b.calls)
            await asyncio.sleep(0.3)
            assert not b.calls[0].ari.lost
            _, mute = await ws_connect(Asterisk, f"ws://127.0.0.1:{b.server.port}/ari", extra_headers=GOOD, enable_auto_pong=False)
            await until(lambda: len(b.calls) == 2 and b.calls[1].ari.lost)
            assert isinstance(mute, Asterisk)
            await mute.closed.wait()
            assert not b.calls[0].ari.lost
            transport.disconnect()

    run(scenario())


# TLS.


@asynccontextmanager
async def tls_bench(folder: Path) -> AsyncIterator[tuple[Bench, Certificates]]:
    made = await certificates(folder, "IP:127.0.0.1")
    found = Bench(served(Serve(tls_certificate=made.certificate, tls_key=made.key)))
    async with found.server:
        yield found, made
        await asyncio.sleep(0.05)


@needs_openssl
@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_over_tls_all_goes_as_in_plain_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: Callable[[Any], Any]) -> None:
    """Events, requests, audio both ways, the probe that asks whether a socket is alive, and the close that everybody sees."""
    monkeypatch.setattr(wire, "PROBE_S", 0.1)

    async def scenario() -> None:
        async with tls_bench(tmp_path) as (b, made):
            url, trust = f"wss://127.0.0.1:{b.server.port}", ssl.create_default_context(cafile=made.authority)
            transport, asterisk = await ws_connect(Asterisk, f"{url}/ari", extra_headers=GOOD, ssl_context=trust)
            assert isinstance(asterisk, Asterisk)
            await until(lambda: b.calls)
            transport.send(WSMsgType.TEXT, b'{"type":"StasisStart","application":"a","channel":{"id":"1"}}')
            assert isinstance(await b.calls[0].next(), StasisStart)
            answering = asyncio.create_task(b.calls[0].ari.answer("1"))
            await until(lambda: asterisk.texts)
            number = json.loads(asterisk.texts[0])["request_id"]
            transport.send(WSMsgType.TEXT, json.dumps({"type": "RESTResponse", "request_id": number, "status_code": 204}).encode())
            await answering
            b.waiting["t1"] = link = MediaLink(b.frames.append)
            media, heard = await ws_connect(Asterisk, f"{url}/media?token=t1", extra_headers=GOOD, ssl_context=trust)
            assert isinstance(heard, Asterisk)
            await link.opened(1)
            media.send(WSMsgType.BINARY, b"\1" * FRAME_BYTES)
            await until(lambda: b.frames)
            link.play(b"\2" * FRAME_BYTES)
            await until(lambda: b"\2" * FRAME_BYTES in heard.audio)
            await asyncio.sleep(0.4)  # a few probes
            assert not b.calls[0].ari.lost
            b.calls[0].close()
            link.close()
            for each in (asterisk, heard):
                await asyncio.wait_for(each.closed.wait(), 5)

    loop(scenario())


@needs_openssl
def test_who_does_not_trust_the_certificate_says_so_before_the_password_is_told(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tls_bench(tmp_path / "one") as (b, made):
            other = await certificates(tmp_path / "other", "IP:127.0.0.1")
            url = f"127.0.0.1:{b.server.port}/ari"
            for authority in (None, other.authority):
                with pytest.raises(ssl.SSLCertVerificationError):
                    await ws_connect(Asterisk, f"wss://{url}", extra_headers=GOOD, ssl_context=ssl.create_default_context(cafile=authority))
            with pytest.raises(WSHandshakeError):
                await ws_connect(Asterisk, f"wss://{url}", ssl_context=ssl.create_default_context(cafile=made.authority))
            assert not b.calls

    run(scenario())


@needs_openssl
def test_health_is_asked_by_tls_too_and_not_in_plain_text(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tls_bench(tmp_path) as (b, made):
            asked = asking(Serve(tls_certificate=made.certificate, tls_key=made.key, tls_ca=made.authority))
            assert await health("127.0.0.1", b.server.port, asked) == b"why"
            assert await health("127.0.0.1", b.server.port) is None

    run(scenario())
