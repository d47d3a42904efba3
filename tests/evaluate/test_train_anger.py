"""The shipped parameters come from the script, bit for bit to six digits; and a fit finds what was planted."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.kit.voices import spoken
from voicebot.emotion.figures import FIGURES, Prosody
from voicebot.emotion.prosody import analyse
from voicebot.emotion.voice import FITTED, Voice
from voicebot.errors import EvaluationError
from voicebot.evaluate import train_anger
from voicebot.evaluate.manifest import Row
from voicebot.evaluate.train_anger import AROUSAL, LEVEL_LIMIT_DB, Heard, corpus, fit, left_out_figures, main, to_toml

EMODB = Path(__file__).parents[3] / "shared" / "audio" / "emotion" / "emodb-de"


def planted() -> Heard:
    """Four speakers whose anger lifts pitch and tilt, and whose first timbre figure alone tells anger from joy."""
    chance = np.random.default_rng(5)
    base = analyse(spoken())
    assert base is not None
    rows, heard = [], []
    for number in range(4):
        for kind in ("neutral", "anger", "happy", "sad") * 6:
            lively = kind in ("anger", "happy")
            rows.append(Row("a.wav", f"s{number}", "anger" if kind == "anger" else "other", kind, "de", "", kind == "neutral"))
            heard.append(_varied(base, chance, number, lift=8.0 * lively, hard=3.0 * (kind == "anger")))
    return Heard(rows, heard)


def _varied(base: Prosody, chance: np.random.Generator, number: int, lift: float, hard: float) -> Prosody:
    names = FIGURES[:-8]
    moved = {name: getattr(base, name) * (1 + 0.05 * float(chance.standard_normal())) + 0.1 * number for name in names}
    timbre = tuple(float(x) for x in chance.standard_normal(8) + np.array([hard, *[0.0] * 7]))
    return replace(base, **(moved | {"pitch_top_st": moved["pitch_top_st"] + lift, "tilt_db": moved["tilt_db"] + lift}), timbre=timbre)


def test_a_fit_finds_what_was_planted() -> None:
    voice = fit(planted())
    weight = dict(zip(FIGURES, voice.weight, strict=True))
    assert weight["timbre_1"] > 3 * max(abs(weight[f"timbre_{n}"]) for n in range(2, 9))
    assert weight["pitch_top_st"] > 0
    assert weight["rate_hz"] < 0
    assert {name for name, value in weight.items() if value} == {*AROUSAL, "level_db", *(f"timbre_{n}" for n in range(1, 9))}
    assert voice.level_limit_db == LEVEL_LIMIT_DB
    assert voice.gate[0] < voice.gate[1]


def test_parameters_survive_their_file(tmp_path: Path) -> None:
    voice = fit(planted())
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(voice))
    again = Voice.load(path)
    assert again.weight == pytest.approx(voice.weight, rel=1e-5)
    assert again.intercept == pytest.approx(voice.intercept, rel=1e-5)
    assert to_toml(again) == to_toml(voice)


def test_speakers_left_out_are_scored_in_all_three_modes() -> None:
    told = left_out_figures(planted())
    assert [line for line in told.splitlines() if line.startswith("reference")] == ["reference calm", "reference none", "reference angry"]


def test_the_command_writes_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(train_anger, "corpus", lambda _: planted())
    monkeypatch.setattr(sys, "argv", ["train-anger", "there", "--out", str(tmp_path / "mine.toml"), "--leave-one-out"])
    main()
    assert "96 utterances of 4 speakers" in capsys.readouterr().out
    assert Voice.load(tmp_path / "mine.toml").intercept < 0


def test_a_folder_without_recordings_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no EmoDB recordings"):
        corpus(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not EMODB.is_dir(), reason="EmoDB does not lie beside the repository")
def test_the_shipped_parameters_are_rebuilt_from_emodb() -> None:
    rebuilt = fit(corpus(EMODB))
    shipped = Voice.load(FITTED)
    for name in ("expected", "spread", "pull", "weight"):
        used = shipped.weight != 0
        assert getattr(rebuilt, name)[used] == pytest.approx(getattr(shipped, name)[used], rel=1e-4), name
    assert rebuilt.intercept == pytest.approx(shipped.intercept, rel=1e-4)
    assert rebuilt.gate == pytest.approx(shipped.gate, rel=1e-4)
