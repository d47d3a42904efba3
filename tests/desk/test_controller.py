from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from voicebot.desk.controller import ControllerDoor
from voicebot.settings import Settings
from voicebot.telephony.pbx_plan import secret
from voicebot.up import free_port


@asynccontextmanager
async def controller(status: int, asked: list[bytes]) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def door(tmp_path: Path) -> Callable[..., ControllerDoor]:
    def at(*ports: int) -> ControllerDoor:
        hosts = tuple(f"127.0.0.1:{port}" for port in ports)
        return ControllerDoor(Settings(secrets=tmp_path, pbx={"controllers": hosts}))  # type: ignore[arg-type]

    return at


def test_the_states_go_out_with_the_secret(door: Callable[..., ControllerDoor], tmp_path: Path) -> None:
    async def scenario() -> list[bytes]:
        asked: list[bytes] = []
        async with controller(200, asked) as port:
            assert await door(port).pause({"6001": True, "6002": False})
        return asked

    [request] = asyncio.run(scenario())
    assert request.startswith(b"GET /desk/pauses?6001=1&6002=0 HTTP/1.1\r\n")
    expected = base64.b64encode(f"voicebot:{secret(tmp_path, 'control')}".encode())
    assert b"Basic " + expected in request


def test_of_several_controllers_the_one_with_the_floor_is_found(door: Callable[..., ControllerDoor]) -> None:
    async def scenario() -> tuple[int, ...]:
        asked: tuple[list[bytes], ...] = ([], [], [])
        async with controller(503, asked[0]) as first, controller(200, asked[1]) as second, controller(200, asked[2]) as third:
            assert await door(free_port("127.0.0.1"), first, second, third).pause({"6001": True})
        return tuple(len(each) for each in asked)

    assert asyncio.run(scenario()) == (1, 1, 0)


def test_that_none_is_there_is_said_once_and_that_one_is_back(door: Callable[..., ControllerDoor]) -> None:
    async def scenario() -> None:
        port = free_port("127.0.0.1")
        asking = door(port)
        assert not await asking.pause({"6001": True})
        assert not await asking.pause({"6001": True})

    with capture_logs() as logs:
        asyncio.run(scenario())
    assert [entry["log_level"] for entry in logs] == ["warning"]


def test_what_a_supervisor_wants_is_asked_of_each_until_one_can_do_it(door: Callable[..., ControllerDoor]) -> None:
    async def scenario() -> tuple[list[bytes], list[bytes]]:
        asked: tuple[list[bytes], list[bytes]] = ([], [])
        async with controller(503, asked[0]) as first, controller(200, asked[1]) as second:
            assert await door(first, second).supervise({"deed": "end", "call": "c.1"})
            assert not await door(first, free_port("127.0.0.1")).supervise({"deed": "end", "call": "c.1"})
        return asked

    refused, taken = asyncio.run(scenario())
    assert [request.partition(b" HTTP")[0] for request in taken] == [b"GET /desk/supervise?deed=end&call=c.1"]
    assert len(refused) == 2
