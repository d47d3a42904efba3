"""The simulation of calls: drawn apart, judged as live calls are, and true to its labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.emotion.test_temper import CALM_VOICE, SHOUT, VOICE, prosody
from voicebot.emotion.figures import Prosody
from voicebot.emotion.prosody import analyse
from voicebot.emotion.temper import Judges
from voicebot.emotion.words import Words
from voicebot.errors import EvaluationError
from voicebot.evaluate import calls as calls_module
from voicebot.evaluate.calls import (
    ANGRY,
    CALM,
    HAPPY,
    KINDS,
    Kind,
    Recordings,
    Result,
    Simulated,
    Spoken,
    in_time,
    judged_by_all,
    recordings,
    run,
    simulated,
    spoken_in,
    systems,
)
from voicebot.evaluate.manifest import Row, write
from voicebot.evaluate.sentences import sentences
from voicebot.evaluate.telephone import Line, through

BY_NAME = {kind.name: kind for kind in KINDS}
FOUND = Recordings(
    {"one": "en", "two": "zh"},
    {
        (speaker, mood, line): [voice] * 3
        for speaker in ("one", "two")
        for mood, line, voice in (
            (CALM, "plain", CALM_VOICE),
            (CALM, "loud", replace(CALM_VOICE, level_db=-13.0)),
            (CALM, "tv", prosody(0.5)),
            (HAPPY, "plain", prosody(1.0)),
            (ANGRY, "plain", SHOUT),
        )
    },
)
TEXTS = {language: {s.text: s for s in sentences(language)} for language in ("en", "zh")}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_text_follows_its_label_and_was_never_trained_on(kind: Kind) -> None:
    if kind.line == "tv":
        return
    for call in simulated(FOUND, kind, 10, 0.0, 3):
        assert len(call.turns) >= 8
        for mood, turn in zip(kind.voices, call.turns, strict=True):
            said = TEXTS[call.language][turn.text]
            assert said.angry == (mood == ANGRY)
            assert said.held_out


def test_the_television_adds_words_that_are_unsure() -> None:
    calls = simulated(FOUND, BY_NAME["tv"], 40, 0.0, 3)
    turns = [turn for call in calls for turn in call.turns if call.language == "en"]
    mixed = [turn for turn in turns if turn.text not in TEXTS["en"]]
    assert 0.1 < len(mixed) / len(turns) < 0.3
    assert max(turn.confidence for turn in mixed) <= 0.55 <= min(turn.confidence for turn in turns if turn.text in TEXTS["en"])


def test_speakers_take_turns_and_the_seed_decides_the_rest() -> None:
    calls = simulated(FOUND, KINDS[0], 6, 0.1, 3)
    assert [call.language for call in calls] == ["en", "zh"] * 3
    assert calls == simulated(FOUND, KINDS[0], 6, 0.1, 3)
    assert calls != simulated(FOUND, KINDS[0], 6, 0.1, 4)


def test_words_are_lost_as_often_as_asked() -> None:
    def words(errors: float) -> int:
        return sum(len(turn.text.split()) for call in simulated(FOUND, KINDS[0], 60, errors, 3) for turn in call.turns if call.language == "en")

    assert words(0.3) / words(0.0) == pytest.approx(0.7, abs=0.05)


def test_an_angry_call_is_handed_over_and_a_calm_one_is_not() -> None:
    judges = Judges(VOICE, Words.load("en"))
    angry, calm = Spoken(SHOUT, "this is ridiculous you lied to me", 0.9), Spoken(CALM_VOICE, "when are you open", 0.9)
    turning = Simulated(BY_NAME["turns angry"], "en", (calm,) * 4 + (angry,) * 4)
    quiet = Simulated(BY_NAME["calm"], "en", (calm,) * 8)
    assert run(turning, judges).handed_over == 4
    assert run(quiet, judges).handed_over is None
    assert run(turning, judges).score > run(quiet, judges).score


def test_alone_neither_is_told_what_the_other_knows() -> None:
    alone = systems("de", VOICE)
    call = Simulated(BY_NAME["opens angry"], "de", (Spoken(SHOUT, "when are you open", 0.9),) * 8)
    assert run(call, alone["words alone"]).score < 0.5 < run(call, alone["voice alone"]).score
    assert run(call, alone["voice alone"]).handed_over is None


@pytest.mark.parametrize(
    ("kind", "handed_over", "expected"),
    [
        ("turns angry", 4, True),
        ("turns angry", 5, True),
        ("turns angry", 6, False),
        ("turns angry", 3, False),
        ("turns angry", None, False),
        ("opens angry", 2, True),
        ("opens angry", 3, False),
        ("calm", 7, True),
        ("calm", None, False),
    ],
)
def test_in_time_is_counted_from_where_anger_begins(kind: str, handed_over: int | None, expected: bool) -> None:
    assert in_time(Simulated(BY_NAME[kind], "en", ()), Result(handed_over, 0.0)) is expected


def test_every_system_judges_every_call() -> None:
    calls = [call for kind in KINDS for call in simulated(FOUND, kind, 2, 0.1, 1)]
    judged = judged_by_all(calls, VOICE)
    assert set(judged) == {"fused", "voice alone", "words alone"}
    assert all([call for call, _ in found] == calls for found in judged.values())
    assert spoken_in("de") == "en"


def test_recordings_are_heard_through_every_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def here(rows: Sequence[Row], manifest: Path, line: Line | Sequence[Line]) -> list[Prosody | None]:
        lines = [line] * len(rows) if isinstance(line, Line) else line
        return [analyse(through(one, manifest.parent / row.path)) for row, one in zip(rows, lines, strict=True)]

    monkeypatch.setattr(calls_module, "listen", here)
    pitch = 2 * np.pi * np.cumsum(140 + 20 * np.sin(np.arange(12_000) / 3_000)) / 16_000
    rows = []
    for speaker in ("a", "b"):
        for kind in ("neutral", "happy", "anger"):
            name = f"{speaker}-{kind}.wav"
            soundfile.write(tmp_path / name, 0.1 * np.sum([np.sin(k * pitch) / k for k in range(1, 20)], axis=0), 16_000)
            rows.append(Row(name, speaker, "anger" if kind == "anger" else "other", kind, "en", baseline=kind == "neutral"))
    write(tmp_path / "m.csv", rows)
    found = recordings(rows, tmp_path / "m.csv", 0)
    plain, loud = found.heard["a", CALM, "plain"][0], found.heard["a", CALM, "loud"][0]
    assert plain
    assert loud
    assert loud.level_db - plain.level_db == pytest.approx(12, abs=1)
    assert ("a", CALM, "tv") in found.heard
    with pytest.raises(EvaluationError, match="recordings of b"):
        recordings([row for row in rows if (row.speaker, row.kind) != ("b", "happy")], tmp_path / "m.csv", 0)
