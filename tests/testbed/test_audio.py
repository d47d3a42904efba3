"""Levels, tones and mixing by their definitions; locate and recognise under the damage a telephone line does."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.testbed import audio, g711
from voicebot.testbed.g711 import Codec, Samples

Babble = Callable[[int, float], Samples]


def over_the_wire(samples: Samples, codec: Codec = "PCMU") -> Samples:
    return g711.decode(g711.encode(samples, codec), codec)


def spectrum_peaks_hz(samples: Samples, count: int) -> list[float]:
    spectrum = np.abs(np.fft.rfft(samples))
    hz = np.fft.rfftfreq(len(samples), 1 / audio.RATE_HZ)
    return sorted(float(hz[index]) for index in np.argsort(spectrum)[-count:])


def test_silence_is_zeros_of_the_length_asked_for() -> None:
    assert len(audio.silence(0.25)) == 2_000
    assert not audio.silence(0.25).any()


@pytest.mark.parametrize("level_db", [-6.0, -20.0, -44.0])
def test_a_tone_has_its_level_and_pitch(level_db: float) -> None:
    samples = audio.tone(500, 1.0, level_db)
    assert audio.levels_db(samples) == pytest.approx(level_db, abs=0.1)
    assert spectrum_peaks_hz(samples, 1) == [500]


@pytest.mark.parametrize(("key", "low_hz", "high_hz"), [("1", 697, 1209), ("0", 941, 1336), ("#", 941, 1477), ("D", 941, 1633), ("5", 770, 1336)])
def test_a_key_has_its_two_tones(key: str, low_hz: int, high_hz: int) -> None:
    assert spectrum_peaks_hz(audio.dtmf_tone(key, 1.0), 2) == [low_hz, high_hz]


def test_what_is_no_key_has_no_tone() -> None:
    with pytest.raises(KeyError):
        audio.dtmf_tone("x")


def test_levels_count_whole_frames_only() -> None:
    assert len(audio.levels_db(np.zeros(160 * 3 + 159, np.int16))) == 3
    assert len(audio.levels_db(np.zeros(0, np.int16))) == 0


def test_digital_silence_is_minus_120_db() -> None:
    assert audio.levels_db(audio.silence(0.02)).tolist() == [-120]


def test_voiced_frames_are_those_at_or_above_the_threshold() -> None:
    samples = np.concatenate((audio.tone(400, 0.04, -44), audio.tone(400, 0.04, -46), audio.silence(0.02)))
    assert audio.voiced(samples).tolist() == [True, True, False, False, False]
    assert audio.voiced(samples, -50).tolist() == [True, True, True, True, False]


def test_trim_takes_off_silence_at_both_ends_only() -> None:
    spoken = np.concatenate((audio.tone(300, 0.1), audio.silence(0.2), audio.tone(300, 0.1)))
    assert np.array_equal(audio.trim(np.concatenate((audio.silence(0.3), spoken, audio.silence(0.5)))), spoken)
    assert len(audio.trim(audio.silence(1))) == 0


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_mix_puts_noise_at_the_ratio_asked_for(snr_db: float, babble: Babble) -> None:
    speech, noise = audio.tone(440, 1.0, -20), babble(3, 0.3)
    mixed = audio.mix(speech, noise, snr_db).astype(float)
    rest = mixed - speech
    assert 10 * np.log10(np.mean(speech.astype(float) ** 2) / np.mean(rest**2)) == pytest.approx(snr_db, abs=0.3)


def test_mix_measures_speech_where_it_is_voiced() -> None:
    speech = np.concatenate((audio.silence(3.0), audio.tone(440, 1.0, -20)))
    noise = audio.tone(1_000, 1.0, -30)
    in_the_pause = audio.mix(speech, noise, 10)[:8_000]
    assert audio.levels_db(in_the_pause) == pytest.approx(-30, abs=0.3)


@pytest.mark.parametrize("noise", [audio.silence(1), audio.silence(0)])
def test_silent_noise_is_refused(noise: Samples) -> None:
    with pytest.raises(ValueError, match="noise is silent"):
        audio.mix(audio.tone(440, 1), noise, 10)


def test_resampling_keeps_length_pitch_and_level() -> None:
    time_s = np.arange(16_000) / 16_000
    halved = audio.resample((8_000 * np.sin(2 * np.pi * 700 * time_s)).astype(np.int16), 16_000)
    assert len(halved) == 8_000
    assert spectrum_peaks_hz(halved, 1) == [700]
    assert np.abs(halved[1_000:7_000]).max() == pytest.approx(8_000, rel=0.02)


def test_the_same_rate_is_left_alone(babble: Babble) -> None:
    samples = babble(1, 0.1)
    assert audio.resample(samples, 8_000) is samples


def test_a_wav_file_comes_back_as_it_was_written(tmp_path: Path, babble: Babble) -> None:
    audio.write_wav(tmp_path / "a.wav", babble(1, 0.5))
    assert np.array_equal(audio.read_wav(tmp_path / "a.wav"), babble(1, 0.5))


def test_a_stereo_16_khz_file_is_read_as_its_first_channel_at_8_khz(tmp_path: Path) -> None:
    left = (8_000 * np.sin(2 * np.pi * 600 * np.arange(16_000) / 16_000)).astype("<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.stack((left, np.zeros_like(left)), axis=1).tobytes())
    samples = audio.read_wav(tmp_path / "a.wav")
    assert len(samples) == 8_000
    assert spectrum_peaks_hz(samples, 1) == [600]


def test_an_8_bit_file_is_refused_by_name(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "old.wav"), "wb") as file:
        file.setparams((1, 1, 8_000, 0, "NONE", ""))
        file.writeframes(bytes(100))
    with pytest.raises(ValueError, match=r"old\.wav: 8-bit samples"):
        audio.read_wav(tmp_path / "old.wav")


@settings(max_examples=25, deadline=None)
@given(offset=st.integers(0, 30_000), seed=st.integers(0, 1_000))
def test_a_reference_is_found_to_the_sample_wherever_it_lies(offset: int, seed: int) -> None:
    reference = np.random.default_rng(seed).integers(-9_000, 9_000, 8_000).astype(np.int16)
    recording = np.zeros(40_000, np.int16)
    recording[offset : offset + 8_000] = reference
    match = audio.locate(reference, over_the_wire(recording))
    assert round(match.offset_s * audio.RATE_HZ) == offset
    assert match.score > 0.98


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_it_is_found_through_the_codec_and_noise(codec: Codec, babble: Babble) -> None:
    reference = babble(1, 2.0)
    spoken = np.concatenate((audio.silence(0.6), reference, audio.silence(0.5)))
    match = audio.locate(reference, over_the_wire(audio.mix(spoken, babble(9, 3.0), 10), codec))
    assert match.offset_s == pytest.approx(0.6, abs=0.001)
    assert match.score > 0.9
    assert match.heard_s == pytest.approx(2.0, abs=0.11)


def test_one_search_finds_each_of_many_references(babble: Babble) -> None:
    references = [babble(seed, 1.5) for seed in range(1, 6)]
    search = audio.Search(over_the_wire(np.concatenate([part for each in references[:4] for part in (each, audio.silence(0.4))])))
    found = [search.locate(each) for each in references]
    assert [match.offset_s for match in found[:4]] == pytest.approx([0, 1.9, 3.8, 5.7], abs=0.001)
    assert min(match.score for match in found[:4]) > 0.95
    assert found[4].score < 0.6


def test_it_is_found_when_asterisk_has_resampled_it(babble: Babble) -> None:
    reference = babble(1, 2.0)
    up = audio.resample(reference, 8_000, 16_000)
    recording = over_the_wire(np.concatenate((audio.silence(0.3), audio.resample(up, 16_000))))
    match = audio.locate(reference, recording)
    assert match.offset_s == pytest.approx(0.3, abs=0.001)
    assert match.score > 0.94


def test_barge_in_leaves_only_the_beginning_and_its_length_is_told(babble: Babble) -> None:
    reference = babble(1, 5.0)
    recording = np.concatenate((audio.silence(1.0), reference[: round(0.9 * 8_000)], audio.silence(3.0)))
    match = audio.locate(reference, over_the_wire(recording))
    assert match.offset_s == pytest.approx(1.0, abs=0.001)
    assert match.heard_s == pytest.approx(0.9, abs=0.11)


def test_leading_silence_of_the_reference_counts_into_its_place(babble: Babble) -> None:
    reference = np.concatenate((audio.silence(0.4), babble(1, 1.5)))
    recording = np.concatenate((audio.silence(0.2), babble(1, 1.5)))
    assert audio.locate(reference, recording).offset_s == pytest.approx(-0.2, abs=0.001)


def test_other_speech_scores_low(babble: Babble) -> None:
    assert max(audio.locate(babble(1, 2.0), babble(seed, 6.0)).score for seed in range(2, 12)) < 0.5


def test_a_faint_copy_does_not_score_by_being_small(babble: Babble) -> None:
    whisper = (babble(1, 2.0) / 4_000).astype(np.int16)
    assert audio.locate(babble(1, 2.0), whisper).score < 0.1


@pytest.mark.parametrize(("reference_s", "recording_s"), [(0.0, 3.0), (1.0, 0.0), (1.0, 0.5)])
def test_nothing_is_found_in_nothing(reference_s: float, recording_s: float, babble: Babble) -> None:
    reference = babble(1, reference_s) if reference_s else audio.silence(2)
    recording = babble(1, recording_s) if recording_s else audio.silence(0)
    assert audio.locate(reference, recording) == audio.Match(0.0, 0.0, 0.0)


def test_recognise_names_the_answer_that_was_heard(babble: Babble) -> None:
    references = {f"answer-{seed}": babble(seed, 2.0) for seed in range(10)}
    for seed in range(10):
        found = audio.recognise(references, over_the_wire(np.concatenate((audio.silence(0.5), babble(seed, 2.0)))))
        assert found is not None
        assert found[0] == f"answer-{seed}"
        assert found[1].offset_s == pytest.approx(0.5, abs=0.001)


def test_answers_that_begin_alike_are_told_apart_by_what_follows(babble: Babble) -> None:
    opening = babble(1, 1.0)
    references = {"short": np.concatenate((opening, babble(2, 2.0))), "long": np.concatenate((opening, babble(3, 2.0)))}
    for name, reference in references.items():
        found = audio.recognise(references, over_the_wire(reference))
        assert found is not None
        assert found[0] == name


def test_a_filler_is_not_taken_for_an_answer(babble: Babble) -> None:
    assert audio.recognise({"answer": babble(1, 2.0)}, babble(2, 4.0)) is None
    assert audio.recognise({}, babble(2, 4.0)) is None
