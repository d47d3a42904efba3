"""What a phone puts into RTP packets: speech, silence and keys as frames; and packets to and from their bytes.

Pure: no socket, no clock. Sources: RFC 3550 (RTP), RFC 3551 (payload types), RFC 4733 (telephone-event).
"""

from __future__ import annotations

import functools
import math
import struct
from typing import NamedTuple

import numpy as np

from voicebot.testbed import audio, g711
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.recording import Packet

COMFORT_NOISE = 13
KEYS = "0123456789*#ABCD"
"""DTMF keys in the order of their telephone-event codes."""
_HEADER = struct.Struct("!BBHII")


class Frame(NamedTuple):
    """What one packet carries, and for how many samples it stands. `back` is how many of them its RTP timestamp lies in the past (an event keeps
    the timestamp it began with)."""

    payload_type: int
    payload: bytes
    marker: bool = False
    back: int = 0
    voiced: bool = False
    samples: int = audio.FRAME_SAMPLES


def speech_frames(samples: Samples, codec: Codec, ptime_ms: int = 20) -> list[Frame]:
    """Frames of `samples`, `ptime_ms` each, the last one filled with silence."""
    size, number = ptime_ms * audio.RATE_HZ // 1000, g711.PAYLOAD_TYPES[codec]
    padded = np.pad(samples, (0, -len(samples) % math.lcm(size, audio.FRAME_SAMPLES)))
    data, flags = g711.encode(padded, codec), np.repeat(audio.voiced(padded), audio.FRAME_SAMPLES)
    starts = range(0, len(samples), size)
    return [Frame(number, data[at : at + size], voiced=bool(flags[at : at + size].any()), samples=size) for at in starts]


def key_frames(key: str, payload_type: int, duration_ms: int = 100, ends: int = 3) -> list[Frame]:
    """A telephone-event: updates each 20 ms, the last of them and its repetitions marked as the end; `ends` of those three get through.

    Raises ValueError for what is no key. Source: RFC 4733 section 2.5.
    """
    if len(key) != 1 or key not in KEYS:
        raise ValueError(f"{key!r} is no DTMF key; the keys are {KEYS}")
    event, steps = KEYS.index(key), max(duration_ms // 20, 1)
    counts = [*range(1, steps + 1), steps, steps][: steps - 1 + ends]
    return [
        Frame(payload_type, struct.pack("!BBH", event, 10 | 0x80 * (index >= steps - 1), count * 160), marker=index == 0, back=index * 160)
        for index, count in enumerate(counts)
    ]


def parse(data: bytes, at_s: float) -> Packet | None:
    """The packet in `data`, or None if that is no RTP version 2. Source: RFC 3550 section 5.1."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    start, end = 12 + 4 * (first & 0x0F), len(data)
    if first & 0x10 and len(data) >= start + 4:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:
        end -= data[-1]
    return Packet(at_s, second & 0x7F, sequence, timestamp, ssrc, data[start:end]) if start <= end else None


def written(packet: Packet, marker: bool) -> bytes:
    """`packet` as it goes onto the wire. Source: RFC 3550 section 5.1."""
    return _HEADER.pack(0x80, packet.payload_type | 0x80 * marker, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload


@functools.cache
def silence_frame(codec: Codec, ptime_ms: int) -> Frame:
    """One frame of zeros."""
    return speech_frames(audio.silence(ptime_ms / 1000), codec, ptime_ms)[0]
