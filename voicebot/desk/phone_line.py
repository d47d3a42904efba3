"""Browser phones: which SIP account a browser gets, and the WebSocket that carries its SIP to Asterisk (RFC 7118). Audio goes past here, by SRTP.

Asterisk answers on loopback alone. The way to it leads through the desk, and so through the guard: sign-in, origin, and the end of the sign-in.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from http import HTTPStatus

import structlog
from fastapi import APIRouter, HTTPException, Request, WebSocket
from pydantic import BaseModel
from starlette.websockets import WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from voicebot.desk.auth import Present
from voicebot.desk.desk import Desk
from voicebot.telephony.pbx_plan import WEB_CALLER, secret

SIP = Subprotocol("sip")
LONGEST = 65_536
"""Bytes of one SIP message."""
CONNECT_S = 3.0
TRY_AGAIN = 1013
LEFT = 1008
log = structlog.get_logger()


class Account(BaseModel):
    """What a browser signs in to Asterisk with."""

    name: str
    password: str
    domain: str
    rings: bool
    """Whether calls come to it: an agent's phone registers, a caller's does not."""


def account_of(desk: Desk, name: str) -> Account | None:
    """The account of the phone that this person sits at, where that is a browser phone. Raises PbxError."""
    pbx, posting = desk.settings.pbx, desk.duty.of(name)
    if posting is None or posting.extension not in pbx.web_phones:
        return None
    password = secret(desk.settings.secrets, f"agent-{posting.extension}")
    return Account(name=posting.extension, password=password, domain=pbx.sip_host, rings=True)


def may_call(desk: Desk) -> bool:
    """Whether who is signed in may call the bot from the desk: in the demo profile."""
    return bool(desk.settings.pbx.web_phones) and desk.settings.pbx.anonymous


def routes(desk: Desk) -> APIRouter:
    """`/phone/agent`, `/phone/caller`, and the socket `/phone/line`."""
    router = APIRouter(include_in_schema=False)
    lines = Lines(f"ws://{desk.settings.pbx.sip_host}:{desk.settings.pbx.web_port}/ws")
    desk.door.on_left.append(lines.end)

    @router.get("/phone/agent")
    async def agent(request: Request) -> Account:
        present: Present = request.state.present
        found = account_of(desk, present.person.name)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "you sit at no browser phone")
        return found

    @router.get("/phone/caller")
    async def caller() -> Account:
        if not may_call(desk):
            raise HTTPException(HTTPStatus.NOT_FOUND, "nobody calls from here")
        password = secret(desk.settings.secrets, WEB_CALLER)
        return Account(name="voicebot-web", password=password, domain=desk.settings.pbx.sip_host, rings=False)

    @router.websocket("/phone/line")
    async def line(socket: WebSocket) -> None:
        present: Present = socket.state.present
        if desk.settings.pbx.web_phones and SIP in socket.scope["subprotocols"]:
            await lines.carry(socket, present.entry.digest)
        else:
            await socket.close(LEFT)

    return router


class Lines:
    """The open sockets, by sign-in."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ends: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def end(self, digests: frozenset[str]) -> None:
        """Cut the lines of these sign-ins."""
        for one in digests:
            for over in self._ends.pop(one, ()):
                over.set()

    async def carry(self, socket: WebSocket, digest: str) -> None:
        """Pass SIP to and fro until either side closes or the sign-in ends."""
        over = asyncio.Event()
        self._ends[digest].add(over)
        try:
            async with connect(self._url, subprotocols=[SIP], max_size=LONGEST, open_timeout=CONNECT_S, proxy=None) as pbx:
                await socket.accept(SIP)
                await _first_of(socket, pbx, over)
        except (OSError, TimeoutError, InvalidHandshake):
            log.warning("a browser phone found no Asterisk", url=self._url)
        finally:
            self._ends[digest].discard(over)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it is closed already where the browser went first
            await socket.close(LEFT if over.is_set() else TRY_AGAIN)


async def _first_of(socket: WebSocket, pbx: ClientConnection, over: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as scope:
        running = [scope.create_task(each) for each in (_up(socket, pbx), _down(pbx, socket), _until(over))]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()


async def _up(socket: WebSocket, pbx: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while (message := await socket.receive())["type"] == "websocket.receive":
            if text := message.get("text"):
                await pbx.send(text)


async def _down(pbx: ClientConnection, socket: WebSocket) -> None:
    with contextlib.suppress(ConnectionClosed, WebSocketDisconnect):
        async for message in pbx:
            await socket.send_text(message if isinstance(message, str) else message.decode(errors="replace"))


async def _until(over: asyncio.Event) -> None:
    await over.wait()
