"""The evaluation itself: which utterances serve as references, what is left out, and that the figures follow the voices."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.kit.voices import spoken
from voicebot.emotion.figures import Prosody
from voicebot.emotion.prosody import analyse
from voicebot.emotion.voice import Voice
from voicebot.errors import EvaluationError
from voicebot.evaluate.anger import REFERENCES, ReferenceMode, listen, report, score, table, write_scores
from voicebot.evaluate.manifest import Row, read, write
from voicebot.evaluate.telephone import Line

SHARED = Path(__file__).parents[3] / "shared" / "audio" / "emotion"
VOICE = Voice.load()
CALM, LIVELY = (analyse(spoken(hz, level_db, brightness)) for hz, level_db, brightness in ((110, -30, 0.3), (230, -18, 0.8)))


def corpus() -> tuple[list[Row], list[Prosody | None]]:
    """Two speakers, each with four neutral, three angry and one happy utterance."""
    rows, heard = [], []
    for speaker, sex in (("anna", "female"), ("ben", "male")):
        for kind, count, prosody in (("neutral", 4, CALM), ("anger", 3, LIVELY), ("happy", 1, CALM)):
            label, baseline = "anger" if kind == "anger" else "other", kind == "neutral"
            rows += [Row(f"{speaker}-{kind}-{n}.wav", speaker, label, kind, "en", "", baseline, sex) for n in range(count)]
            heard += [prosody] * count
    return rows, heard


def scored(mode: ReferenceMode, seed: int = 0) -> Sequence[float | None]:
    rows, heard = corpus()
    return score(rows, heard, mode, lambda _: VOICE, seed).scores


def left_out(mode: ReferenceMode, seed: int = 0) -> list[str]:
    return [row.path for row, value in zip(corpus()[0], scored(mode, seed), strict=True) if value is None]


def test_references_are_two_calm_utterances_of_each_speaker_and_are_not_scored() -> None:
    assert len(left_out("calm")) == 4
    assert all("neutral" in path for path in left_out("calm"))
    assert {path.split("-")[0] for path in left_out("calm")} == {"anna", "ben"}


def test_angry_references_are_angry_and_none_are_none() -> None:
    assert len(left_out("angry")) == 4
    assert all("anger" in path for path in left_out("angry"))
    assert left_out("none") == []


def test_the_draw_follows_the_seed() -> None:
    assert left_out("calm", 3) == left_out("calm", 3)
    assert len({tuple(left_out("calm", seed)) for seed in range(8)}) > 1


def test_a_calm_reference_lifts_angry_voices_and_an_angry_one_teaches_nothing() -> None:
    rows, _ = corpus()
    found = {mode: dict(zip((row.path for row in rows), scored(mode), strict=True)) for mode in REFERENCES}
    angry = {mode: max(value for path, value in values.items() if value is not None and "anger" in path) for mode, values in found.items()}
    assert angry["calm"] > angry["none"]
    assert angry["angry"] <= angry["none"]


def test_the_report_is_over_all_and_by_sex_where_there_are_two() -> None:
    rows, heard = corpus()
    found = report(score(rows, heard, "none", lambda _: VOICE))
    assert [part.group for part in found] == ["all", "sex female", "sex male"]
    assert found[0].auc_calm == found[0].auc_all == 1
    assert [part.angry for part in found] == [6, 3, 3]
    assert "1.000" in table(found, 0).splitlines()[1]


def test_what_held_no_voice_scores_as_calm_and_is_counted() -> None:
    rows, heard = corpus()
    heard[-1] = None
    found = score(rows, heard, "none", lambda _: VOICE)
    assert found.scores[-1] == VOICE.score(None).probability
    assert table(report(found), found.unheard).endswith("1 held too little voice and scored as calm")


def test_each_speaker_can_have_parameters_of_its_own() -> None:
    rows, heard = corpus()
    asked: list[str] = []

    def chosen(speaker: str) -> Voice:
        asked.append(speaker)
        return VOICE

    score(rows, heard, "none", chosen)
    assert asked == ["anna", "ben"]


@pytest.mark.parametrize(("mode", "wanted"), [("calm", "baseline=1"), ("angry", "angry rows")])
def test_a_speaker_without_references_is_named(mode: ReferenceMode, wanted: str) -> None:
    rows = [Row("a.wav", "anna", "anger", "anger", "en"), Row("b.wav", "anna", "other", "happy", "en")]
    with pytest.raises(EvaluationError, match=f"anna has .* {wanted}"):
        score(rows, [CALM, CALM], mode, lambda _: VOICE)


def test_scores_are_added_to_the_manifest_as_it_stands(tmp_path: Path) -> None:
    rows, heard = corpus()
    write(tmp_path / "list.csv", rows)
    found = score(rows, heard, "calm", lambda _: VOICE)
    write_scores(tmp_path / "scores.csv", tmp_path / "list.csv", found)
    assert read(tmp_path / "scores.csv") == rows
    with (tmp_path / "scores.csv").open(encoding="utf-8") as file:
        values = [entry["score"] for entry in csv.DictReader(file)]
    assert [value == "" for value in values] == [value is None for value in found.scores]
    assert max(float(value) for value in values if value) == pytest.approx(max(value for value in found.scores if value), abs=1e-6)


def test_recordings_are_heard_in_order_through_the_line(tmp_path: Path) -> None:
    for name, level_db in (("loud", -15.0), ("quiet", -35.0)):
        soundfile.write(tmp_path / f"{name}.flac", np.frombuffer(spoken(level_db=level_db), "<i2"), 16_000)
    rows = [Row(f"{name}.flac", "anna", "other", "neutral", "en") for name in ("loud", "quiet")]
    loud, quiet = listen(rows, tmp_path / "list.csv", Line())
    assert loud is not None
    assert quiet is not None
    assert loud.level_db > quiet.level_db + 15


def test_missing_noise_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no such noise"):
        listen([], tmp_path / "list.csv", Line(noise=tmp_path / "none.wav"))


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the emotion corpora do not lie beside the repository")
def test_anger_is_told_from_calm_by_speakers_of_another_language(tmp_path: Path) -> None:
    from voicebot.evaluate.corpora import write_manifests

    write_manifests(SHARED, tmp_path)
    listed = [row for row in read(tmp_path / "ravdess.csv") if row.speaker in ("ravdess-01", "ravdess-02")]
    rows = [row for row in listed if row.kind in ("anger", "neutral", "calm", "happy")]
    found = report(score(rows, listen(rows, tmp_path / "ravdess.csv", Line()), "calm", lambda _: VOICE))[0]
    assert found.auc_calm is not None
    assert found.auc_calm > 0.95
