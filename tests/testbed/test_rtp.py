"""Streams on real loopback sockets."""

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

from voicebot.testbed import audio, g711, rtp
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.impair import Impairment, Line
from voicebot.testbed.packets import key_frames, parse, speech_frames
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
            packet = parse(data, time.monotonic())
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


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_speech_arrives_as_it_was_said(codec: Codec, babble: Babble) -> None:
    async def main() -> None:
        async with pair(codec) as (mouth, ear):
            played = await mouth.start(speech_frames(babble(1, 0.4), codec)).done
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
            await stream.start(speech_frames(audio.tone(300, 0.1), "PCMU")).done
            await stream.start(key_frames("5", 101, 40)).done
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
            await stream.start(speech_frames(audio.tone(300, 0.1), "PCMU")).done
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
                await stream.start(speech_frames(audio.tone(300, 0.06), "PCMU")).done
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
            first = mouth.start(speech_frames(audio.tone(300, 5.0), "PCMU"))
            await asyncio.sleep(0.1)
            second = mouth.start(speech_frames(audio.tone(300, 0.1), "PCMU"))
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
            return await mouth.start(speech_frames(np.concatenate((audio.tone(300, 0.1), audio.silence(0.2))), "PCMU")).done

    played = asyncio.run(main())
    assert played.first_packet_s is not None
    assert played.last_voiced_s is not None
    assert played.last_voiced_s - played.first_packet_s == pytest.approx(0.08, abs=0.015)


def test_words_that_never_reached_the_wire_have_no_times() -> None:
    async def main() -> rtp.Played:
        async with pair() as (mouth, _):
            mouth.enabled = False
            return await mouth.start(speech_frames(audio.tone(300, 0.06), "PCMU")).done

    assert asyncio.run(main()) == rtp.Played(None, None, finished=True)


def test_keys_are_heard_once_each_even_the_same_twice() -> None:
    async def main() -> list[str]:
        async with pair() as (mouth, ear):
            for key in "11#A":
                await mouth.start(key_frames(key, 101, 60)).done
            await asyncio.sleep(0.05)
            assert all(press.how == "rfc4733" for press in ear.keys)
            return [press.key for press in ear.keys]

    assert asyncio.run(main()) == ["1", "1", "#", "A"]


def test_the_end_packets_alone_are_enough_to_hear_a_key() -> None:
    async def main() -> list[str]:
        async with pair() as (mouth, ear):
            await mouth.start(key_frames("7", 101, 60)[-2:]).done
            await asyncio.sleep(0.05)
            return [press.key for press in ear.keys]

    assert asyncio.run(main()) == ["7"]


def test_a_lossy_line_loses_what_it_should_and_sent_keeps_all(babble: Babble) -> None:
    async def main() -> tuple[int, int, int]:
        async with pair() as (mouth, ear):
            mouth.line = Line(Impairment(loss=0.3, seed=3))
            await mouth.start(speech_frames(babble(1, 1.0), "PCMU")).done
            await asyncio.sleep(0.05)
            return ear.heard.lost, len(ear.heard.packet_times_s), len(mouth.sent.packet_times_s)

    lost, heard, sent = asyncio.run(main())
    assert heard < sent
    assert lost == pytest.approx(0.3 * sent, abs=12)


def test_a_jittery_reordering_doubling_line_is_put_right_by_the_ear(babble: Babble) -> None:
    async def main() -> tuple[audio.Match, int]:
        async with pair() as (mouth, ear):
            mouth.line = Line(Impairment(jitter_ms=15, reorder=0.1, duplicate=0.2, seed=3))
            await mouth.start(speech_frames(babble(1, 1.0), "PCMU")).done
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
            await mouth.start(speech_frames(babble(1, 0.8), "PCMU")).done
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
            playing = mouth.start(speech_frames(babble(1, 5.0), "PCMU"))
            await asyncio.sleep(0.1)
            mouth.close()
            assert not (await playing.done).finished
            await asyncio.sleep(0.05)
            assert ear.heard.onset_s() is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
                again.bind(("127.0.0.1", mouth.port))

    asyncio.run(main())


@pytest.mark.parametrize(("ptime_ms", "expected"), [(10, 40), (30, 13), (40, 10)])
def test_packets_of_another_length_are_sent_at_their_own_pace(ptime_ms: int, expected: int) -> None:
    async def main() -> list[Packet]:
        async with listener() as (stream, look):
            stream.ptime_ms = ptime_ms
            await asyncio.sleep(0.1)
            before = len(look())
            await stream.start(speech_frames(audio.tone(300, 0.4), "PCMU", ptime_ms)).done
            return look()[before:]

    sent = asyncio.run(main())
    assert len(sent) == pytest.approx(expected, abs=4)
    assert {(later.timestamp - earlier.timestamp) & 0xFFFFFFFF for earlier, later in pairwise(sent)} == {ptime_ms * 8}


def test_an_event_may_be_sent_beside_speech() -> None:
    async def main() -> tuple[Stream, Stream]:
        async with pair() as (mouth, ear):
            mouth.beside(key_frames("5", 101, 60))
            await mouth.start(speech_frames(audio.tone(300, 0.3), "PCMU")).done
            await asyncio.sleep(0.05)
            return mouth, ear

    mouth, ear = asyncio.run(main())
    assert [press.key for press in ear.keys] == ["5"]
    assert mouth.sent.onset_s() is not None


def test_a_stream_may_become_another_source_in_mid_call() -> None:
    async def main() -> list[Packet]:
        async with listener() as (stream, look):
            await asyncio.sleep(0.1)
            look()
            stream.renumber(later_s=10)
            await asyncio.sleep(0.1)
            return look()

    sent = asyncio.run(main())
    assert len({packet.ssrc for packet in sent}) == 2
    steps = [(later.timestamp - earlier.timestamp) & 0xFFFFFFFF for earlier, later in pairwise(sent)]
    assert steps.count(80_160) == 1
    assert set(steps) == {160, 80_160}


def test_a_stream_may_move_to_another_port(babble: Babble) -> None:
    async def main() -> Stream:
        async with pair() as (mouth, ear):
            before = ear.port
            ear.move()
            assert ear.port != before
            mouth.connect(("127.0.0.1", ear.port), "PCMU", 101)
            await mouth.start(speech_frames(babble(1, 0.3), "PCMU")).done
            await asyncio.sleep(0.05)
            return ear

    assert asyncio.run(main()).heard.onset_s() is not None


@pytest.mark.parametrize("stray", [False, True])
def test_any_datagram_may_be_injected_from_the_port_or_from_another(stray: bool) -> None:
    async def main() -> tuple[int, int]:
        stream, received = Stream("127.0.0.1"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        received.bind(("127.0.0.1", 0))
        received.settimeout(2)
        try:
            stream.enabled = False
            stream.inject(b"before there is anywhere to send to")
            stream.connect(received.getsockname(), "PCMU", None)
            stream.inject(b"", stray)
            data, (_, port) = received.recvfrom(100)
            assert data == b""
            return stream.port, port
        finally:
            stream.close()
            received.close()

    ours, source = asyncio.run(main())
    assert (source != ours) == stray
