"""Figures of voices whose figures are known, and that nothing a line can carry makes the analysis fail."""

from __future__ import annotations

import math
import time
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.voices import louder, noise, spoken
from voicebot.emotion.figures import CEPSTRA, FIGURES, Prosody
from voicebot.emotion.prosody import analyse
from voicebot.testbed import g711
from voicebot.testbed.g711 import Codec


def heard(pcm: bytes) -> Prosody:
    found = analyse(pcm)
    assert found is not None
    return found


def on_the_phone(pcm: bytes, codec: Codec) -> bytes:
    narrow = g711.decode(g711.encode(np.frombuffer(pcm, "<i2")[::2].astype(np.int16), codec), codec)
    return np.repeat(narrow, 2).astype("<i2").tobytes()


@pytest.mark.parametrize("hz", [100.0, 160.0, 250.0])
def test_the_pitch_is_the_one_spoken(hz: float) -> None:
    assert heard(spoken(hz)).pitch_st == pytest.approx(12 * math.log2(hz / 100), abs=0.5)


def test_a_brighter_voice_has_more_effort_and_less_tilt() -> None:
    dull, bright = heard(spoken(brightness=0.2)), heard(spoken(brightness=0.7))
    assert bright.effort_db > dull.effort_db + 5
    assert bright.tilt_db > dull.tilt_db + 5
    assert bright.centroid_hz > dull.centroid_hz + 200


def test_faster_speech_has_more_syllables() -> None:
    slow, fast = heard(spoken(syllables_hz=2.5, duration_s=3)), heard(spoken(syllables_hz=5, duration_s=3))
    assert slow.rate_hz == pytest.approx(2.5, abs=0.7)
    assert fast.rate_hz == pytest.approx(5, abs=1)


def test_silence_around_speech_changes_nothing() -> None:
    speech, quiet = spoken(), bytes(32_000)
    alone, surrounded = heard(speech), heard(quiet + speech + quiet)
    assert surrounded.figures() == pytest.approx(alone.figures(), rel=0.05, abs=0.3)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
@pytest.mark.parametrize("gain_db", [-12.0, 12.0])
def test_the_gain_of_the_line_moves_the_level_alone(codec: Codec, gain_db: float) -> None:
    plain, moved = heard(on_the_phone(spoken(), codec)), heard(on_the_phone(louder(spoken(), gain_db), codec))
    assert moved.level_db - plain.level_db == pytest.approx(gain_db, abs=0.5)
    for name in ("pitch_top_st", "tilt_db", "effort_db", "level_spread_db"):
        assert getattr(moved, name) == pytest.approx(getattr(plain, name), abs=0.7), name


@pytest.mark.parametrize(
    "pcm",
    [b"", b"\0", bytes(64_000), spoken(duration_s=0.2), noise(), b"\xff\x7f" * 32_000, b"\x01\x00" * 32_000],
    ids=["empty", "half a sample", "silence", "too short", "noise", "a constant", "a small constant"],
)
def test_what_holds_no_voice_has_no_figures(pcm: bytes) -> None:
    assert analyse(pcm) is None


def test_noise_lowers_the_reliability_and_clipping_does_not() -> None:
    clean = heard(spoken())
    clipped = heard(louder(spoken(level_db=-12), 25))
    mixed = np.frombuffer(spoken(), "<i2").astype(int) + np.frombuffer(noise(-24), "<i2")
    noisy = analyse(np.clip(mixed, -32_768, 32_767).astype("<i2").tobytes())
    assert clean.reliability > 0.9
    assert clipped.reliability > 0.9
    assert noisy is None or noisy.reliability < clean.reliability


def test_little_speech_is_less_reliable() -> None:
    assert heard(spoken(duration_s=0.32, syllables_hz=6)).reliability < heard(spoken(duration_s=1.5)).reliability


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 60))
def test_any_bytes_give_finite_figures_or_none(block: bytes, times: int) -> None:
    found = analyse(block * times)
    assert found is None or np.isfinite(found.figures()).all()
    assert found is None or 0 <= found.reliability <= 1


def test_figures_come_in_the_order_of_their_names() -> None:
    voice = heard(spoken())
    values = dict(zip(FIGURES, voice.figures(), strict=True))
    assert values["level_db"] == voice.level_db
    assert values["voiced_share"] == voice.voiced_share
    assert values[f"timbre_{CEPSTRA}"] == voice.timbre[-1]
    assert set(FIGURES[:-CEPSTRA]) < {field.name for field in fields(voice)}


def test_a_second_of_speech_costs_little_time() -> None:
    pcm = spoken(duration_s=10)
    heard(pcm)
    began = time.process_time()
    heard(pcm)
    # 25 ms a second is the bar; a busy machine gets room, a slip to pyin (109 ms) does not.
    assert time.process_time() - began < 10 * 0.06
