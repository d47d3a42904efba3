"""Packets by the letter of the RFCs; streams on real loopback sockets."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.testbed import audio, g711, rtp
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.impair import Impairment, Line
from voicebot.testbed.recording import Packet
from voicebot.testbed.rtp import Stream

Babble = Callable[[int, float], Samples]


def packet_bytes(first: int = 0x80, second: int = 0, sequence: int = 7, timestamp: int = 160, rest: bytes = b"\xff" * 160) -> bytes:
    return struct.pack("!BBHII", first, second, sequence, timestamp, 99) + rest


@asynccontextmanager
async def pair(codec: Codec = "PCMU", event_type: int | None = 101) -> AsyncIterator[tuple[Stream, Stream]]:
    """Two streams that send to each other."""
    one, other = Stream("127.0.0.1"), Stream("127.0.0.1")
    one.connect(("127.0.0.1", other.port), codec, event_type)
    other.connect(("127.0.0.1", one.port), codec, event_type)
    try:
        yield one, other
    finally:
        one.close()
        other.close()


@asynccontextmanager
async def listener() -> AsyncIterator[tuple[Stream, Callable[[], list[Packet]]]]:
    """A stream, and a look at the raw packets it has sent."""
    received = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    received.bind(("127.0.0.1", 0))
    received.setblocking(False)
    packets: list[Packet] = []

    def look() -> list[Packet]:
        while True:
            try:
                data = received.recv(2_048)
            except BlockingIOError:
                return packets
            packet = rtp.parse(data, time.monotonic())
            assert packet is not None
            packets.append(packet._replace(payload=data[1:2] + packet.payload))  # keeps the marker bit

    stream = Stream("127.0.0.1")
    stream.connect(("127.0.0.1", received.getsockname()[1]), "PCMU", 101)
    try:
        yield stream, look
    finally:
        stream.close()
        received.close()


def marked(packet: Packet) -> bool:
    return bool(packet.payload[0] & 0x80)


def test_a_packet_is_read_field_by_field() -> None:
    assert rtp.parse(packet_bytes(second=0x88), 1.5) == Packet(1.5, 8, 7, 160, 99, b"\xff" * 160)


def test_sources_extension_and_padding_are_no_audio() -> None:
    rest = b"CSRC" * 2 + b"\xbe\xde\x00\x01" + b"EXT!" + b"audio" + b"\0\0\3"
    packet = rtp.parse(packet_bytes(first=0x80 | 0x20 | 0x10 | 2, rest=rest), 0)
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
    assert rtp.parse(data, 0) is None


@given(st.binary(max_size=80))
def test_any_datagram_is_read_or_refused(data: bytes) -> None:
    packet = rtp.parse(data, 0)
    assert packet is None or len(packet.payload) <= len(data) - 12


@given(st.integers(0, 1_000), st.sampled_from(["PCMU", "PCMA"]))
def test_speech_is_cut_into_whole_frames(count: int, codec: Codec) -> None:
    samples = (np.arange(count) % 50 * 300).astype(np.int16)
    frames = rtp.speech_frames(samples, codec)
    joined = b"".join(frame.payload for frame in frames)
    assert all(len(frame.payload) == 160 and frame.payload_type == g711.PAYLOAD_TYPES[codec] for frame in frames)
    assert joined[:count] == g711.encode(samples, codec)
    assert len(joined) - count < 160


def test_frames_know_whether_they_are_voiced() -> None:
    frames = rtp.speech_frames(np.concatenate((audio.silence(0.04), audio.tone(300, 0.04))), "PCMU")
    assert [frame.voiced for frame in frames] == [False, False, True, True]


@pytest.mark.parametrize(("key", "event"), [("0", 0), ("9", 9), ("*", 10), ("#", 11), ("D", 15)])
def test_a_key_is_an_event_that_grows_and_ends_three_times(key: str, event: int) -> None:
    """RFC 4733 sections 2.3 and 2.5.1.4."""
    frames = rtp.key_frames(key, 101, 100)
    fields = [struct.unpack("!BBH", frame.payload) for frame in frames]
    assert [first for first, _, _ in fields] == [event] * 7
    assert [bool(second & 0x80) for _, second, _ in fields] == [False] * 4 + [True] * 3
    assert [duration for _, _, duration in fields] == [160, 320, 480, 640, 800, 800, 800]
    assert [frame.marker for frame in frames] == [True] + [False] * 6
    assert [frame.back for frame in frames] == [160 * index for index in range(7)]


@pytest.mark.parametrize("key", ["x", "", "12"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="is no DTMF key; the keys are"):
        rtp.key_frames(key, 101)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_speech_arrives_as_it_was_said(codec: Codec, babble: Babble) -> None:
    async def main() -> None:
        async with pair(codec) as (mouth, ear):
            played = await mouth.start(rtp.speech_frames(babble(1, 0.4), codec)).done
            await asyncio.sleep(0.05)
            assert played.first_packet_s is not None
            match = audio.locate(babble(1, 0.4), ear.heard.audio())  # shorter than a probe: the whole of it
            begun_s = ear.heard.wire_s(ear.heard.start_s + match.offset_s + 0.001)
            assert match.score > 0.99
            assert begun_s - played.first_packet_s == pytest.approx(0, abs=0.015)
            assert ear.heard.lost == 0

    asyncio.run(main())


def test_arrival_times_are_those_of_the_wire_even_if_the_process_sleeps(babble: Babble) -> None:
    async def main() -> None:
        async with pair() as (_, ear):
            await asyncio.sleep(0.05)
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sent_s = time.monotonic()
            sender.sendto(packet_bytes(sequence=1, timestamp=9, rest=g711.encode(babble(1, 0.02), "PCMU")), ("127.0.0.1", ear.port))
            time.sleep(0.15)  # noqa: ASYNC251 - the stall is the test
            await asyncio.sleep(0.05)
            sender.close()
            onset_s = ear.heard.onset_s()
            assert onset_s is not None
            assert onset_s - sent_s == pytest.approx(0, abs=0.015)

    asyncio.run(main())


def test_the_numbers_of_a_stream_go_on_without_a_gap() -> None:
    async def main() -> list[Packet]:
        async with listener() as (stream, look):
            await stream.start(rtp.speech_frames(audio.tone(300, 0.1), "PCMU")).done
            await stream.start(rtp.key_frames("5", 101, 40)).done
            await asyncio.sleep(0.1)
            return look()

    packets = asyncio.run(main())
    assert {(b.sequence - a.sequence) & 0xFFFF for a, b in pairwise(packets)} == {1}
    speech = [packet for packet in packets if packet.payload_type == 0]
    events = [packet for packet in packets if packet.payload_type == 101]
    assert {(packet.timestamp - speech[0].timestamp) % 160 for packet in packets} == {0}
    assert len({packet.timestamp for packet in events}) == 1
    assert len({packet.ssrc for packet in packets}) == 1
    assert [marked(packet) for packet in packets].count(True) == 2
    assert marked(packets[0])
    assert marked(events[0])
    assert (speech[-1].timestamp - speech[0].timestamp) & 0xFFFFFFFF == 160 * (len(packets) - 1)


def test_two_streams_never_begin_alike() -> None:
    async def first() -> Packet:
        async with listener() as (_, look):
            await asyncio.sleep(0.03)
            return look()[0]

    one, other = asyncio.run(first()), asyncio.run(first())
    assert one.ssrc != other.ssrc
    assert one.timestamp != other.timestamp


def test_silence_is_sent_while_nothing_plays() -> None:
    async def main() -> list[Packet]:
        async with listener() as (_, look):
            await asyncio.sleep(0.2)
            return look()

    packets = asyncio.run(main())
    assert len(packets) in range(9, 13)
    assert {packet.payload[1:] for packet in packets} == {b"\xff" * 160}


def test_dtx_sends_nothing_in_silence_and_marks_the_next_word() -> None:
    async def main() -> list[Packet]:
        async with listener() as (stream, look):
            stream.silence = "dtx"
            await asyncio.sleep(0.1)
            before = len(look())
            await stream.start(rtp.speech_frames(audio.tone(300, 0.1), "PCMU")).done
            await asyncio.sleep(0.1)
            return look()[before:]

    packets = asyncio.run(main())
    assert len(packets) == 5
    assert [marked(packet) for packet in packets] == [True, False, False, False, False]


def test_comfort_noise_is_one_packet_for_each_silence() -> None:
    async def main() -> list[int]:
        async with listener() as (stream, look):
            stream.silence = "cn"
            await asyncio.sleep(0.05)
            before = len(look())
            for _ in range(2):
                await stream.start(rtp.speech_frames(audio.tone(300, 0.06), "PCMU")).done
                await asyncio.sleep(0.1)
            return [packet.payload_type for packet in look()[before:]]

    assert asyncio.run(main()) == [0, 0, 0, 13] * 2


@pytest.mark.parametrize("switch", ["enabled", "held"])
def test_a_stopped_stream_sends_nothing_and_its_clock_goes_on(switch: str) -> None:
    async def main() -> list[Packet]:
        async with listener() as (stream, look):
            await asyncio.sleep(0.06)
            setattr(stream, switch, switch == "held")
            await asyncio.sleep(0.2)
            setattr(stream, switch, switch != "held")
            await asyncio.sleep(0.06)
            return look()

    packets = asyncio.run(main())
    steps = [(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(packets)]
    longest = max(steps)
    assert longest in range(160 * 9, 160 * 13)
    assert marked(packets[steps.index(longest) + 1])
    assert {(b.sequence - a.sequence) & 0xFFFF for a, b in pairwise(packets)} == {1}


def test_new_words_replace_the_old_ones_and_the_old_ones_know() -> None:
    async def main() -> tuple[rtp.Played, rtp.Played]:
        async with pair() as (mouth, _):
            first = mouth.start(rtp.speech_frames(audio.tone(300, 5.0), "PCMU"))
            await asyncio.sleep(0.1)
            second = mouth.start(rtp.speech_frames(audio.tone(300, 0.1), "PCMU"))
            return await first.done, await second.done

    first, second = asyncio.run(main())
    assert (first.finished, second.finished) == (False, True)
    assert first.first_packet_s is not None
    assert first.last_voiced_s is not None
    assert second.first_packet_s is not None
    assert first.last_voiced_s < second.first_packet_s


def test_the_last_voiced_packet_is_told_not_the_last_one() -> None:
    async def main() -> rtp.Played:
        async with pair() as (mouth, _):
            return await mouth.start(rtp.speech_frames(np.concatenate((audio.tone(300, 0.1), audio.silence(0.2))), "PCMU")).done

    played = asyncio.run(main())
    assert played.first_packet_s is not None
    assert played.last_voiced_s is not None
    assert played.last_voiced_s - played.first_packet_s == pytest.approx(0.08, abs=0.015)


def test_words_that_never_reached_the_wire_have_no_times() -> None:
    async def main() -> rtp.Played:
        async with pair() as (mouth, _):
            mouth.enabled = False
            return await mouth.start(rtp.speech_frames(audio.tone(300, 0.06), "PCMU")).done

    assert asyncio.run(main()) == rtp.Played(None, None, finished=True)


def test_keys_are_heard_once_each_even_the_same_twice() -> None:
    async def main() -> list[str]:
        async with pair() as (mouth, ear):
            for key in "11#A":
                await mouth.start(rtp.key_frames(key, 101, 60)).done
            await asyncio.sleep(0.05)
            assert all(press.how == "rfc4733" for press in ear.keys)
            return [press.key for press in ear.keys]

    assert asyncio.run(main()) == ["1", "1", "#", "A"]


def test_the_end_packets_alone_are_enough_to_hear_a_key() -> None:
    async def main() -> list[str]:
        async with pair() as (mouth, ear):
            await mouth.start(rtp.key_frames("7", 101, 60)[-2:]).done
            await asyncio.sleep(0.05)
            return [press.key for press in ear.keys]

    assert asyncio.run(main()) == ["7"]


def test_a_lossy_line_loses_what_it_should_and_sent_keeps_all(babble: Babble) -> None:
    async def main() -> tuple[int, int, int]:
        async with pair() as (mouth, ear):
            mouth.line = Line(Impairment(loss=0.3, seed=3))
            await mouth.start(rtp.speech_frames(babble(1, 1.0), "PCMU")).done
            await asyncio.sleep(0.05)
            return ear.heard.lost, len(ear.heard.packet_times_s), len(mouth.sent.packet_times_s)

    lost, heard, sent = asyncio.run(main())
    assert heard < sent
    assert lost == pytest.approx(0.3 * sent, abs=12)


def test_a_jittery_reordering_doubling_line_is_put_right_by_the_ear(babble: Babble) -> None:
    async def main() -> tuple[audio.Match, int]:
        async with pair() as (mouth, ear):
            mouth.line = Line(Impairment(jitter_ms=15, reorder=0.1, duplicate=0.2, seed=3))
            await mouth.start(rtp.speech_frames(babble(1, 1.0), "PCMU")).done
            await asyncio.sleep(0.1)
            return audio.locate(babble(1, 1.0), ear.heard.audio()), ear.heard.duplicates

    match, duplicates = asyncio.run(main())
    assert match.score > 0.95
    assert duplicates > 2


@pytest.mark.parametrize(("drift_ppm", "expected"), [(100_000.0, 55), (-100_000.0, 45)])
def test_a_drifting_clock_sends_more_or_fewer_packets(drift_ppm: float, expected: int) -> None:
    async def main() -> int:
        async with listener() as (stream, look):
            stream.line = Line(Impairment(drift_ppm=drift_ppm))
            await asyncio.sleep(1.0)
            return len(look())

    assert asyncio.run(main()) == pytest.approx(expected, abs=2)


def test_a_short_stall_is_made_up_and_a_long_one_is_skipped() -> None:
    async def packets_after(stall_s: float) -> int:
        async with listener() as (stream, look):
            await asyncio.sleep(0.05)
            before = len(look())
            stream.tick(time.monotonic() + stall_s)
            return len(look()) - before

    assert asyncio.run(packets_after(0.3)) in range(14, 18)
    assert asyncio.run(packets_after(0.7)) == 1


def test_junk_on_the_port_is_passed_over(babble: Babble) -> None:
    async def main() -> float:
        async with pair() as (mouth, ear):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for junk in (b"", b"x", b"\x80" * 5, bytes(2_000), packet_bytes(second=101, rest=b"\x05"), packet_bytes(second=101, rest=b"\xff\0\0\0")):
                sender.sendto(junk, ("127.0.0.1", ear.port))
            sender.close()
            await mouth.start(rtp.speech_frames(babble(1, 0.8), "PCMU")).done
            await asyncio.sleep(0.05)
            assert not ear.keys
            return audio.locate(babble(1, 0.8), ear.heard.audio()).score

    assert asyncio.run(main()) > 0.99


def test_what_the_system_does_not_take_is_counted() -> None:
    async def main() -> int:
        stream = Stream("127.0.0.1")
        stream.connect(("192.0.2.1", 9), "PCMU", None)  # a documentation address, which a loopback socket cannot reach
        await asyncio.sleep(0.05)
        stream.close()
        return stream.unsent

    assert asyncio.run(main()) >= 1


def test_closing_gives_the_port_back_and_keeps_the_recording(babble: Babble) -> None:
    async def main() -> None:
        async with pair() as (mouth, ear):
            playing = mouth.start(rtp.speech_frames(babble(1, 5.0), "PCMU"))
            await asyncio.sleep(0.1)
            mouth.close()
            assert not (await playing.done).finished
            await asyncio.sleep(0.05)
            assert ear.heard.onset_s() is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
                again.bind(("127.0.0.1", mouth.port))

    asyncio.run(main())
