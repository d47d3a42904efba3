"""An Asterisk with one caller, on the far end of a real `ControlLink`: it obeys REST requests, tells events, and can be broken.

Channels, bridges and the media socket behave as design section 7 measured them; nothing here knows what a call is for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from tests.kit.line import Line
from voicebot.errors import AriError
from voicebot.telephony.ari import Channel, ChannelDestroyed, ChannelDialplan, StasisStart
from voicebot.telephony.floor import Floor
from voicebot.telephony.leg import MediaDoor
from voicebot.telephony.server import ControlLink

CALLER, MEDIA, BRIDGE = "c1", "c1-media", "c1-bridge"
NAME = "PJSIP/trunk-00000001"
APPLICATION = f"voicebot:{NAME}"
Trouble = Literal[
    "500", "503", "422", "404", "409", "412", "no answer", "done, no answer", "late", "too late", "garbage", "not ARI", "cut", "done, cut"
]
"""What may befall a request: refused (404: its object is gone, 409: it left the application, 412: it is being hung up), not taken at all, obeyed in
silence, answered within the deadline or after it, answered with nonsense or with what is no ARI message; or the control socket is lost, before
the request is taken or after."""
LATE_S: Mapping[str, float] = {"late": 1.5, "too late": 3.5}
RETRIES_S = 1.0
"""So long Asterisk tries to open a lost control socket again; then its dialplan goes on."""
QUEUE = "voicebot-handover"


class FakeAsterisk:
    """`asked` is every request in short; `place` where the caller is: with the bot, in a dialplan context, or gone."""

    def __init__(
        self,
        door: MediaDoor,
        variables: Mapping[str, str] | None = None,
        troubles: Mapping[int, Trouble] | None = None,
        *,
        media: bool = True,
        caller: str = CALLER,
        floor: Floor | None = None,
        slow_s: float = 0.001,
    ) -> None:
        """`floor` is told what Asterisk tells its persistent socket, and asks on it; each request takes `slow_s`."""
        self.floor = floor
        if floor is not None:
            floor.link = ControlLink(_FloorWire(self))  # type: ignore[arg-type]
        self.slow_s = slow_s
        self.caller = caller
        self.media = f"{caller}-media"
        self.control = ControlLink(self)  # type: ignore[arg-type]
        self.door = door
        self.state = "Up"
        self.variables = {"VOICEBOT_ANI": "0201555777", "VOICEBOT_DNIS": "100", "VOICEBOT_LANGUAGE": "en", **(variables or {})}
        self.asked: list[str] = []
        self.place = "bot"
        self.channels = {self.caller}
        self.bridges: dict[str, set[str]] = {}
        self.line: Line | None = None
        self.media_opens = media
        self.closed = False
        self._troubles = dict(troubles or {})

    @property
    def start(self) -> StasisStart:
        return StasisStart(APPLICATION, Channel(self.caller, NAME, channelvars=dict(self.variables)))

    def begin(self) -> None:
        """Tell of the call, as Asterisk does half a second after it connected."""
        channel = {"id": self.caller, "name": NAME, "channelvars": self.variables}
        self.control.receive(msgspec.json.encode({"type": "StasisStart", "application": APPLICATION, "channel": channel}))

    def begin_again(self) -> None:
        """What a controller is told that takes up the control socket of one that crashed."""
        self.control.receive(msgspec.json.encode({"type": "ApplicationRegistered", "application": APPLICATION}))

    # The transport under ControlLink.

    @property
    def is_disconnected(self) -> bool:
        return self.closed

    def send(self, _kind: Any, text: bytes) -> None:
        request = msgspec.json.decode(text)
        query = {pair["name"]: pair["value"] for pair in request["query_strings"]}
        self.asked.append(_short(request["method"], request["uri"], query))
        trouble = self._troubles.get(len(self.asked))
        asyncio.get_running_loop().call_later(self.slow_s, self._take, request, query, trouble)

    @property
    def underlying_transport(self) -> FakeAsterisk:
        return self

    def get_extra_info(self, _name: str) -> FakeAsterisk:
        return self

    def fileno(self) -> int:
        """There is no socket."""
        return -1

    def send_close(self, _code: Any) -> None: ...

    def disconnect(self) -> None:
        """The control socket is lost. Asterisk tries for a while to open it again, then moves the caller on."""
        if not self.closed:
            self.closed = True
            self.control.lose()
            asyncio.get_running_loop().call_later(RETRIES_S, self.move_on)

    def move_on(self) -> None:
        """The dialplan goes on after Stasis, as it does for a caller whom the controller left there."""
        if self.place == "bot":
            self._leave(QUEUE)

    # What happens on the caller's side.

    def hang_up(self) -> None:
        """The caller puts the phone down."""
        self._forget(self.caller, "gone")

    def press(self, key: str) -> None:
        self.tell("ChannelDtmfReceived", self.caller, digit=key)

    def redirect(self) -> None:
        """Somebody else sends the caller elsewhere in the dialplan."""
        if self.place == "bot":
            self._leave("elsewhere")

    def end_media(self) -> None:
        """The media channel ends under the call."""
        self._forget(self.media)

    def tell(self, kind: str, channel: str, **fields: Any) -> None:
        if not self.closed:
            self.control.receive(msgspec.json.encode({"type": kind, "channel": {"id": channel, "name": channel}, **fields}))

    # Requests.

    def _take(self, request: dict[str, Any], query: dict[str, str], trouble: Trouble | None) -> None:
        if trouble == "no answer" or self.closed:
            return
        if trouble == "cut":
            self.disconnect()
            return
        if trouble is not None and trouble in _BEFALLS and f"{request['uri']}/".startswith(f"channels/{self.caller}/"):
            _BEFALLS[trouble](self)
        status, body = (int(trouble), "") if trouble and trouble.isdigit() else self.act(request["method"], request["uri"], query)
        answer = {"type": "RESTResponse", "request_id": request["request_id"], "status_code": status, "message_body": body}
        self._answer(answer, trouble)

    def _answer(self, answer: dict[str, Any], trouble: Trouble | None) -> None:
        match trouble:
            case "late" | "too late":
                asyncio.get_running_loop().call_later(LATE_S[trouble], self._tell, msgspec.json.encode(answer))
            case "garbage":
                self._tell(msgspec.json.encode({**answer, "message_body": "\0{"}))
            case "not ARI":
                self._tell(b'{"type": "RESTResponse", "request_id": 7}')
            case "done, cut":
                self.disconnect()
            case "done, no answer":
                pass
            case _:
                self._tell(msgspec.json.encode(answer))

    def _tell(self, text: bytes) -> None:
        """What is no ARI message is refused at the socket, which lives on."""
        with contextlib.suppress(AriError):
            if not self.closed:
                self.control.receive(text)

    def act(self, method: str, uri: str, query: dict[str, str]) -> tuple[int, str]:
        """Do what a request asks: the status and the body of the answer."""
        kind, _, rest = uri.partition("/")
        name, _, verb = rest.partition("/")
        if (method, kind, name) == ("POST", "channels", "externalMedia"):
            return self._open_media(query)
        if (method, kind, verb) == ("POST", "bridges", ""):
            self.bridges[name] = set()
            return 200, msgspec.json.encode({"id": name, "name": name}).decode()
        if method == "GET":
            return 200, self._list(kind)
        if name not in (self.channels if kind == "channels" else self.bridges):
            return 404, ""
        if method == "DELETE":
            self.bridges.pop(name, None)
            self._forget(name, "gone")
            return 204, ""
        return self._change(name, verb, query)

    def _list(self, kind: str) -> str:
        if kind == "bridges":
            return msgspec.json.encode([{"id": name, "name": name, "channels": sorted(inside)} for name, inside in self.bridges.items()]).decode()
        return msgspec.json.encode([self._listed(name) for name in sorted(self.channels)]).decode()

    def _listed(self, channel: str) -> dict[str, Any]:
        if channel != self.caller:
            return {"id": channel, "name": channel}
        dialplan = {"app_name": "Stasis" if self.place == "bot" else "Queue"}
        return {"id": channel, "name": NAME, "state": self.state, "dialplan": dialplan, "channelvars": self.variables}

    def _change(self, name: str, verb: str, query: dict[str, str]) -> tuple[int, str]:
        if verb == "addChannel":
            wanted = set(query["channel"].split(","))
            if not wanted <= self.channels or self.line is None:
                return 422, ""
            self.line.sends = True
            self.bridges[name] = wanted
        if verb == "continue":
            if self.place != "bot":
                return 409, ""
            self._leave(query["context"])
        return 204, ""

    def _open_media(self, query: dict[str, str]) -> tuple[int, str]:
        self.channels.add(query["channelId"])
        token = query["transport_data"].rpartition("token=")[2].rstrip(")")
        if self.media_opens:
            asyncio.get_running_loop().call_later(0.05, self._media_up, token)
        return 200, msgspec.json.encode({"id": query["channelId"]}).decode()

    def _media_up(self, token: str) -> None:
        link = self.door.admit(token)
        if link is None or self.media not in self.channels:
            self._forget(self.media)
            return
        self.line = Line(link, lambda: self._forget(self.media))
        self.tell("StasisStart", self.media, application=APPLICATION)

    def _leave(self, place: str) -> None:
        self.place = place
        if self.line:
            self.line.sends = False
        if self.floor is not None and place == QUEUE:
            self.floor.take(ChannelDialplan(Channel(self.caller), "Queue", "support,,,,300"))
        self.tell("StasisEnd", self.caller)

    def _forget(self, channel: str, place: str = "") -> None:
        if channel not in self.channels:
            return
        self.channels.discard(channel)
        if channel == self.caller:
            if self.floor is not None:
                self.floor.take(ChannelDestroyed(Channel(self.caller)))
            self.tell("ChannelHangupRequest", self.caller)
            self._leave(place)
        elif self.line:
            self.line.close()
        self.tell("ChannelDestroyed", channel)


class _FloorWire:
    """The transport under the floor's socket, on which nothing ever fails."""

    is_disconnected = False

    def __init__(self, asterisk: FakeAsterisk) -> None:
        self._asterisk = asterisk

    def send(self, _kind: Any, text: bytes) -> None:
        asyncio.get_running_loop().call_later(self._asterisk.slow_s, self._answer, msgspec.json.decode(text))

    def _answer(self, request: dict[str, Any]) -> None:
        query = {pair["name"]: pair["value"] for pair in request["query_strings"]}
        status, body = self._asterisk.act(request["method"], request["uri"], query)
        answer = {"type": "RESTResponse", "request_id": request["request_id"], "status_code": status, "message_body": body}
        if self._asterisk.floor is not None and self._asterisk.floor.link:
            self._asterisk.floor.link.receive(msgspec.json.encode(answer))


_BEFALLS: Mapping[str, Callable[[FakeAsterisk], None]] = {"404": FakeAsterisk.hang_up, "409": FakeAsterisk.redirect, "412": FakeAsterisk.hang_up}


def _short(method: str, uri: str, query: Mapping[str, str]) -> str:
    kind, _, rest = uri.partition("/")
    name, _, verb = rest.partition("/")
    if method == "GET":
        return f"GET {uri}"
    if method == "DELETE":
        return f"{'hang up' if kind == 'channels' else 'remove'} {name}"
    shorts = {
        "variable": "set {variable}={value}",
        "continue": f"send {name} to {{context}}",
        "addChannel": f"join {{channel}} in {name}",
        "": "open media" if name == "externalMedia" else f"make {name}",
    }
    return shorts.get(verb, f"{verb} {name}").format(**query)
