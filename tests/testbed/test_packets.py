"""Packets by the letter of the RFCs."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.testbed import audio, g711, packets
from voicebot.testbed.g711 import Codec
from voicebot.testbed.recording import Packet


def packet_bytes(first: int = 0x80, second: int = 0, sequence: int = 7, timestamp: int = 160, rest: bytes = b"\xff" * 160) -> bytes:
    return struct.pack("!BBHII", first, second, sequence, timestamp, 99) + rest


def test_a_packet_is_read_field_by_field() -> None:
    assert packets.parse(packet_bytes(second=0x88), 1.5) == Packet(1.5, 8, 7, 160, 99, b"\xff" * 160)


def test_sources_extension_and_padding_are_no_audio() -> None:
    rest = b"CSRC" * 2 + b"\xbe\xde\x00\x01" + b"EXT!" + b"audio" + b"\0\0\3"
    packet = packets.parse(packet_bytes(first=0x80 | 0x20 | 0x10 | 2, rest=rest), 0)
    assert packet is not None
    assert packet.payload == b"audio"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80" * 11,
        packet_bytes(first=0x40),
        packet_bytes(first=0xC0),
        packet_bytes(first=0x8F, rest=b""),
        packet_bytes(first=0xA0, rest=b"\xff"),
    ],
)
def test_what_is_no_rtp_is_refused(data: bytes) -> None:
    assert packets.parse(data, 0) is None


@given(st.binary(max_size=80))
def test_any_datagram_is_read_or_refused(data: bytes) -> None:
    packet = packets.parse(data, 0)
    assert packet is None or len(packet.payload) <= len(data) - 12


@given(st.integers(0, 1_000), st.sampled_from(["PCMU", "PCMA"]))
def test_speech_is_cut_into_whole_frames(count: int, codec: Codec) -> None:
    samples = (np.arange(count) % 50 * 300).astype(np.int16)
    frames = packets.speech_frames(samples, codec)
    joined = b"".join(frame.payload for frame in frames)
    assert all(len(frame.payload) == 160 and frame.payload_type == g711.PAYLOAD_TYPES[codec] for frame in frames)
    assert joined[:count] == g711.encode(samples, codec)
    assert len(joined) - count < 160


def test_frames_know_whether_they_are_voiced() -> None:
    frames = packets.speech_frames(np.concatenate((audio.silence(0.04), audio.tone(300, 0.04))), "PCMU")
    assert [frame.voiced for frame in frames] == [False, False, True, True]


@pytest.mark.parametrize(("key", "event"), [("0", 0), ("9", 9), ("*", 10), ("#", 11), ("D", 15)])
def test_a_key_is_an_event_that_grows_and_ends_three_times(key: str, event: int) -> None:
    """RFC 4733 sections 2.3 and 2.5.1.4."""
    frames = packets.key_frames(key, 101, 100)
    fields = [struct.unpack("!BBH", frame.payload) for frame in frames]
    assert [first for first, _, _ in fields] == [event] * 7
    assert [bool(second & 0x80) for _, second, _ in fields] == [False] * 4 + [True] * 3
    assert [duration for _, _, duration in fields] == [160, 320, 480, 640, 800, 800, 800]
    assert [frame.marker for frame in frames] == [True] + [False] * 6
    assert [frame.back for frame in frames] == [160 * index for index in range(7)]


@pytest.mark.parametrize("key", ["x", "", "12"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="is no DTMF key; the keys are"):
        packets.key_frames(key, 101)


@pytest.mark.parametrize(("ptime_ms", "count"), [(10, 20), (20, 10), (30, 7), (40, 5)])
def test_packets_may_be_of_any_length(ptime_ms: int, count: int) -> None:
    samples = np.concatenate((audio.silence(0.1), audio.tone(300, 0.1)))
    frames = packets.speech_frames(samples, "PCMU", ptime_ms)
    assert {frame.samples for frame in frames} == {len(frame.payload) for frame in frames} == {ptime_ms * 8}
    assert len(frames) == count
    assert b"".join(frame.payload for frame in frames)[:1_600] == g711.encode(samples, "PCMU")
    assert [frame.voiced for frame in frames] == [index * ptime_ms + ptime_ms > 100 for index in range(count)]


@pytest.mark.parametrize(("ends", "marked"), [(0, 0), (1, 1), (3, 3)])
def test_the_ends_of_a_key_may_be_lost(ends: int, marked: int) -> None:
    frames = packets.key_frames("8", 101, 100, ends)
    assert sum(frame.payload[1] >> 7 for frame in frames) == marked
    assert len(frames) == 4 + ends


WORD = st.integers(0, 2**32 - 1)


@given(st.builds(Packet, st.just(1.0), st.integers(0, 127), st.integers(0, 2**16 - 1), WORD, WORD, st.binary(max_size=200)), st.booleans())
def test_what_is_written_is_read_again(packet: Packet, marker: bool) -> None:
    data = packets.written(packet, marker)
    assert packets.parse(data, 1.0) == packet
    assert data[1] >> 7 == marker
