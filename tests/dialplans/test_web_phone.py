"""Browser phones on a real Asterisk: its HTTP server answers at /ws alone, and SIP there asks for a password."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import socket
import uuid
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from voicebot.errors import PbxError
from voicebot.settings import Settings
from voicebot.up import free_port

Open = Callable[[Settings], AbstractAsyncContextManager[Any]]
ARI_AND_MEDIA = ("/ari", "/ari/channels", "/ari/api-docs/resources.json", "/ARI/channels", "/aRi/events", "/media/x", "/MEDIA/x", "/Media/x")
NOTHING = ("/", "/httpstatus", "/static/x", "//ari/channels", "/%61ri/channels", "/./ari/channels", "/ws/../ari/channels")
ANONYMOUS_CALLERS = ("voicebot-web", "6001")


@pytest.fixture
def web(settings: Settings) -> Settings:
    """The same settings with 6001 in a browser."""
    return settings.model_copy(update={"pbx": settings.pbx.model_copy(update={"web_phones": ("6001",), "web_port": free_port("127.0.0.1")})})


def played(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 60))


def status(port: int, path: str) -> int:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as asked:
        asked.request("GET", path)
        with asked.getresponse() as answer:
            return answer.status


async def sip_status(port: int, method: str, name: str, to: str) -> int:
    """What SIP over the WebSocket answers to a request without a password."""
    lines = [f"{method} sip:{to} SIP/2.0", f"Via: SIP/2.0/WS x.invalid;branch=z9hG4bK{uuid.uuid4().hex}", "Max-Forwards: 70"]
    lines += [f"From: <sip:{name}@127.0.0.1>;tag=1", f"To: <sip:{to}>", f"Call-ID: {uuid.uuid4().hex}", f"CSeq: 1 {method}"]
    lines += [f"Contact: <sip:{name}@x.invalid;transport=ws>", "Content-Length: 0", "", ""]
    async with connect(f"ws://127.0.0.1:{port}/ws", subprotocols=[Subprotocol("sip")], proxy=None) as line:
        await line.send("\r\n".join(lines))
        while (told := re.match(r"SIP/2\.0 (\d+)", str(await line.recv()))) is None or int(told[1]) < 200:
            pass
        return int(told[1])


def test_asterisks_http_server_answers_at_one_path_alone(opened: Open, web: Settings) -> None:
    async def scenario() -> None:
        async with opened(web):
            found = {path: await asyncio.to_thread(status, web.pbx.web_port, path) for path in (*ARI_AND_MEDIA, *NOTHING, "/ws")}
            assert found == {**dict.fromkeys(ARI_AND_MEDIA, 403), **dict.fromkeys(NOTHING, 404), "/ws": 426}

    played(scenario())


def test_nobody_registers_or_calls_over_the_websocket_without_a_password(opened: Open, web: Settings) -> None:
    async def scenario() -> None:
        async with opened(web):
            assert await sip_status(web.pbx.web_port, "REGISTER", "6001", "127.0.0.1") == 401
            assert [await sip_status(web.pbx.web_port, "INVITE", name, "100@127.0.0.1") for name in ANONYMOUS_CALLERS] == [401, 401]

    played(scenario())


def test_a_port_that_is_taken_is_named(opened: Open, web: Settings) -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", web.pbx.web_port)), pytest.raises(PbxError, match=r"set \[pbx\] web_port"):
            async with opened(web):
                pass

    played(scenario())
