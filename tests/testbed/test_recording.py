"""The time line: exact for what comes in time, silence for what does not, and never an error whatever comes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.testbed import audio, g711
from voicebot.testbed.g711 import Samples
from voicebot.testbed.recording import EARLY_S, LATE_S, Packet, Recording

Babble = Callable[[int, float], Samples]
START_S = 1_000.0


def packets(samples: Samples, *, start_s: float = START_S, sequence: int = 100, timestamp: int = 5_000, ssrc: int = 1) -> list[Packet]:
    data = [g711.encode(frame, "PCMU") for frame in samples.reshape(-1, 160)]
    return [
        Packet(start_s + 0.02 * index, 0, (sequence + index) & 0xFFFF, (timestamp + 160 * index) & 0xFFFFFFFF, ssrc, payload)
        for index, payload in enumerate(data)
    ]


def recorded(items: list[Packet]) -> Recording:
    recording = Recording()
    for packet in items:
        recording.note(packet)
    return recording


def decoded(samples: Samples) -> Samples:
    return g711.decode(g711.encode(samples, "PCMU"), "PCMU")


def late(packet: Packet, by_s: float) -> Packet:
    return packet._replace(at_s=packet.at_s + by_s)


def test_an_empty_recording_is_silence() -> None:
    recording = Recording()
    assert len(recording.audio()) == 0
    assert not recording.audio(1.0, 2.0).any()
    assert len(recording.audio(1.0, 2.0)) == 8_000
    assert recording.onset_s() is None
    assert recording.last_voiced_s() is None
    with pytest.raises(LookupError, match="nothing was heard"):
        recording.wire_s(5.0)


def test_what_was_sent_is_what_is_heard(babble: Babble) -> None:
    recording = recorded(packets(babble(1, 1.0)))
    assert np.array_equal(recording.audio(), decoded(babble(1, 1.0)))
    assert (recording.start_s, recording.end_s) == (START_S, START_S + 1.0)
    assert (recording.lost, recording.late, recording.duplicates) == (0, 0, 0)


def test_a_span_is_cut_to_the_sample_and_filled_with_silence_outside(babble: Babble) -> None:
    recording = recorded(packets(babble(1, 1.0)))
    heard = recording.audio(START_S - 0.5, START_S + 1.5)
    assert len(heard) == 16_000
    assert not heard[:4_000].any()
    assert np.array_equal(heard[4_000:12_000], decoded(babble(1, 1.0)))
    assert not heard[12_000:].any()
    assert np.array_equal(recording.audio(START_S + 0.25, START_S + 0.5), decoded(babble(1, 1.0))[2_000:4_000])
    assert len(recording.audio(START_S + 1, START_S)) == 0


def test_jitter_does_not_tear_the_audio_but_wire_times_stay_exact(babble: Babble) -> None:
    generator = np.random.default_rng(1)
    jittered = [late(packet, float(generator.uniform(0, 0.019))) for packet in packets(babble(1, 1.0))[1:]]
    recording = recorded(packets(babble(1, 1.0))[:1] + jittered)
    assert np.array_equal(recording.audio(), decoded(babble(1, 1.0)))
    assert recording.wire_s(START_S + 0.205) == jittered[9].at_s
    assert recording.packet_times_s == [START_S, *(packet.at_s for packet in jittered)]


def test_numbers_wrap_without_a_seam(babble: Babble) -> None:
    recording = recorded(packets(babble(1, 1.0), sequence=0xFFF0, timestamp=0xFFFFF000))
    assert np.array_equal(recording.audio(), decoded(babble(1, 1.0)))
    assert recording.lost == 0


def test_lost_packets_are_counted_and_silent(babble: Babble) -> None:
    sent = packets(babble(1, 1.0))
    recording = recorded(sent[:10] + sent[13:])
    assert recording.audio()[13 * 160 :].any()
    assert not recording.audio()[10 * 160 : 13 * 160].any()
    assert recording.lost == 3


def test_reordered_packets_are_put_right_and_not_lost(babble: Babble) -> None:
    sent = packets(babble(1, 1.0))
    swapped = [*sent[:10], sent[11]._replace(at_s=sent[10].at_s), sent[10]._replace(at_s=sent[11].at_s), *sent[12:]]
    recording = recorded(swapped)
    assert np.array_equal(recording.audio(), decoded(babble(1, 1.0)))
    assert (recording.lost, recording.late) == (0, 0)


def test_a_packet_out_of_order_and_too_late_is_dropped_and_told(babble: Babble) -> None:
    sent = packets(babble(1, 1.0))
    recording = recorded([*sent[:10], *sent[11:20], late(sent[10], 0.18 + LATE_S)])
    assert not recording.audio()[1_600:1_760].any()
    assert (recording.lost, recording.late) == (0, 1)


def test_duplicates_are_played_once(babble: Babble) -> None:
    recording = recorded([packet for packet in packets(babble(1, 1.0)) for _ in range(2)])
    assert np.array_equal(recording.audio(), decoded(babble(1, 1.0)))
    assert recording.duplicates == 50


def test_duplicates_are_known_even_in_a_long_call() -> None:
    sent = packets(audio.silence(0.02 * 25_000))
    assert recorded([*sent, sent[-1], sent[-3]]).duplicates == 2


def test_a_stall_is_a_gap_as_long_as_it_was(babble: Babble) -> None:
    sent = packets(babble(1, 1.0))
    recording = recorded(sent[:25] + [late(packet, 0.3) for packet in sent[25:]])
    heard = recording.audio()
    assert np.array_equal(heard[:4_000], decoded(babble(1, 1.0))[:4_000])
    assert not heard[4_000:6_400].any()
    assert np.array_equal(heard[6_400:], decoded(babble(1, 1.0))[4_000:])


def test_a_sender_that_jumps_back_into_time_is_followed(babble: Babble) -> None:
    sent = packets(babble(1, 2.0))
    recording = recorded([late(packet, EARLY_S + 0.1) for packet in sent[:50]] + sent[65:])
    assert recording.end_s == pytest.approx(START_S + 2.0, abs=1e-3)


def test_pauses_without_packets_are_silence_of_their_length(babble: Babble) -> None:
    first, second = packets(babble(1, 0.5)), packets(babble(2, 0.5), start_s=START_S + 2.0, sequence=125, timestamp=5_000 + 16_000)
    recording = recorded(first + second)
    assert np.array_equal(recording.audio(START_S + 2.0, START_S + 2.5), decoded(babble(2, 0.5)))
    assert not recording.audio(START_S + 0.5, START_S + 2.0).any()
    assert recording.lost == 0


def test_a_new_source_starts_at_its_arrival(babble: Babble) -> None:
    first, second = packets(babble(1, 0.5)), packets(babble(2, 0.5), start_s=START_S + 0.55, sequence=9, timestamp=77, ssrc=2)
    recording = recorded(first + second)
    assert np.array_equal(recording.audio(START_S + 0.55), decoded(babble(2, 0.5)))
    assert recording.lost == 0


def test_events_and_comfort_noise_are_no_audio_and_no_loss(babble: Babble) -> None:
    sent = packets(babble(1, 1.0))
    sent[20] = sent[20]._replace(payload_type=101, payload=b"\x05\x0a\x00\xa0")
    sent[21] = sent[21]._replace(payload_type=13, payload=b"\x40")
    recording = recorded(sent)
    assert not recording.audio()[20 * 160 : 22 * 160].any()
    assert (recording.lost, len(recording.packet_times_s)) == (0, 48)


def test_both_codecs_may_alternate(babble: Babble) -> None:
    sent = packets(babble(1, 0.04))
    sent[1] = sent[1]._replace(payload_type=8, payload=g711.encode(babble(1, 0.04)[160:], "PCMA"))
    assert np.allclose(recorded(sent).audio(), babble(1, 0.04), atol=520)


def test_onset_and_end_of_voice_are_wire_times(babble: Babble) -> None:
    spoken = np.concatenate((audio.silence(0.5), babble(1, 0.4), audio.silence(0.3), babble(2, 0.2), audio.silence(0.3)))
    recording = recorded([late(packet, 0.003) for packet in packets(spoken)])
    assert recording.onset_s() == pytest.approx(START_S + 0.503)
    assert recording.last_voiced_s() == pytest.approx(START_S + 1.383)
    assert recording.onset_s(START_S + 0.91) == pytest.approx(START_S + 1.203)
    assert recording.last_voiced_s(to_s=START_S + 1.0) == pytest.approx(START_S + 0.883)
    assert recording.onset_s(START_S + 0.91, START_S + 1.1) is None
    assert recording.onset_s(threshold_db=0) is None


def test_onset_is_the_voiced_packet_itself_where_two_sources_overlap(babble: Babble) -> None:
    silence = packets(audio.silence(0.2))
    [voice] = packets(babble(1, 0.02), start_s=START_S + 0.11, ssrc=2)
    recording = recorded(sorted([*silence, voice], key=lambda packet: packet.at_s))
    assert recording.onset_s() == START_S + 0.11


def test_asking_in_between_changes_nothing(babble: Babble) -> None:
    sent, recording = packets(babble(1, 1.0)), Recording()
    for packet in sent:
        recording.note(packet)
        recording.audio(packet.at_s)
    assert np.array_equal(recording.audio(), recorded(sent).audio())


def test_a_call_longer_than_the_first_buffer_is_kept_whole(babble: Babble) -> None:
    long = np.tile(babble(1, 1.0), 25)
    assert np.array_equal(recorded(packets(long)).audio(), decoded(long))


@given(
    st.lists(
        st.builds(
            Packet,
            at_s=st.floats(0, 60),
            payload_type=st.sampled_from([0, 8, 13, 101, 77]),
            sequence=st.integers(0, 0xFFFF) | st.integers(0, 8),
            timestamp=st.integers(0, 0xFFFFFFFF) | st.integers(0, 2_000),
            ssrc=st.integers(1, 2),
            payload=st.binary(max_size=400),
        ),
        max_size=30,
    )
)
def test_any_packets_are_laid_out_and_each_is_accounted_for(items: list[Packet]) -> None:
    recording = recorded(items)
    length = len(recording.audio())
    placed = len(recording.packet_times_s)
    silent = sum(packet.payload_type not in {0, 8} or not packet.payload for packet in {(p.ssrc, p.sequence): p for p in reversed(items)}.values())
    assert placed + recording.late + recording.duplicates + silent == len(items)
    assert length <= 8_000 * 200
    recording.onset_s()
