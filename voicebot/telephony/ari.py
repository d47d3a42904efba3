"""Typed ARI over one WebSocket that Asterisk opened to us: REST requests go out on it, events come in.

Only what this project uses is typed; unknown events and fields are ignored, fields that are not identities are optional.
This module never opens a socket: `Ari` is given a way to send text and is told what was received.
Source: Asterisk's own api-docs (rest-api/*.json) and the page "ARI Outbound Websockets".
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from voicebot.errors import AriError

REQUEST_TIMEOUT_S = 3.0


class CallerId(msgspec.Struct, frozen=True):
    number: str = ""
    name: str = ""


class Dialplan(msgspec.Struct, frozen=True):
    context: str = ""
    app_name: str = ""
    app_data: str = ""


class Channel(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    state: str = ""
    caller: CallerId = CallerId()
    dialplan: Dialplan = Dialplan()
    channelvars: dict[str, str] = {}


class Bridge(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    channels: tuple[str, ...] = ()


class ApplicationRegistered(msgspec.Struct, frozen=True, tag=True):
    application: str


class StasisStart(msgspec.Struct, frozen=True, tag=True):
    application: str
    channel: Channel
    args: tuple[str, ...] = ()


class StasisEnd(msgspec.Struct, frozen=True, tag=True):
    channel: Channel


class ChannelHangupRequest(msgspec.Struct, frozen=True, tag=True):
    channel: Channel
    cause: int = 0


class ChannelDestroyed(msgspec.Struct, frozen=True, tag=True):
    channel: Channel
    cause: int = 0
    cause_txt: str = ""


class ChannelDtmfReceived(msgspec.Struct, frozen=True, tag=True):
    channel: Channel
    digit: str
    duration_ms: int = 0


class ChannelHold(msgspec.Struct, frozen=True, tag=True):
    channel: Channel


class ChannelUnhold(msgspec.Struct, frozen=True, tag=True):
    channel: Channel


class ChannelStateChange(msgspec.Struct, frozen=True, tag=True):
    channel: Channel


class ChannelEnteredBridge(msgspec.Struct, frozen=True, tag=True):
    bridge: Bridge
    channel: Channel


class ChannelLeftBridge(msgspec.Struct, frozen=True, tag=True):
    bridge: Bridge
    channel: Channel


class ChannelDialplan(msgspec.Struct, frozen=True, tag=True):
    channel: Channel
    dialplan_app: str = ""
    dialplan_app_data: str = ""


class Dial(msgspec.Struct, frozen=True, tag=True):
    peer: Channel
    dialstatus: str = ""
    caller: Channel | None = None


Event = (
    ApplicationRegistered
    | StasisStart
    | StasisEnd
    | ChannelHangupRequest
    | ChannelDestroyed
    | ChannelDtmfReceived
    | ChannelHold
    | ChannelUnhold
    | ChannelStateChange
    | ChannelEnteredBridge
    | ChannelLeftBridge
    | ChannelDialplan
    | Dial
)


class RESTResponse(msgspec.Struct, frozen=True, tag=True):
    request_id: str
    status_code: int
    reason_phrase: str = ""
    message_body: str = ""


class _Tagged(msgspec.Struct, frozen=True):
    type: str = ""


T = TypeVar("T")
_NAMES = {kind.__name__ for kind in (*Event.__args__, RESTResponse)}
_TAG = msgspec.json.Decoder(_Tagged)
_MESSAGE: msgspec.json.Decoder[Event | RESTResponse] = msgspec.json.Decoder(Event | RESTResponse)


def decode(text: bytes) -> Event | RESTResponse | None:
    """One message from Asterisk; None for a kind this project does not use. Raises AriError for what is not an ARI message."""
    try:
        if _TAG.decode(text).type not in _NAMES:
            return None
        return _MESSAGE.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AriError(f"Asterisk sent a message that is not ARI: {error}") from None


class Ari:
    """Requests and their answers on one socket. `send` puts one text message on the wire and never waits."""

    def __init__(self, send: Callable[[bytes], None], timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self._send = send
        self._timeout_s = timeout_s
        self._numbers = itertools.count(1)
        self._pending: dict[str, asyncio.Future[RESTResponse]] = {}
        self._lost = False

    @property
    def lost(self) -> bool:
        """Whether the socket has closed."""
        return self._lost

    def receive(self, text: bytes) -> Event | None:
        """Take one message: an answer wakes the request that waits for it, an event is returned. Raises AriError."""
        message = decode(text)
        if not isinstance(message, RESTResponse):
            return message
        waiting = self._pending.pop(message.request_id, None)
        if waiting and not waiting.done():
            waiting.set_result(message)
        return None

    def lose(self) -> None:
        """The socket closed: every request that waits fails, and every later one."""
        self._lost = True
        for waiting in self._pending.values():
            if not waiting.done():
                waiting.set_exception(AriError("Asterisk closed the control connection"))
        self._pending.clear()

    async def request(self, method: str, uri: str, query: dict[str, str] | None = None, body: dict[str, Any] | None = None) -> str:
        """One REST request; returns the body of its answer. Raises AriError on refusal, loss or no answer within the timeout."""
        if self._lost:
            raise AriError(f"{method} {uri}: the control connection is closed")
        number = str(next(self._numbers))
        self._pending[number] = asyncio.get_running_loop().create_future()
        self._send(_encode(number, method, uri, query or {}, body))
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._pending[number]
        except TimeoutError:
            raise AriError(f"{method} {uri}: no answer from Asterisk within {self._timeout_s:g} s") from None
        finally:
            self._pending.pop(number, None)
        if answer.status_code >= 400:
            raise AriError(f"{method} {uri}: {answer.status_code} {answer.reason_phrase} {answer.message_body}".rstrip(), answer.status_code)
        return answer.message_body

    async def answer(self, channel: str) -> None:
        await self.request("POST", f"channels/{channel}/answer")

    async def hang_up(self, channel: str) -> None:
        """Hang `channel` up; one that is gone already is fine."""
        await self._if_there("DELETE", f"channels/{channel}")

    async def set_variable(self, channel: str, name: str, value: str) -> None:
        await self.request("POST", f"channels/{channel}/variable", {"variable": name, "value": value})

    async def set_everywhere(self, name: str, value: str) -> None:
        """A global variable, or a function of the dialplan that is written to."""
        await self.request("POST", "asterisk/variable", {"variable": name, "value": value})

    async def variable(self, channel: str, name: str) -> str:
        """Value of a channel variable, empty when it is not set."""
        try:
            return str(msgspec.json.decode(await self.request("GET", f"channels/{channel}/variable", {"variable": name}))["value"])
        except AriError as error:
            if error.status == 404:
                return ""
            raise

    async def continue_in_dialplan(self, channel: str, context: str, extension: str = "s") -> None:
        """Give `channel` back to the dialplan at the first priority of `extension` in `context`."""
        await self.request("POST", f"channels/{channel}/continue", {"context": context, "extension": extension, "priority": "1"})

    async def originate(self, endpoint: str, to: tuple[str, str], variables: Mapping[str, str], channel: str = "", timeout_s: str = "10") -> None:
        """Call `endpoint`; who answers comes to the context and extension `to`. `channel` is the id that the new channel gets."""
        query = {"endpoint": endpoint, "context": to[0], "extension": to[1], "priority": "1", "timeout": timeout_s}
        if channel:
            query["channelId"] = channel
        await self.request("POST", "channels", query, {"variables": dict(variables)})

    async def external_media(self, channel: str, app: str, connection: str, data: str) -> Channel:
        """Have Asterisk open a media WebSocket to us through the websocket_client `connection`; `data` is its transport_data."""
        query = {
            "channelId": channel,
            "app": app,
            "external_host": connection,
            "transport": "websocket",
            "encapsulation": "none",
            "connection_type": "client",
            "format": "slin16",
            "transport_data": data,
        }
        return _parsed(await self.request("POST", "channels/externalMedia", query), Channel)

    async def create_bridge(self, bridge: str) -> Bridge:
        return _parsed(await self.request("POST", f"bridges/{bridge}", {"type": "mixing", "name": bridge}), Bridge)

    async def add_to_bridge(self, bridge: str, *channels: str) -> None:
        await self.request("POST", f"bridges/{bridge}/addChannel", {"channel": ",".join(channels)})

    async def destroy_bridge(self, bridge: str) -> None:
        """Destroy `bridge`; one that is gone already is fine."""
        await self._if_there("DELETE", f"bridges/{bridge}")

    async def channels(self) -> tuple[Channel, ...]:
        return _parsed(await self.request("GET", "channels"), tuple[Channel, ...])

    async def bridges(self) -> tuple[Bridge, ...]:
        return _parsed(await self.request("GET", "bridges"), tuple[Bridge, ...])

    async def _if_there(self, method: str, uri: str) -> None:
        try:
            await self.request(method, uri)
        except AriError as error:
            if error.status != 404:
                raise


def _parsed(body: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise AriError(f"Asterisk's answer is not what its api-docs say: {error}") from None


def _encode(number: str, method: str, uri: str, query: dict[str, str], body: dict[str, Any] | None) -> bytes:
    request: dict[str, Any] = {
        "type": "RESTRequest",
        "transaction_id": number,
        "request_id": number,
        "method": method,
        "uri": uri,
        "query_strings": [{"name": name, "value": value} for name, value in query.items()],
    }
    if body is not None:
        request |= {"content_type": "application/json", "message_body": msgspec.json.encode(body).decode()}
    return msgspec.json.encode(request)
