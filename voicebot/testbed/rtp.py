"""RTP for all phones of the process: one drift-free ticker sends each stream's next packet every 20 ms and reads what came.

Arrival times are the kernel's, so reading late costs no accuracy. Never encodes on the hot path, never starts a task; RTCP is not spoken.
Sources: RFC 3550 (RTP), RFC 3551 (payload types), RFC 4733 (telephone-event), RFC 3389 (comfort noise).
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from voicebot.testbed import audio, g711
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.impair import Line
from voicebot.testbed.recording import Packet, Recording
from voicebot.testbed.ticker import Ticker

COMFORT_NOISE = 13
KEYS = "0123456789*#ABCD"
"""DTMF keys in the order of their telephone-event codes."""
MAX_CATCH_UP_S = 0.5
"""After a stall of the process longer than this the missed packets are skipped, not sent in a burst."""
_SO_TIMESTAMPNS = 35
_HEADER = struct.Struct("!BBHII")
_TIMESPEC = struct.Struct("@qq")

Silence = Literal["send", "dtx", "cn"]
"""What goes out while nothing plays: zeros, nothing, or one comfort-noise packet and then nothing."""


class Frame(NamedTuple):
    """What one packet carries. `back` is how many samples its RTP timestamp lies in the past (an event keeps the timestamp it began with)."""

    payload_type: int
    payload: bytes
    marker: bool = False
    back: int = 0
    voiced: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """Wire times (monotonic seconds) of the first packet and of the last voiced one; None when there was no such packet."""

    first_packet_s: float | None
    last_voiced_s: float | None
    finished: bool = True
    """False: stopped before its end."""


@dataclass(frozen=True, slots=True)
class KeyPress:
    """A DTMF key received: when (monotonic seconds), and how."""

    key: str
    at_s: float
    how: Literal["rfc4733", "info"]


def speech_frames(samples: Samples, codec: Codec) -> list[Frame]:
    """20 ms frames of `samples`, the last one filled with silence."""
    padded = np.pad(samples, (0, -len(samples) % audio.FRAME_SAMPLES))
    data, flags = g711.encode(padded, codec), audio.voiced(padded)
    size, number = audio.FRAME_SAMPLES, g711.PAYLOAD_TYPES[codec]
    return [Frame(number, data[index * size : (index + 1) * size], voiced=bool(flag)) for index, flag in enumerate(flags)]


def key_frames(key: str, payload_type: int, duration_ms: int = 100) -> list[Frame]:
    """A telephone-event: updates each 20 ms, then its end three times. Raises ValueError for what is no key. Source: RFC 4733 section 2.5."""
    if len(key) != 1 or key not in KEYS:
        raise ValueError(f"{key!r} is no DTMF key; the keys are {KEYS}")
    event, steps = KEYS.index(key), max(duration_ms // 20, 1)
    counts = [*range(1, steps + 1), steps, steps]
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


class Playing:
    """Something a stream is sending. `done` resolves to Played at its end or when stopped."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.done: asyncio.Future[Played] = asyncio.get_running_loop().create_future()
        self._frames = iter(frames)
        self._first_s: float | None = None
        self._voiced_s: float | None = None

    def stop(self) -> None:
        """Nothing more of it is sent; silence follows."""
        self._finish(finished=False)

    def next(self) -> Frame | None:
        """The next frame; None at the end, and `done` is resolved."""
        frame = None if self.done.done() else next(self._frames, None)
        if frame is None:
            self._finish(finished=True)
        return frame

    def left(self, frame: Frame, at_s: float) -> None:
        """`frame` went onto the wire at `at_s`."""
        self._first_s = at_s if self._first_s is None else self._first_s
        self._voiced_s = at_s if frame.voiced else self._voiced_s

    def _finish(self, *, finished: bool) -> None:
        if not self.done.done():
            self.done.set_result(Played(self._first_s, self._voiced_s, finished))


