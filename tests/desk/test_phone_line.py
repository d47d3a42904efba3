"""Which account a browser gets, and the socket that carries its SIP: held against a stand-in for Asterisk's /ws."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection, serve

from tests.kit.deskkit import person
from voicebot.desk.desk import Desk
from voicebot.desk.phone_line import LEFT, SIP, TRY_AGAIN, Lines, account_of, may_call, routes
from voicebot.settings import Pbx, Settings
from voicebot.store.postings import Posting
from voicebot.telephony.pbx_plan import secret
from voicebot.up import free_port

NOW = datetime(2026, 3, 14, tzinfo=UTC)
REGISTER = "REGISTER sip:127.0.0.1 SIP/2.0\r\n\r\n"


@pytest.fixture(autouse=True)
def no_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("VOICEBOT_")]:
        monkeypatch.delenv(name)


def desk_with(folder: Path, sits_at: str = "", **pbx: Any) -> Any:
    """What the module asks of a desk; `ann` sits at the phone `sits_at`."""
    posting = Posting(sits_at, NOW, None, "ann", "ready", "", NOW) if sits_at else None
    settings = Settings(secrets=folder / "secrets", pbx=Pbx(**{"web_phones": ("6001",), **pbx}))
    duty = SimpleNamespace(of=lambda name: posting if name == "ann" else None)
    return SimpleNamespace(settings=settings, duty=duty, door=SimpleNamespace(on_left=[]))


def browser(desk: Desk, name: str = "ann") -> TestClient:
    """Somebody whom the guard let in."""
    app = FastAPI()
    app.include_router(routes(desk))
    present = SimpleNamespace(person=person(name), entry=SimpleNamespace(digest="d1"))

    async def let_in(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": {"present": present}}, receive, send)

    return TestClient(let_in)


def test_an_agent_at_a_browser_phone_gets_its_account(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, "6001")
    password = secret(desk.settings.secrets, "agent-6001")
    answer = browser(desk).get("/phone/agent").json()
    assert answer == {"name": "6001", "password": password, "domain": "127.0.0.1", "rings": True}


@pytest.mark.parametrize(("sits_at", "name"), [("", "ann"), ("6002", "ann"), ("6001", "bob")])
def test_nobody_gets_the_account_of_a_phone_that_is_not_theirs_or_of_a_desk_phone(tmp_path: Path, sits_at: str, name: str) -> None:
    desk = desk_with(tmp_path, sits_at)
    assert account_of(desk, name) is None
    answer = browser(desk, name).get("/phone/agent")
    assert answer.status_code == 404
    assert "password" not in answer.text
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize(
    ("pbx", "may"), [({"anonymous": True}, True), ({"anonymous": False}, False), ({"anonymous": True, "web_phones": ()}, False)], ids=str
)
def test_the_bot_is_called_from_the_desk_in_the_demo_profile_alone(tmp_path: Path, pbx: dict[str, Any], may: bool) -> None:
    desk = desk_with(tmp_path, **pbx)
    assert may_call(desk) is may
    answer = browser(desk).get("/phone/caller")
    assert answer.status_code == (200 if may else 404)
    if may:
        assert (answer.json()["name"], answer.json()["rings"]) == ("voicebot-web", False)
        assert answer.json()["password"] == secret(desk.settings.secrets, "web-caller")


@pytest.mark.parametrize(("web_phones", "protocols"), [((), ["sip"]), (("6001",), []), (("6001",), ["xmpp"])])
def test_there_is_no_line_without_browser_phones_or_for_anything_but_sip(tmp_path: Path, web_phones: tuple[str, ...], protocols: list[str]) -> None:
    asked = browser(desk_with(tmp_path, web_phones=web_phones)).websocket_connect("/phone/line", subprotocols=protocols)
    with pytest.raises(WebSocketDisconnect) as refused, asked:
        pass
    assert refused.value.code == LEFT


def test_without_asterisk_the_browser_is_told_to_try_again_and_the_log_says_so(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, web_port=free_port("127.0.0.1"))
    with capture_logs() as logs, pytest.raises(WebSocketDisconnect) as refused, browser(desk).websocket_connect("/phone/line", subprotocols=[SIP]):
        pass
    assert refused.value.code == TRY_AGAIN
    assert [each["event"] for each in logs] == ["a browser phone found no Asterisk"]


class Socket:
    """A browser's end, as Starlette shows it."""

    def __init__(self) -> None:
        self.says: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.accepted = ""
        self.closed = 0

    def say(self, text: str | None = None, data: bytes | None = None) -> None:
        self.says.put_nowait({"type": "websocket.receive", "text": text, "bytes": data})

    async def accept(self, protocol: str) -> None:
        self.accepted = protocol

    async def receive(self) -> dict[str, Any]:
        return await self.says.get()

    async def send_text(self, text: str) -> None:
        self.heard.put_nowait(text)

    async def close(self, code: int) -> None:
        self.closed = code


Answer = Callable[[ServerConnection], Awaitable[None]]


async def echo(pbx: ServerConnection) -> None:
    async for message in pbx:
        await pbx.send(f"SIP/2.0 100 {message!r}")


async def hang_up(pbx: ServerConnection) -> None:
    await pbx.recv()


@asynccontextmanager
async def line(answer: Answer) -> AsyncIterator[tuple[Socket, Lines, asyncio.Task[None]]]:
    """A browser on a line to an Asterisk that answers so."""
    async with serve(answer, "127.0.0.1", 0, subprotocols=[SIP]) as server, asyncio.TaskGroup() as scope:
        lines, socket = Lines(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws"), Socket()
        carrying = scope.create_task(lines.carry(socket, "d1"))  # type: ignore[arg-type]
        async with asyncio.timeout(20):
            yield socket, lines, carrying
            await carrying


def test_sip_goes_both_ways_and_what_is_no_text_goes_nowhere() -> None:
    async def scenario() -> None:
        async with line(echo) as (socket, _, _):
            socket.say(data=b"\x00")
            socket.say(REGISTER)
            assert await socket.heard.get() == f"SIP/2.0 100 {REGISTER!r}"
            assert socket.accepted == "sip"
            assert socket.heard.empty()
            socket.says.put_nowait({"type": "websocket.disconnect", "code": 1001})

    asyncio.run(scenario())


def test_when_asterisk_goes_the_browser_is_told_to_try_again() -> None:
    async def scenario() -> None:
        async with line(hang_up) as (socket, _, carrying):
            socket.say(REGISTER)
            await carrying
            assert socket.closed == TRY_AGAIN

    asyncio.run(scenario())


def test_the_line_ends_with_the_sign_in_and_with_no_other() -> None:
    async def scenario() -> None:
        async with line(echo) as (socket, lines, carrying):
            socket.say(REGISTER)
            await socket.heard.get()
            lines.end(frozenset({"another"}))
            socket.say(REGISTER)
            await socket.heard.get()
            lines.end(frozenset({"d1"}))
            await carrying
            assert socket.closed == LEFT

    asyncio.run(scenario())


def test_the_desk_ends_lines_when_somebody_signs_out(tmp_path: Path) -> None:
    desk = desk_with(tmp_path)
    routes(desk)
    assert [hears.__name__ for hears in desk.door.on_left] == ["end"]
