"""An open page of the desk without a browser: it gets the page, speaks engine.io and socket.io over its WebSocket as the page's script would, and
notes when each text first came. For hundreds of desks at once; it draws nothing.

Source: engine.io protocol 4 and socket.io protocol 5 (https://socket.io/docs/v4/engine-io-protocol/).
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from voicebot.errors import VoicebotError

PING, PONG, JOIN = "2", "3", "40"
UPDATE = '42["update"'
SOCKET = "/_nicegui_ws/socket.io/"
ACK_S = 3.0
START_S = 60.0
_PAGE_ID = re.compile(r"""['"]client_id['"]: ?['"]([0-9a-f-]{36})['"]""")
_ID = re.compile(r'"_id":(\d+)')


@dataclass
class OpenDesk:
    """One open page."""

    socket: ClientConnection
    page_id: str
    sought: re.Pattern[str]
    """What is looked for in what the desk sends."""
    seen: dict[str, float] = field(default_factory=dict)
    """Each text that was found → when it first came, as `time.monotonic()` says."""
    received_bytes: int = 0
    _next_id: int = 0

    async def read(self) -> None:
        """Answer pings and take note of what comes, until the desk ends it. It must run from the moment the page is open: the desk pings."""
        acked_s = time.monotonic()
        try:
            async for message in self.socket:
                text = message if isinstance(message, str) else message.decode(errors="replace")
                if text == PING:
                    await self.socket.send(PONG)
                else:
                    self._take(text)
                if time.monotonic() - acked_s > ACK_S:
                    acked_s = time.monotonic()
                    await self._say("ack", {"client_id": self.page_id, "next_message_id": self._next_id})
        except ConnectionClosed:
            return

    def _take(self, text: str) -> None:
        now_s = time.monotonic()
        self.received_bytes += len(text)
        if found := _ID.findall(text):
            self._next_id = int(found[-1]) + 1
        if text.startswith(UPDATE):
            for number in self.sought.findall(text):
                self.seen.setdefault(number, now_s)

    async def _say(self, event: str, what: dict[str, Any]) -> None:
        await self.socket.send("42" + json.dumps([event, what]))


@asynccontextmanager
async def opened(http: httpx.AsyncClient, cookie: str, sought: re.Pattern[str], path: str = "/") -> AsyncIterator[OpenDesk]:
    """Open the page at `path` for the browser with this cookie. Raises VoicebotError when the desk does not serve it."""
    base = str(http.base_url).rstrip("/")
    answer = await http.get(path, headers={"Cookie": cookie}, timeout=START_S)
    page_id = _PAGE_ID.search(answer.text)
    if not answer.is_success or page_id is None:
        raise VoicebotError(f"{path} of the desk answers {answer.status_code}, and no page")
    asked = {"client_id": page_id[1], "next_message_id": 0, "implicit_handshake": "true", "EIO": 4, "transport": "websocket"}
    told = urlencode({**asked, "document_id": secrets.token_hex(8), "tab_id": secrets.token_hex(8)})
    headers = {"Cookie": cookie, "Origin": base}
    async with connect(
        f"ws{base.removeprefix('http')}{SOCKET}?{told}", additional_headers=headers, max_size=None, open_timeout=START_S, compression=None, proxy=None
    ) as socket:
        async with asyncio.timeout(START_S):
            await socket.recv()
            await socket.send(JOIN)
            joined = await socket.recv()
        if not str(joined).startswith(JOIN):
            raise VoicebotError(f"the desk refuses a socket: {str(joined)[:80]}")
        yield OpenDesk(socket, page_id[1], sought)
