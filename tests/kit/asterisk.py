"""An Asterisk with one caller, on the far end of a real `ControlLink`: it obeys REST requests, tells events, and can be broken.

Channels, bridges and the media socket behave as design section 7 measured them; nothing here knows what a call is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from tests.kit.line import Line
from voicebot.telephony.ari import Channel, StasisStart
from voicebot.telephony.leg import MediaDoor
from voicebot.telephony.server import ControlLink

CALLER, MEDIA, BRIDGE = "c1", "c1-media", "c1-bridge"
APPLICATION = "voicebot:PJSIP/trunk-00000001"
Trouble = Literal["500", "404", "no answer", "done, no answer"]
"""What may befall a request: refused, refused because its object is gone, not taken at all, obeyed in silence."""


class FakeAsterisk:
    """`asked` is every request in short; `place` where the caller is: with the bot, in a dialplan context, or gone."""

    def __init__(
        self, door: MediaDoor, variables: Mapping[str, str] | None = None, troubles: Mapping[int, Trouble] | None = None, media: bool = True
    ) -> None:
        self.control = ControlLink(self)  # type: ignore[arg-type]
        self.door = door
        self.variables = {"VOICEBOT_ANI": "0201555777", "VOICEBOT_DNIS": "100", "VOICEBOT_LANGUAGE": "en", **(variables or {})}
        self.asked: list[str] = []
        self.place = "bot"
        self.channels = {CALLER}
        self.bridges: set[str] = set()
        self.line: Line | None = None
        self.media_opens = media
        self.closed = False
        self._troubles = dict(troubles or {})

    @property
    def start(self) -> StasisStart:
        return StasisStart(APPLICATION, Channel(CALLER, "PJSIP/trunk-00000001", channelvars=dict(self.variables)))

    # The transport under ControlLink.

    @property
    def is_disconnected(self) -> bool:
        return self.closed

    def send(self, _kind: Any, text: bytes) -> None:
        request = msgspec.json.decode(text)
        query = {pair["name"]: pair["value"] for pair in request["query_strings"]}
        self.asked.append(_short(request["method"], request["uri"], query))
        trouble = self._troubles.get(len(self.asked))
        asyncio.get_running_loop().call_later(0.001, self._take, request, query, trouble)

    def send_close(self, _code: Any) -> None: ...

    def disconnect(self) -> None:
        self.closed = True
        self.control.lose()

    # What happens on the caller's side.

    def hang_up(self) -> None:
        """The caller puts the phone down."""
        self._forget(CALLER, "gone")

    def press(self, key: str) -> None:
        self.tell("ChannelDtmfReceived", CALLER, digit=key)

    def end_media(self) -> None:
        """The media channel ends under the call."""
        self._forget(MEDIA)

    def tell(self, kind: str, channel: str, **fields: Any) -> None:
        if not self.closed:
            self.control.receive(msgspec.json.encode({"type": kind, "channel": {"id": channel, "name": channel}, **fields}))

    # Requests.

    def _take(self, request: dict[str, Any], query: dict[str, str], trouble: Trouble | None) -> None:
        if trouble == "no answer" or self.closed:
            return
        if trouble == "404" and f"{request['uri']}/".startswith(f"channels/{CALLER}/"):
            self.channels.discard(CALLER)
            self.place = "gone"
        status, body = (int(trouble), "") if trouble in {"500", "404"} else self._act(request["method"], request["uri"], query)
        if trouble != "done, no answer":
            answer = {"type": "RESTResponse", "request_id": request["request_id"], "status_code": status, "message_body": body}
            self.control.receive(msgspec.json.encode(answer))

    def _act(self, method: str, uri: str, query: dict[str, str]) -> tuple[int, str]:
        kind, _, rest = uri.partition("/")
        name, _, verb = rest.partition("/")
        if (method, kind, name) == ("POST", "channels", "externalMedia"):
            return self._open_media(query)
        if (method, kind, verb) == ("POST", "bridges", ""):
            self.bridges.add(name)
            return 200, msgspec.json.encode({"id": name, "name": name}).decode()
        if name not in (self.channels if kind == "channels" else self.bridges):
            return 404, ""
        if method == "DELETE":
            self.bridges.discard(name)
            self._forget(name, "gone")
            return 204, ""
        return self._change(name, verb, query)

    def _change(self, name: str, verb: str, query: dict[str, str]) -> tuple[int, str]:
        if verb == "addChannel":
            wanted = set(query["channel"].split(","))
            if not wanted <= self.channels or self.line is None:
                return 422, ""
            self.line.sends = True
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
        if link is None or MEDIA not in self.channels:
            self._forget(MEDIA)
            return
        self.line = Line(link, lambda: self._forget(MEDIA))
        self.tell("StasisStart", MEDIA, application=APPLICATION)

    def _leave(self, place: str) -> None:
        self.place = place
        if self.line:
            self.line.sends = False
        self.tell("StasisEnd", CALLER)

    def _forget(self, channel: str, place: str = "") -> None:
        if channel not in self.channels:
            return
        self.channels.discard(channel)
        if channel == CALLER:
            self.tell("ChannelHangupRequest", CALLER)
            self._leave(place)
        elif self.line:
            self.line.close()
        self.tell("ChannelDestroyed", channel)


def _short(method: str, uri: str, query: Mapping[str, str]) -> str:
    kind, _, rest = uri.partition("/")
    name, _, verb = rest.partition("/")
    if method == "DELETE":
        return f"{'hang up' if kind == 'channels' else 'remove'} {name}"
    shorts = {
        "variable": "set {variable}={value}",
        "continue": f"send {name} to {{context}}",
        "addChannel": f"join {{channel}} in {name}",
        "": "open media" if name == "externalMedia" else f"make {name}",
    }
    return shorts.get(verb, f"{verb} {name}").format(**query)
