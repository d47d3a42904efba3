"""Voice detection: the gate's decisions on made-up sound, with and without a Silero that answers, and on recorded digits."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from voicebot.errors import MediaError
from voicebot.speech.vad import SILENT_DB, Floor, Gate, level_db
from voicebot.values import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ, SILENCE_FRAME

DIGITS = Path(__file__).parents[3] / "shared" / "audio" / "digits-8k"


def frames(samples: NDArray[np.float64], level: float) -> list[bytes]:
    """Frames of `samples` brought to `level` dB below full scale."""
    scaled = samples / np.sqrt(np.mean(samples**2)) * 10 ** (level / 20) * 32_768
    whole = scaled[: len(scaled) // FRAME_SAMPLES * FRAME_SAMPLES]
    return [block.astype("<i2").tobytes() for block in whole.reshape(-1, FRAME_SAMPLES)]


def vowel(ms: int, level: float = -24.0) -> list[bytes]:
    """A buzz with the harmonics of a voice at 120 Hz."""
    t = np.arange(ms * SAMPLE_RATE_HZ // 1000) / SAMPLE_RATE_HZ
    return frames(sum((np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 25)), np.zeros_like(t)), level)


def hiss(ms: int, level: float) -> list[bytes]:
    return frames(np.random.default_rng(7).normal(size=ms * SAMPLE_RATE_HZ // 1000), level)


def silence(ms: int) -> list[bytes]:
    return [SILENCE_FRAME] * (ms // FRAME_MS)


def test_frames_that_are_lost_are_no_voice_and_do_not_lower_the_floor() -> None:
    noise, lost = hiss(10_000, -45), silence(2_000)
    gate = Gate()
    for pcm in noise:
        gate.frame(pcm)
    floor_db = gate.floor_db
    assert floor_db == pytest.approx(-45, abs=3)
    for pcm in lost:
        assert not gate.frame(pcm, lost=True)
        assert not gate.stirring
    assert gate.floor_db == floor_db
    stirred = 0
    for pcm in hiss(500, -45):
        gate.frame(pcm)
        stirred += gate.stirring
    assert stirred == 0, "the line's noise is still known"


def heard(gate: Gate, audio: list[bytes], p: float | None = None) -> str:
    """Feed `audio`; after each frame for which Silero is wanted it answers `p`. One character a frame: # voiced, . not."""
    marks = ""
    for pcm in audio:
        marks += "#" if gate.frame(pcm) else "."
        if gate.wants_silero and p is not None:
            gate.probability(gate.now_ms, p)
    return marks


def test_level_of_full_scale_square_of_half_scale_and_of_nothing() -> None:
    assert level_db(np.full(320, -32_768, "<i2").tobytes()) == pytest.approx(0.0)
    assert level_db(np.full(320, 16_384, "<i2").tobytes()) == pytest.approx(-6.02, abs=0.01)
    assert level_db(SILENCE_FRAME) == SILENT_DB


@given(st.binary(min_size=2, max_size=640).filter(lambda pcm: len(pcm) % 2 == 0))
def test_level_is_never_outside_its_scale(pcm: bytes) -> None:
    assert SILENT_DB <= level_db(pcm) <= 0.0


def test_floor_falls_at_once_and_rises_slowly() -> None:
    floor = Floor()
    assert floor.frame(-70.0) == -70.0
    assert floor.frame(-20.0) == pytest.approx(-70.0 + Floor.RISE_DB_PER_S * FRAME_MS / 1000)
    for _ in range(50):
        floor.frame(-20.0)
    assert floor.db == pytest.approx(-70.0 + Floor.RISE_DB_PER_S * 1.02)


def test_floor_never_rises_to_the_level_of_speech() -> None:
    floor = Floor()
    for _ in range(50 * 60):
        floor.frame(-10.0)
    assert floor.db == Floor.HIGHEST_DB


def test_a_new_gate_is_silent_and_asks_nothing() -> None:
    gate = Gate()
    assert (gate.voiced, gate.stirring, gate.wants_silero, gate.alone, gate.level_db, gate.now_ms) == (False, False, False, False, SILENT_DB, 0)


@pytest.mark.parametrize("length", [0, 2, FRAME_BYTES - 1, FRAME_BYTES + 2])
def test_a_frame_of_the_wrong_length_is_refused_by_name(length: int) -> None:
    with pytest.raises(MediaError, match=rf"a frame of {length} bytes .* 640-byte frames"):
        Gate().frame(bytes(length))


def test_silence_is_never_voiced() -> None:
    gate = Gate()
    assert "#" not in heard(gate, silence(1_000), p=1.0)
    assert gate.floor_db == SILENT_DB


def test_voice_that_silero_confirms_is_heard_from_the_first_answer_on() -> None:
    assert heard(Gate(), silence(500) + vowel(400), p=0.9).startswith("." * 26 + "#" * 18)


def test_voice_that_silero_denies_is_not_heard() -> None:
    assert "#" not in heard(Gate(), silence(500) + vowel(2_000), p=0.1)


def test_going_on_takes_less_than_starting() -> None:
    gate = Gate()
    assert "#" not in heard(gate, silence(500) + vowel(400), p=Gate.START - 0.01)
    assert heard(gate, vowel(40), p=Gate.START) == ".#"
    assert heard(gate, vowel(40), p=Gate.GO_ON) == "##"
    assert heard(gate, vowel(40), p=Gate.GO_ON - 0.01) == "#."
    assert heard(gate, vowel(40), p=Gate.GO_ON) == ".."


