"""A page without a browser, against a desk that is played: the page's id is found, the socket is joined, pings are answered, texts are noted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from voicebot.errors import VoicebotError
from voicebot.testbed import desk_sockets
from voicebot.testbed.desk_sockets import JOIN, PING, PONG, SOCKET, opened

PAGE_ID = "0f8b1c6e-1111-4222-8333-444455556666"
PAGE = f"<script>query: {{'client_id': '{PAGE_ID}', 'next_message_id': 0}},</script>"
NUMBERS = re.compile(r"\+44\d{10}")
Play = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def desk(play: Play, page: str = PAGE, status: HTTPStatus = HTTPStatus.OK) -> AsyncIterator[httpx.AsyncClient]:
    """A desk that serves `page`, and plays what comes after the socket is joined."""

    def asked(_: ServerConnection, request: Request) -> Response | None:
        if request.path.startswith(SOCKET):
            return None
        return Response(status.value, status.phrase, Headers({"Content-Length": str(len(page))}), page.encode())

    async def socket(connection: ServerConnection) -> None:
        assert connection.request
        told = parse_qs(urlsplit(connection.request.path).query)
        assert (told["client_id"], told["implicit_handshake"], told["EIO"]) == ([PAGE_ID], ["true"], ["4"])
        assert connection.request.headers["Cookie"] == "voicebot_desk=s"
        await connection.send('0{"sid":"s"}')
        assert await connection.recv() == JOIN
        await play(connection)

    async with serve(socket, "127.0.0.1", 0, process_request=asked) as server:
        port = server.sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            yield http


def test_pings_are_answered_texts_noted_and_what_was_taken_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_sockets, "ACK_S", 0.0)

    async def play(connection: ServerConnection) -> None:
        await connection.send(f"{JOIN}{{}}")
        await connection.send(PING)
        assert PONG in {await connection.recv(), await connection.recv()}
        await connection.send('42["update",{"5":{"text":"+441632960123"},"_id":6}]')
        while '"next_message_id": 7' not in str(await connection.recv()):
            pass
        await connection.send('42["run_javascript",{"code":"+441632960999","_id":7}]')

    async def scenario() -> None:
        async with desk(play) as http, opened(http, "voicebot_desk=s", NUMBERS) as page, asyncio.timeout(20):
            await page.read()
        assert set(page.seen) == {"+441632960123"}, "what is drawn counts, not what is only notified"
        assert page.received_bytes > 0

    asyncio.run(scenario())


@pytest.mark.parametrize(("page", "status"), [("<p>sign in</p>", HTTPStatus.OK), (PAGE, HTTPStatus.FORBIDDEN)])
def test_what_is_no_page_is_named(page: str, status: HTTPStatus) -> None:
    async def never(_: ServerConnection) -> None:
        raise AssertionError

    async def scenario() -> None:
        async with desk(never, page, status) as http:
            with pytest.raises(VoicebotError, match=rf"/ of the desk answers {status.value}"):
                async with opened(http, "voicebot_desk=s", NUMBERS):
                    pass

    asyncio.run(scenario())


def test_a_socket_that_is_refused_is_named() -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.send('44{"message":"Implicit handshake failed"}')

    async def scenario() -> None:
        async with desk(refuse) as http:
            with pytest.raises(VoicebotError, match="refuses a socket"):
                async with opened(http, "voicebot_desk=s", NUMBERS):
                    pass

    asyncio.run(scenario())
