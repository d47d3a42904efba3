"""A relay passes every byte in order, and breaks exactly what it is told to: one kind of connection, one direction of harm, and no other."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.testbed.relay import GARBAGE, HOST, Relay, Slow, path

Run = Callable[[Coroutine[Any, Any, Any]], Any]
REQUEST = b"GET /%s?token=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass
class Upstream:
    """A controller that answers every piece with the same piece, and notes what it got."""

    port: int = 0
    got: bytearray = field(default_factory=bytearray)
    connections: int = 0
    live: int = 0
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.live += 1
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4_096):
                self.got += data
                writer.write(data)
        writer.close()
        self.live -= 1
        self.lost.set()


@asynccontextmanager
async def relayed() -> AsyncIterator[tuple[Relay, Upstream]]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, HOST, 0)
    upstream.port = server.sockets[0].getsockname()[1]
    async with Relay.open(upstream.port) as relay:
        yield relay, upstream
    server.close()
    async with asyncio.timeout(5):
        while upstream.live:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def connected(relay: Relay, kind: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that has asked for `/kind` and has had its answer."""
    reader, writer = await asyncio.open_connection(HOST, relay.port)
    writer.write(REQUEST % kind.encode())
    async with asyncio.timeout(5):
        await reader.readexactly(len(REQUEST % kind.encode()))
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def silent(reader: asyncio.StreamReader, within_s: float = 0.3) -> bool:
    """Whether nothing comes, and no end either."""
    try:
        async with asyncio.timeout(within_s):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> float:
    """How long `data` takes there and back."""
    begun_s = time.monotonic()
    writer.write(data)
    async with asyncio.timeout(5):
        assert await reader.readexactly(len(data)) == data
    return time.monotonic() - begun_s


def test_every_byte_passes_in_order_and_the_path_is_known(run: Run) -> None:
    async def passing() -> None:
        async with relayed() as (relay, upstream), connected(relay, "ari") as (reader, writer):
            data = bytes(range(256)) * 2_000
            await echo(reader, writer, data)
            assert bytes(upstream.got) == REQUEST % b"ari" + data
            assert [flow.kind for flow in relay.flows("/ari")] == ["/ari"]
            assert relay.flows("/media") == []

    run(passing())


def test_the_end_of_one_side_is_the_end_of_the_other(run: Run) -> None:
    async def ending() -> None:
        async with relayed() as (relay, upstream):
            async with connected(relay, "ari"):
                pass
            async with asyncio.timeout(5):
                await upstream.lost.wait()
                while relay.flows("/ari"):
                    await asyncio.sleep(0.01)

    run(ending())


@pytest.mark.parametrize("reset", [True, False])
def test_a_cut_ends_both_sides_and_spares_the_others(*, reset: bool, run: Run) -> None:
    async def cutting() -> None:
        async with relayed() as (relay, upstream), connected(relay, "ari") as (reader, _), connected(relay, "media") as (other, mouth):
            relay.flows("/ari")[0].cut(reset=reset)
            async with asyncio.timeout(5):
                if reset:
                    with pytest.raises(ConnectionResetError):
                        await reader.read(1)
                else:
                    assert await reader.read(1) == b""
                await upstream.lost.wait()
            await echo(other, mouth, b"still here")

    run(cutting())


def test_half_open_passes_nothing_and_tells_nobody(run: Run) -> None:
    async def stalling() -> None:
        async with relayed() as (relay, upstream), connected(relay, "ari") as (reader, writer):
            flow = relay.flows("/ari")[0]
            flow.stalled = True
            before = bytes(upstream.got)
            writer.write(b"hello?")
            assert await silent(reader)
            assert bytes(upstream.got) == before
            flow.controller.end(reset=False)
            assert await silent(reader), "the controller's end does not show at Asterisk's side"

    run(stalling())


