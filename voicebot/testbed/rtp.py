"""RTP for all phones of the process: one drift-free ticker sends each stream's next packet every 20 ms and reads what came.

Arrival times are the kernel's, so reading late costs no accuracy. Never encodes on the hot path, never starts a task; RTCP is not spoken.
Sources: RFC 3550 (RTP), RFC 4733 (telephone-event), RFC 3389 (comfort noise).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from voicebot.testbed import audio, g711
from voicebot.testbed.g711 import Codec
from voicebot.testbed.impair import Line
from voicebot.testbed.packets import COMFORT_NOISE, KEYS, Frame, parse, silence_frame, written
from voicebot.testbed.recording import Packet, Recording
from voicebot.testbed.ticker import Ticker

MAX_CATCH_UP_S = 0.5
"""After a stall of the process longer than this the missed packets are skipped, not sent in a burst."""
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")

Silence = Literal["send", "dtx", "cn"]
"""What goes out while nothing plays: zeros, nothing, or one comfort-noise packet and then nothing."""


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
        self.ptime_ms = 20
        """How much audio one packet of speech or silence holds."""
        self.unsent = 0
        """Packets the system did not take (no route, buffer full)."""
        self.codec: Codec = "PCMU"
        self.event_type: int | None = None
        self.line: Line | None = None
        """What spoils the packets sent, if anything."""
        self._host = host
        self._socket, self.port = _socket(host)
        self._remote: tuple[str, int] | None = None
        self._playing: Playing | None = None
        self._beside: deque[Frame] = deque()
        self._ssrc, self._sequence, self._timestamp = random.getrandbits(32), random.getrandbits(16), random.getrandbits(32)
        self._last_event = -1
        self._quiet_frames = 1
        self._due_s = 0.0
        self._ticker: Ticker | None = None

    def move(self) -> None:
        """Listen at, and send from, another port from now on."""
        self._socket.close()
        self._socket, self.port = _socket(self._host)

    def renumber(self, ssrc: bool = True, later_s: float = 0.0) -> None:
        """Become another RTP source, as after a transfer behind the caller's switchboard, or let the timestamps jump. Sequence numbers go on:
        Asterisk 22 takes all that is numbered below what it has had for late, and drops it."""
        if ssrc:
            self._ssrc = random.getrandbits(32)
        self._timestamp = (self._timestamp + int(later_s * audio.RATE_HZ)) & 0xFFFFFFFF

    def beside(self, frames: Sequence[Frame]) -> None:
        """Send `frames` too, one beside each packet of what plays, as a phone does that goes on sending voice while a key is down."""
        self._beside.extend(frames)

    def inject(self, data: bytes, stray: bool = False) -> None:
        """One datagram as it stands to where we send; `stray`: from a port that is not ours."""
        if self._remote is not None:
            with contextlib.closing(_socket(self._host)[0]) as other:
                (other if stray else self._socket).sendto(data, self._remote)

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
            sent_s = self._send_due() / audio.RATE_HZ
            self._due_s += sent_s if self.line is None else sent_s / (1 + self.line.impairment.drift_ppm / 1e6)

    def _send_due(self) -> int:
        """How many samples it stood for."""
        playing = self._playing
        frame = (playing.next() if playing else None) or self._silence_frame()
        samples = frame.samples if frame else audio.FRAME_SAMPLES
        timestamp, self._timestamp = self._timestamp, (self._timestamp + samples) & 0xFFFFFFFF
        self._send(frame, timestamp, playing)
        if self._beside:
            self._send(self._beside.popleft(), timestamp, None)
        return samples

    def _send(self, frame: Frame | None, timestamp: int, playing: Playing | None) -> None:
        if frame is None or self._remote is None or self.held or not self.enabled:
            self._quiet_frames += 1
            return
        marker = frame.marker or (self._quiet_frames > 0 and frame.payload_type in g711.CODECS)
        self._quiet_frames = 0 if frame.payload_type != COMFORT_NOISE else 1
        self._sequence = (self._sequence + 1) & 0xFFFF
        stamp = (timestamp - frame.back) & 0xFFFFFFFF
        packet = Packet(time.monotonic(), frame.payload_type, self._sequence, stamp, self._ssrc, frame.payload)
        self._put_on_wire(written(packet, marker), packet.at_s)
        self.sent.note(packet)
        if playing is not None:
            playing.left(frame, packet.at_s)

    def _silence_frame(self) -> Frame | None:
        if self.silence == "send":
            return silence_frame(self.codec, self.ptime_ms)
        return Frame(COMFORT_NOISE, b"\x46") if self.silence == "cn" and self._quiet_frames == 0 else None

    def _put_on_wire(self, data: bytes, now_s: float) -> None:
        if self.line is None:
            self._transmit(data)
            return
        loop = asyncio.get_running_loop()
        for leaves_s in self.line.departures(now_s):
            loop.call_later(leaves_s - now_s, self._transmit, data)

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


def _socket(host: str) -> tuple[socket.socket, int]:
    """Bound to any free port, and that port."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    opened.setblocking(False)
    opened.bind((host, 0))
    return opened, int(opened.getsockname()[1])
