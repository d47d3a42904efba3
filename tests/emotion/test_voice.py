"""The voice's score: up with arousal, relative to the caller, explained, and never taught by an angry opening."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.voices import louder, spoken
from voicebot.emotion.figures import Prosody
from voicebot.emotion.prosody import analyse
from voicebot.emotion.reference import STRANGER
from voicebot.emotion.voice import BY_HAND, FITTED, Voice
from voicebot.errors import EvaluationError

VOICES = {"fitted": Voice.load(FITTED), "by hand": Voice.load(BY_HAND)}


def heard(pcm: bytes) -> Prosody:
    found = analyse(pcm)
    assert found is not None
    return found


SPOKEN = heard(spoken())
CALM = replace(
    SPOKEN,
    level_db=-30.0,
    level_spread_db=7.0,
    pitch_top_st=9.0,
    tilt_db=-17.0,
    centroid_hz=560.0,
    openness_hz=600.0,
    flux=0.75,
    rate_hz=4.0,
    timbre=tuple(float(x) for x in VOICES["fitted"].expected[-8:]),
    reliability=1.0,
)
FITTED_VOICE = VOICES["fitted"]
HARD = FITTED_VOICE.expected + 0.7 * FITTED_VOICE.spread * np.sign(FITTED_VOICE.weight)
ANGRY = replace(
    CALM, level_db=-20.0, pitch_top_st=20.0, tilt_db=-6.0, centroid_hz=900.0, openness_hz=850.0, flux=1.2, timbre=tuple(float(x) for x in HARD[-8:])
)

every_voice = pytest.mark.parametrize("voice", VOICES.values(), ids=VOICES)


@every_voice
def test_an_aroused_voice_scores_high_and_a_calm_one_low(voice: Voice) -> None:
    assert voice.score(CALM).probability < 0.1
    assert voice.score(ANGRY).probability > 0.5


@every_voice
def test_the_gain_of_the_line_does_not_matter(voice: Voice) -> None:
    for gain_db in (-12, 12):
        reference = voice.learned(STRANGER, replace(CALM, level_db=CALM.level_db + gain_db))
        moved = voice.score(replace(ANGRY, level_db=ANGRY.level_db + gain_db), reference)
        assert moved.probability == pytest.approx(voice.score(ANGRY, voice.learned(STRANGER, CALM)).probability)
    assert voice.score(heard(louder(spoken(), 10))).probability == pytest.approx(voice.score(heard(spoken())).probability, abs=0.02)


@every_voice
def test_a_stranger_has_no_level_to_be_louder_than(voice: Voice) -> None:
    assert voice.score(CALM).probability == voice.score(replace(CALM, level_db=0.0)).probability


@every_voice
def test_louder_than_before_raises_the_score_up_to_a_limit(voice: Voice) -> None:
    reference = voice.learned(STRANGER, CALM)
    scores = [voice.score(replace(CALM, level_db=-30.0 + more_db), reference).probability for more_db in (0, 6, 12, 60, 90)]
    assert scores[0] < scores[1] < scores[2] <= scores[3] == scores[4]


@every_voice
def test_a_naturally_high_and_bright_caller_is_normal_after_two_calm_utterances(voice: Voice) -> None:
    natural = replace(CALM, pitch_top_st=15.0, tilt_db=-13.0, flux=0.8)
    reference = STRANGER
    for _ in range(2):
        reference = voice.learned(reference, natural)
    assert reference.weight > 1
    assert voice.score(natural, reference).probability < voice.score(natural).probability


@every_voice
def test_an_angry_opening_never_becomes_the_norm(voice: Voice) -> None:
    reference = STRANGER
    for _ in range(5):
        reference = voice.learned(reference, ANGRY)
    assert reference == STRANGER
    assert voice.score(ANGRY, reference).probability == voice.score(ANGRY).probability > 0.5


@every_voice
def test_an_utterance_whose_words_are_angry_teaches_nothing(voice: Voice) -> None:
    assert voice.learned(STRANGER, CALM, calm=0.0) == STRANGER
    assert 0 < voice.learned(STRANGER, CALM, calm=0.5).weight < voice.learned(STRANGER, CALM).weight


@every_voice
def test_no_voice_scores_as_calm_and_teaches_nothing(voice: Voice) -> None:
    score = voice.score(None)
    assert (score.reliability, score.evidence) == (0.0, ())
    assert score.probability < 0.2
    assert voice.learned(STRANGER, None) is STRANGER


@every_voice
def test_what_is_unreliable_is_drawn_towards_calm(voice: Voice) -> None:
    scores = [voice.score(replace(ANGRY, reliability=share)).probability for share in (0.0, 0.3, 1.0)]
    assert scores == sorted(scores)
    assert scores[0] == pytest.approx(voice.score(None).probability)


def test_evidence_is_told_in_words_with_its_unit_strongest_first() -> None:
    voice = VOICES["fitted"]
    evidence = voice.score(ANGRY, voice.learned(voice.learned(STRANGER, CALM), CALM)).evidence
    told = {reason.feature: str(reason) for reason in evidence}
    assert told["level_db"] == "louder than expected: +8 dB"
    assert told["pitch_top_st"].startswith("voice rises higher: +")
    assert told["pitch_top_st"].endswith(" semitones")
    slow = {reason.feature: str(reason) for reason in voice.score(replace(CALM, rate_hz=1.5)).evidence}
    assert slow["rate_hz"].startswith("slower speech: -")
    assert [abs(reason.strength) for reason in evidence] == sorted((abs(reason.strength) for reason in evidence), reverse=True)


def test_the_reasons_add_up_to_the_score() -> None:
    voice = VOICES["fitted"]
    score = voice.score(ANGRY)
    calm = voice.score(None).probability

    def log_odds(probability: float) -> float:
        return math.log(probability / (1 - probability))

    assert log_odds(score.probability) - log_odds(calm) == pytest.approx(sum(reason.strength for reason in score.evidence))


@settings(max_examples=50, deadline=None)
@given(st.floats(-90, 0), st.floats(-20, 40), st.floats(-60, 20), st.floats(0, 5), st.floats(0, 1))
def test_every_score_is_a_probability(level_db: float, pitch_st: float, tilt_db: float, flux: float, reliability: float) -> None:
    voice = VOICES["fitted"]
    prosody = replace(CALM, level_db=level_db, pitch_top_st=pitch_st, tilt_db=tilt_db, flux=flux, reliability=reliability)
    assert 0 < voice.score(prosody, voice.learned(STRANGER, CALM)).probability < 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "features"),
        ("no toml", "Expected"),
        ("intercept = 0\nlevel_limit_db = 1\n[gate]\nfull = 0\nnone = 1\n[features.colour]\n", "unknown features colour"),
        ("intercept = 0\nlevel_limit_db = 1\n[gate]\nfull = 0\nnone = 1\n[features.flux]\nexpected=1\nspread=0\npull=1\nweight=1\n", "above 0"),
        ("intercept = 0\nlevel_limit_db = 1\n[gate]\nfull = 1\nnone = 1\n[features]\n", "gate"),
    ],
    ids=["empty", "not TOML", "unknown figure", "no spread", "gate without width"],
)
def test_wrong_parameters_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=complaint) as caught:
        Voice.load(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"none\.toml"):
        Voice.load(tmp_path / "none.toml")
