"""The offer and answer of one G.711 audio stream as SDP text.

Pure; knows only what these phones need. Sources: RFC 4566 (SDP), RFC 3264 (offer and answer).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Literal, cast

from voicebot.testbed.g711 import CODECS, PAYLOAD_TYPES, Codec

EVENT_TYPE = 101
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_SEEN_BY_THE_OTHER: dict[Direction, Direction] = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


@dataclass(frozen=True, slots=True)
class Media:
    """One side's audio: where it listens, its codecs (best first), its telephone-event payload type, and which way audio may flow."""

    host: str
    port: int
    codecs: tuple[Codec, ...]
    event_type: int | None = EVENT_TYPE
    direction: Direction = "sendrecv"


def dump(media: Media, version: int = 1) -> bytes:
    """`media` as SDP; `version` rises with each change within a call."""
    numbers = [PAYLOAD_TYPES[codec] for codec in media.codecs]
    lines = ["v=0", f"o=- 1 {version} IN IP4 {media.host}", "s=-", f"c=IN IP4 {media.host}", "t=0 0"]
    events = [] if media.event_type is None else [media.event_type]
    lines.append(f"m=audio {media.port} RTP/AVP {' '.join(map(str, numbers + events))}")
    lines += [f"a=rtpmap:{number} {codec}/8000" for number, codec in zip(numbers, media.codecs, strict=True)]
    lines += [line for number in events for line in (f"a=rtpmap:{number} telephone-event/8000", f"a=fmtp:{number} 0-15")]
    lines += ["a=ptime:20", f"a={media.direction}"]
    return "".join(f"{line}\r\n" for line in lines).encode()


def load(body: bytes) -> Media:
    """The first audio stream in `body`. Raises ValueError when there is none or it cannot be read."""
    text = body.decode("utf-8")
    before, audio, after = text.partition("m=audio ")
    section = re.split(r"^m=", after, flags=re.MULTILINE)[0]
    line = re.match(r"(\d+) RTP/AVP ([\d ]+)", section)
    hosts = [found for text in (section, before) for found in re.findall(r"^c=IN IP4 ([\d.]+)", text, re.MULTILINE)]
    if not audio or line is None or not hosts or int(line[1]) > 65_535:
        raise ValueError("SDP names no RTP/AVP audio over IPv4")
    numbers = [int(number) for number in line[2].split()]
    events = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", section, re.MULTILINE)
    codecs = tuple(CODECS[number] for number in numbers if number in CODECS)
    direction = _direction(before, section) if int(line[1]) else "inactive"
    return Media(str(IPv4Address(hosts[0])), int(line[1]), codecs, int(events[1]) if events else None, direction)


def answer(offer: Media, ours: Media) -> Media:
    """`ours`, cut down to what `offer` allows. Raises ValueError when no codec is common (SIP 488)."""
    codecs = tuple(codec for codec in ours.codecs if codec in offer.codecs)[:1]
    if not codecs:
        raise ValueError(f"no common codec: offered {', '.join(offer.codecs) or 'none'}, ours {', '.join(ours.codecs)}")
    return replace(
        ours,
        codecs=codecs,
        event_type=offer.event_type if ours.event_type is not None else None,
        direction=_both(ours.direction, _SEEN_BY_THE_OTHER[offer.direction]),
    )


def may_send(ours: Direction, theirs: Direction) -> bool:
    """Whether audio may flow from us to them."""
    return ours in {"sendrecv", "sendonly"} and theirs in {"sendrecv", "recvonly"}


def _direction(before: str, section: str) -> Direction:
    for text in (section, before):
        if found := re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", text, re.MULTILINE):
            return cast(Direction, found[1])
    return "sendrecv"


def _both(ours: Direction, allowed: Direction) -> Direction:
    send = may_send(ours, "sendrecv") and may_send(allowed, "sendrecv")
    receive = may_send("sendrecv", ours) and may_send("sendrecv", allowed)
    return {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly", (False, False): "inactive"}[send, receive]  # type: ignore[return-value]
