"""Manifests of the corpora by file name, on empty files; the audio is never opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.errors import EvaluationError
from voicebot.evaluate.corpora import casia, emodb, ravdess, write_manifests
from voicebot.evaluate.manifest import read


def touched(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_emodb_names_are_speaker_and_emotion(tmp_path: Path) -> None:
    touched(tmp_path / "03a01Wa.flac")
    touched(tmp_path / "08b02Nc.flac")
    angry, neutral = emodb(tmp_path)
    assert (angry.speaker, angry.label, angry.kind, angry.language, angry.sex, angry.baseline) == ("emodb-03", "anger", "anger", "de", "male", False)
    assert (neutral.speaker, neutral.label, neutral.kind, neutral.sex, neutral.baseline) == ("emodb-08", "other", "neutral", "female", True)


def test_ravdess_names_are_seven_fields(tmp_path: Path) -> None:
    touched(tmp_path / "Actor_12" / "03-01-05-02-01-01-12.flac")
    touched(tmp_path / "Actor_12" / "03-01-02-01-02-01-12.flac")
    calm, angry = ravdess(tmp_path)
    assert (angry.speaker, angry.label, angry.text, angry.sex) == ("ravdess-12", "anger", "kids are talking by the door", "female")
    # Only neutral speech may be a reference: calm is acted.
    assert (calm.kind, calm.label, calm.baseline) == ("calm", "other", False)


def test_casia_folders_are_speaker_and_emotion_with_a_list_of_sentences(tmp_path: Path) -> None:
    (tmp_path / "sentences.txt").write_text("201. 就是下雨也去。\n202. 我马上拿来。\n", "utf-8")
    touched(tmp_path / "wangzhe" / "angry" / "202.flac")
    (row,) = casia(tmp_path)
    assert (row.speaker, row.label, row.kind, row.language, row.text, row.sex) == ("casia-wangzhe", "anger", "anger", "zh", "我马上拿来。", "male")


def test_manifests_of_what_is_there_can_be_read(tmp_path: Path) -> None:
    touched(tmp_path / "emodb-de" / "03a01Wa.flac")
    (path,) = write_manifests(tmp_path, tmp_path / "out")
    assert path.name == "emodb.csv"
    assert Path(read(path)[0].path).is_absolute()


def test_a_folder_without_a_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="none of emodb-de"):
        write_manifests(tmp_path, tmp_path)