class Stream:
    """The RTP of one call: a socket of its own, what is said, what was heard."""

    def __init__(self, host: str) -> None:
        self.heard, self.sent = Recording(), Recording()
        self.keys: list[KeyPress] = []
        self.enabled = True
        """False: the phone sends no packet at all, whatever plays."""
        self.held = False
        """True: signalling forbids sending (we are on hold)."""
        self.silence: Silence = "send"
        self.unsent = 0
        """Packets the system did not take (no route, buffer full)."""
        self.codec: Codec = "PCMU"
        self.event_type: int | None = None
        self.line: Line | None = None
        """What spoils the packets sent, if anything."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]
        self._remote: tuple[str, int] | None = None
        self._playing: Playing | None = None
        self._ssrc, self._sequence, self._timestamp = random.getrandbits(32), random.getrandbits(16), random.getrandbits(32)
        self._last_event = -1
        self._quiet_frames = 1
        self._due_s = 0.0
        self._ticker: Ticker | None = None

    def connect(self, remote: tuple[str, int], codec: Codec, event_type: int | None) -> None:
        """Send to `remote` from now on."""
        self._remote, self.codec, self.event_type = remote, codec, event_type
        if self._ticker is None:
            self._due_s = time.monotonic()
            self._ticker = Ticker.shared()
            self._ticker.join(self)

    def close(self) -> None:
        """Stop and give the port back. The recordings stay."""
        if self._ticker is not None:
            self._drain()
            self._ticker.leave(self)
            self._ticker = None
        if self._playing is not None:
            self._playing.stop()
        self._socket.close()

    def start(self, frames: Sequence[Frame]) -> Playing:
        """Send `frames` from the next tick on, instead of what plays now."""
        if self._playing is not None:
            self._playing.stop()
        self._playing = Playing(frames)
        return self._playing

    def tick(self, now_s: float) -> None:
        """Read what came and send what is due."""
        self._drain()
        if now_s - self._due_s > MAX_CATCH_UP_S:
            self._due_s = now_s
        while self._due_s <= now_s + audio.FRAME_S / 2:
            self._send_due()
            self._due_s += audio.FRAME_S if self.line is None else audio.FRAME_S / (1 + self.line.impairment.drift_ppm / 1e6)

    def _send_due(self) -> None:
        playing = self._playing
        frame = (playing.next() if playing else None) or self._silence_frame()
        timestamp, self._timestamp = self._timestamp, (self._timestamp + audio.FRAME_SAMPLES) & 0xFFFFFFFF
        if frame is None or self._remote is None or self.held or not self.enabled:
            self._quiet_frames += 1
            return
        marker = frame.marker or (self._quiet_frames > 0 and frame.payload_type in g711.CODECS)
        self._quiet_frames = 0 if frame.payload_type != COMFORT_NOISE else 1
        self._sequence = (self._sequence + 1) & 0xFFFF
        stamp = (timestamp - frame.back) & 0xFFFFFFFF
        data = _HEADER.pack(0x80, frame.payload_type | 0x80 * marker, self._sequence, stamp, self._ssrc) + frame.payload
        at_s = self._put_on_wire(data)
        self.sent.note(Packet(at_s, frame.payload_type, self._sequence, stamp, self._ssrc, frame.payload))
        if playing is not None:
            playing.left(frame, at_s)

    def _silence_frame(self) -> Frame | None:
        if self.silence == "send":
            return _SILENCE[self.codec]
        return Frame(COMFORT_NOISE, b"\x46") if self.silence == "cn" and self._quiet_frames == 0 else None

    def _put_on_wire(self, data: bytes) -> float:
        now_s = time.monotonic()
        if self.line is None:
            self._transmit(data)
            return now_s
        loop = asyncio.get_running_loop()
        for leaves_s in self.line.departures(now_s):
            loop.call_later(leaves_s - now_s, self._transmit, data)
        return now_s

    def _transmit(self, data: bytes) -> None:
        if self._remote is not None and self._socket.fileno() >= 0:
            try:
                self._socket.sendto(data, self._remote)
            except OSError:
                self.unsent += 1

    def _drain(self) -> None:
        to_monotonic_s = time.monotonic() - time.time()
        while True:
            try:
                data, notes, _, _ = self._socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = _TIMESPEC.unpack(notes[0][2])
            packet = parse(data, seconds + nanoseconds / 1e9 + to_monotonic_s)
            if packet is not None:
                self._received(packet)

    def _received(self, packet: Packet) -> None:
        self.heard.note(packet)
        if packet.payload_type == self.event_type and len(packet.payload) >= 4:
            self._event_received(packet)

    def _event_received(self, packet: Packet) -> None:
        event = packet.payload[0]
        if event < len(KEYS) and packet.timestamp != self._last_event:
            self._last_event = packet.timestamp
            self.keys.append(KeyPress(KEYS[event], packet.at_s, "rfc4733"))


_SILENCE: dict[Codec, Frame] = {codec: speech_frames(audio.silence(audio.FRAME_S), codec)[0] for codec in g711.PAYLOAD_TYPES}