def test_the_end_is_cut_where_the_level_falls_not_where_webrtcvad_lets_go() -> None:
    gate = Gate()
    heard(gate, silence(500) + vowel(400), p=0.9)
    assert heard(gate, silence(200), p=0.9) == "." * 10


def test_quiet_voice_in_the_background_is_not_heard() -> None:
    gate = Gate()
    heard(gate, hiss(3_000, -45.0), p=0.9)
    assert "#" not in heard(gate, vowel(500, -52.0), p=0.9)
    assert heard(gate, vowel(500, -24.0), p=0.9).endswith("#" * 20)


def test_steady_noise_becomes_the_floor_and_stops_stirring() -> None:
    gate = Gate()
    gate.frame(hiss(20, -45.0)[0])
    assert gate.stirring
    heard(gate, hiss(5_000, -45.0), p=0.0)
    assert not gate.stirring
    assert gate.floor_db == pytest.approx(-45.0, abs=2.0)


def test_stirring_comes_before_confirmation() -> None:
    gate = Gate()
    heard(gate, silence(500))
    gate.frame(vowel(20)[0])
    assert gate.stirring
    assert not gate.voiced


def test_silero_is_asked_while_the_gate_is_open_and_a_little_longer() -> None:
    gate = Gate()
    heard(gate, silence(500))
    assert not gate.wants_silero
    heard(gate, vowel(200), p=0.9)
    assert gate.wants_silero
    heard(gate, silence(Gate.LINGER_MS - FRAME_MS), p=0.0)
    assert gate.wants_silero
    heard(gate, silence(FRAME_MS))
    assert not gate.wants_silero


def test_a_worker_that_never_answers_is_left_out_after_its_patience() -> None:
    gate = Gate()
    marks = heard(gate, silence(500) + vowel(600))
    first = marks.index("#")
    assert (first - 25) * FRAME_MS <= Gate.PATIENCE_MS < (first - 24) * FRAME_MS
    assert marks[first:] == "#" * len(marks[first:])
    assert gate.alone


def test_alone_it_wants_a_longer_opening_and_then_hears_at_once() -> None:
    gate = Gate()
    heard(gate, silence(500) + vowel(600) + silence(600))
    assert gate.alone
    marks = heard(gate, vowel(200))
    assert marks == "." * (Gate.ALONE_MS // FRAME_MS - 1) + "#" * (10 - Gate.ALONE_MS // FRAME_MS + 1)


def test_a_worker_that_answers_again_is_believed_again() -> None:
    gate = Gate()
    heard(gate, silence(500) + vowel(600))
    assert gate.alone
    gate.probability(gate.now_ms, 0.0)
    assert not gate.alone
    assert heard(gate, vowel(60), p=0.0) == "..."


def test_answers_about_an_earlier_voice_do_not_open_the_next() -> None:
    gate = Gate()
    heard(gate, silence(500) + vowel(400), p=0.9)
    stale_ms = gate.now_ms
    heard(gate, silence(Gate.LINGER_MS), p=0.9)
    assert heard(gate, vowel(60)) == "..."
    gate.probability(stale_ms, 0.9)
    assert heard(gate, vowel(20)) == "."
    gate.probability(gate.now_ms, 0.9)
    assert heard(gate, vowel(20)) == "#"


@given(st.lists(st.tuples(st.sampled_from(["vowel", "hiss", "zero"]), st.none() | st.floats(0, 1)), max_size=60))
def test_voiced_needs_sound_above_the_floor_whatever_the_worker_says(steps: list[tuple[str, float | None]]) -> None:
    sounds = {"vowel": vowel(20)[0], "hiss": hiss(20, -30.0)[0], "zero": SILENCE_FRAME}
    gate = Gate()
    for kind, p in steps:
        voiced = gate.frame(sounds[kind])
        assert voiced == gate.voiced
        assert not voiced or (gate.stirring and gate.wants_silero)
        if p is not None:
            gate.probability(gate.now_ms, p)
    assert gate.now_ms == len(steps) * FRAME_MS


def telephone(path: Path) -> NDArray[np.float64]:
    """A recorded digit at 16 kHz, 500 ms of silence before and after it."""
    with wave.open(str(path)) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), "<i2").astype(np.float64)
    doubled = np.interp(np.arange(len(samples) * 2) / 2, np.arange(len(samples)), samples)
    return np.concatenate([np.zeros(8_000), doubled, np.zeros(8_000)])


def edges_ms(samples: NDArray[np.float64]) -> tuple[int, int]:
    """Where the loud part begins and ends: 10 ms blocks within 32 dB of the loudest."""
    blocks = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    level = np.sqrt(np.mean(blocks**2, axis=1))
    loud = np.flatnonzero(level > level.max() * 10 ** (-32 / 20))
    return int(loud[0]) * 10, int(loud[-1] + 1) * 10


@pytest.mark.skipif(not DIGITS.is_dir(), reason=f"recorded digits are not at {DIGITS}")
def test_recorded_digits_are_found_and_their_ends_are_exact() -> None:
    late, found = [], 0
    recordings = sorted(DIGITS.glob("*.wav"))[::20]
    for path in recordings:
        samples = telephone(path)
        marks = heard(Gate(), frames(samples, -30.0), p=0.9)
        found += marks.count("#") >= 3
        late.append((marks.rfind("#") + 1) * FRAME_MS - edges_ms(samples)[1])
    assert found == len(recordings)
    assert abs(float(np.median(late))) <= 20
    assert float(np.percentile(late, 90)) <= 40
