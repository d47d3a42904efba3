"""Everything one direction of a call carried, on a time line of monotonic seconds, with the exact wire time of every packet.

Play-out is at arrival, as in a phone with a small jitter buffer; gaps are silence. Packets are only noted as they pass and laid out when asked for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from voicebot.testbed import g711
from voicebot.testbed.audio import FRAME_SAMPLES, RATE_HZ, VOICED_DB, levels_db
from voicebot.testbed.g711 import Samples

LATE_S = 0.06
"""A packet later than this against the packets before it leaves a gap; one out of order and later than this is dropped."""
EARLY_S = 0.2
"""A packet earlier than this (the sender caught up after a stall) starts the time line anew at its arrival."""


class Packet(NamedTuple):
    """One RTP packet as it stood on the wire. `at_s` is the monotonic time it arrived (or left)."""

    at_s: float
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


@dataclass(slots=True)
class _Anchor:
    """Where the newest packet lies: later ones follow from its RTP timestamp."""

    position: int
    timestamp: int
    ssrc: int


class Recording:
    """One direction of one call. Times are monotonic seconds; audio is int16 at 8 kHz."""

    def __init__(self) -> None:
        self._start_s = 0.0
        self._lost = self._late = self._duplicates = 0
        self._noted: list[Packet] = []
        self._anchor: _Anchor | None = None
        self._newest: tuple[int, int] | None = None
        self._seen: set[tuple[int, int]] = set()
        self._seen_before: set[tuple[int, int]] = set()
        self._positions: list[int] = []
        self._arrivals_s: list[float] = []
        self._levels_db: list[float] = []
        self._samples = np.zeros(RATE_HZ * 10, np.int16)
        self._end = 0

    def note(self, packet: Packet) -> None:
        """Keep a packet. Cheap: the work is done by whoever asks for audio."""
        self._noted.append(packet)

    @property
    def lost(self) -> int:
        """Packets missing by sequence number."""
        self._lay_out()
        return self._lost

    @property
    def late(self) -> int:
        """Packets out of order that came too late to play."""
        self._lay_out()
        return self._late

    @property
    def duplicates(self) -> int:
        """Packets that came once more."""
        self._lay_out()
        return self._duplicates

    @property
    def start_s(self) -> float:
        """Wire time of the first audio packet; 0 while there is none."""
        self._lay_out()
        return self._start_s

    @property
    def end_s(self) -> float:
        """Where the audio so far ends on the time line."""
        self._lay_out()
        return self._start_s + self._end / RATE_HZ

    @property
    def packet_times_s(self) -> list[float]:
        """Wire times of the audio packets in the order of play."""
        self._lay_out()
        return list(self._arrivals_s)

    def audio(self, from_s: float | None = None, to_s: float | None = None) -> Samples:
        """What was heard from `from_s` to `to_s` (all of it by default); silence where nothing was."""
        self._lay_out()
        first = 0 if from_s is None else round((from_s - self._start_s) * RATE_HZ)
        last = self._end if to_s is None else round((to_s - self._start_s) * RATE_HZ)
        heard = np.zeros(max(last - first, 0), np.int16)
        part = self._samples[max(first, 0) : max(min(last, self._end), 0)]
        heard[max(-first, 0) : max(-first, 0) + len(part)] = part[: len(heard)]
        return heard

    def wire_s(self, at_s: float) -> float:
        """The exact time the packet that plays at `at_s` crossed the wire. Raises LookupError when nothing played yet."""
        self._lay_out()
        index = bisect_right(self._positions, round((at_s - self._start_s) * RATE_HZ)) - 1
        if index < 0:
            raise LookupError(f"nothing was heard at {at_s:.3f} s or before")
        return self._arrivals_s[index]

    def onset_s(self, from_s: float | None = None, to_s: float | None = None, threshold_db: float = VOICED_DB) -> float | None:
        """Wire time of the first voiced packet in the span, or None."""
        found = self._voiced_packets(from_s, to_s, threshold_db)
        return self._arrivals_s[found[0]] if found else None

    def last_voiced_s(self, from_s: float | None = None, to_s: float | None = None, threshold_db: float = VOICED_DB) -> float | None:
        """Wire time of the last voiced packet in the span, or None."""
        found = self._voiced_packets(from_s, to_s, threshold_db)
        return self._arrivals_s[found[-1]] if found else None

    def _voiced_packets(self, from_s: float | None, to_s: float | None, threshold_db: float) -> list[int]:
        self._lay_out()
        first = 0 if from_s is None else self._first_packet(from_s)
        last = len(self._positions) if to_s is None else self._first_packet(to_s)
        return [first + int(index) for index in np.flatnonzero(np.asarray(self._levels_db[first:last]) >= threshold_db)]

    def _first_packet(self, from_s: float) -> int:
        return bisect_left(self._positions, round((from_s - self._start_s) * RATE_HZ))

    def _lay_out(self) -> None:
        noted, self._noted = self._noted, []
        for packet in noted:
            codec = g711.CODECS.get(packet.payload_type)
            if self._is_new(packet) and codec and packet.payload:
                self._place(packet, g711.decode(packet.payload, codec))

    def _is_new(self, packet: Packet) -> bool:
        """Count what is missing or double. Keys are kept for 10,000 packets at least, and sequence numbers return after 65,536."""
        key = (packet.ssrc, packet.sequence)
        if key in self._seen or key in self._seen_before:
            self._duplicates += 1
            return False
        if len(self._seen) >= 10_000:
            self._seen, self._seen_before = set(), self._seen
        self._seen.add(key)
        self._count_lost(packet)
        return True

    def _count_lost(self, packet: Packet) -> None:
        if self._newest is None or self._newest[0] != packet.ssrc:
            self._newest = (packet.ssrc, packet.sequence)
            return
        steps = _signed(packet.sequence - self._newest[1], 16)
        if steps < 0:
            self._lost -= 1  # counted when the packets after it came first
        else:
            self._lost += steps - 1
            self._newest = (packet.ssrc, packet.sequence)

    def _place(self, packet: Packet, samples: Samples) -> None:
        if not self._positions:
            self._start_s = packet.at_s
        arrived = max(round((packet.at_s - self._start_s) * RATE_HZ), 0)
        position = self._position(packet, arrived)
        if position is None:
            self._late += 1
            return
        self._write(position, samples)
        index = bisect_right(self._positions, position)
        self._positions.insert(index, position)
        self._arrivals_s.insert(index, packet.at_s)
        self._levels_db.insert(index, _loudest_db(samples))

    def _position(self, packet: Packet, arrived: int) -> int | None:
        anchor = self._anchor
        if anchor is None or anchor.ssrc != packet.ssrc:
            return self._anchored(packet, arrived)
        ahead = _signed(packet.timestamp - anchor.timestamp, 32)
        position = anchor.position + ahead
        late_s = (arrived - position) / RATE_HZ
        if ahead <= 0 and ahead > -RATE_HZ:
            return position if late_s <= LATE_S and position >= 0 else None
        return self._anchored(packet, position if -EARLY_S <= late_s <= LATE_S else arrived)

    def _anchored(self, packet: Packet, position: int) -> int:
        self._anchor = _Anchor(position, packet.timestamp, packet.ssrc)
        return position

    def _write(self, position: int, samples: Samples) -> None:
        end = position + len(samples)
        if end > len(self._samples):
            self._samples = np.concatenate((self._samples, np.zeros(end + RATE_HZ, np.int16)))
        self._samples[position:end] = samples
        self._end = max(self._end, end)


def _loudest_db(samples: Samples) -> float:
    return float(levels_db(np.pad(samples, (0, -len(samples) % FRAME_SAMPLES))).max())


def _signed(difference: int, bits: int) -> int:
    """A difference of numbers that wrap at 2**bits."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half