def test_slow_holds_both_directions_and_keeps_their_order(run: Run) -> None:
    async def slowing() -> None:
        async with relayed() as (relay, _), connected(relay, "ari") as (reader, writer), connected(relay, "media") as (other, mouth):
            relay.slow["/ari"] = Slow(0.1, 0.05)
            assert await echo(reader, writer, b"one") >= 0.2
            for number in range(20):
                writer.write(b"%02d" % number)
                await asyncio.sleep(0.002)
            async with asyncio.timeout(5):
                assert await reader.readexactly(40) == b"".join(b"%02d" % number for number in range(20))
            begun_s = time.monotonic()
            await echo(other, mouth, b"not slow")
            quick_s = time.monotonic() - begun_s
            del relay.slow["/ari"]
            await echo(reader, writer, b"mended")
            assert quick_s < 0.2

    run(slowing())


def test_what_was_sent_before_a_close_still_arrives_when_slow(run: Run) -> None:
    async def closing() -> None:
        async with relayed() as (relay, upstream):
            async with connected(relay, "ari") as (_, writer):
                relay.slow["/ari"] = Slow(0.1)
                writer.write(b"last words")
            async with asyncio.timeout(5):
                await upstream.lost.wait()
            assert upstream.got.endswith(b"last words")

    run(closing())


def test_a_shut_port_refuses_and_spares_what_is_up(run: Run) -> None:
    async def refusing() -> None:
        async with relayed() as (relay, _), connected(relay, "ari") as (reader, writer):
            relay.shut()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(HOST, relay.port)
            await echo(reader, writer, b"still here")
            await relay.listen()
            async with connected(relay, "ari"):
                pass

    run(refusing())


def test_a_swallowing_port_answers_no_syn_until_it_listens_again(run: Run) -> None:
    async def swallowing() -> None:
        async with relayed() as (relay, _):
            relay.swallow()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.open_connection(HOST, relay.port), 0.5)
            await relay.listen()
            async with connected(relay, "ari"):
                pass

    run(swallowing())


def test_a_silent_port_takes_connections_and_says_nothing(run: Run) -> None:
    async def greeting() -> None:
        async with relayed() as (relay, upstream):
            relay.greets = "silent"
            reader, writer = await asyncio.open_connection(HOST, relay.port)
            writer.write(REQUEST % b"ari")
            assert await silent(reader)
            assert upstream.connections == 0
            writer.close()

    run(greeting())


def test_a_garbage_port_answers_nonsense(run: Run) -> None:
    async def greeting() -> None:
        async with relayed() as (relay, upstream):
            relay.greets = "garbage"
            reader, writer = await asyncio.open_connection(HOST, relay.port)
            async with asyncio.timeout(5):
                assert await reader.read() == GARBAGE
            assert upstream.connections == 0
            writer.close()

    run(greeting())


def test_without_a_controller_a_connection_is_reset(run: Run) -> None:
    async def nobody() -> None:
        async with relayed() as (relay, upstream):
            relay.upstream_port = 1
            reader, writer = await asyncio.open_connection(HOST, relay.port)
            writer.write(REQUEST % b"ari")
            async with asyncio.timeout(5):
                with pytest.raises(ConnectionResetError):
                    await reader.read()
            assert relay.flows("/ari") == []
            assert upstream.connections == 0
            writer.close()

    run(nobody())


def test_a_request_that_comes_byte_by_byte_is_passed_on_whole(run: Run) -> None:
    async def trickling() -> None:
        async with relayed() as (relay, upstream):
            reader, writer = await asyncio.open_connection(HOST, relay.port)
            for byte in REQUEST % b"floor":
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            async with asyncio.timeout(5):
                await reader.readexactly(len(REQUEST % b"floor"))
            assert bytes(upstream.got) == REQUEST % b"floor"
            assert len(relay.flows("/floor")) == 1
            writer.close()

    run(trickling())


@pytest.mark.parametrize(
    ("request_line", "found"),
    [
        (b"GET /ari HTTP/1.1\r\n", "/ari"),
        (b"GET /media?token=a HTTP/1.1\r\nHost: x\r\n", "/media"),
        (b"GET /ari HTT", ""),
        (b"", ""),
        (b"hello\r\n", "?"),
        (b"GET nowhere HTTP/1.1\r\n", "?"),
        (b"x" * 10_000, "?"),
    ],
)
def test_the_path_of_a_request_line(request_line: bytes, found: str) -> None:
    assert path(request_line) == found


@given(st.binary(max_size=200))
def test_any_bytes_have_a_path_or_none(data: bytes) -> None:
    assert path(data + b"\r\n")
