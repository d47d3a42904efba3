"""Turns for an evaluation: the same for the same seed, with their pause where they say, and their end where their speech ends."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import numpy as np
import pytest

from voicebot.errors import EvaluationError
from voicebot.evaluate import turn_cases as module
from voicebot.evaluate.telephone import Line
from voicebot.evaluate.turn_cases import LEAD_S, Spoken, heard, recorded, synthetic
from voicebot.testbed import audio
from voicebot.testbed.g711 import Samples
from voicebot.values import duration_ms


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three sentences of one voice, with a dip in each; the digits of another."""
    for number in range(3):
        dip = np.concatenate((audio.tone(300, 0.9), audio.silence(0.06), audio.tone(400, 0.9 + number / 10)))
        audio.write_wav(tmp_path / f"sentence{number}.wav", dip)
        audio.write_wav(tmp_path / f"{number}_anna.wav", audio.tone(500, 0.3))
    return tmp_path


def test_the_same_seed_gives_the_same_turns(folder: Path) -> None:
    first, again, other = recorded(folder, 20, 1), recorded(folder, 20, 1), recorded(folder, 20, 2)
    assert [each.line.tobytes() for each in first] == [each.line.tobytes() for each in again]
    assert [each.pause_ms for each in first] != [each.pause_ms for each in other]


def test_most_turns_have_a_pause_of_the_length_they_tell(folder: Path) -> None:
    found = recorded(folder, 60, 1)
    paused = [each for each in found if each.pause_ms]
    assert 30 < len(paused) < 60
    assert all(200 <= each.pause_ms <= 900 and len(each.parts) == 2 for each in paused)
    assert len({each.name for each in found}) == 60


def test_speech_ends_where_a_turn_says(folder: Path) -> None:
    for each in recorded(folder, 20, 3):
        voiced = np.flatnonzero(np.abs(each.line) > 100)
        assert voiced[0] / audio.RATE_HZ == pytest.approx(LEAD_S, abs=0.03)
        assert voiced[-1] / audio.RATE_HZ * 1000 == pytest.approx(each.end_ms, abs=90)


def test_a_pause_falls_where_it_is_quiet() -> None:
    said = np.concatenate((audio.tone(300, 1.0), audio.silence(0.1), audio.tone(300, 1.0)))
    chance = random.Random(4)
    cuts = [module._paused("x", said, chance) for _ in range(30)]
    near = [len(each.parts[0]) / audio.RATE_HZ for each in cuts if each.pause_ms]
    assert sum(abs(at_s - 1.0) < 0.1 for at_s in near) > len(near) / 3


def test_words_of_one_speaker_make_a_number(folder: Path) -> None:
    for path in folder.glob("sentence*"):
        path.unlink()
    audio.write_wav(folder / "3_bert.wav", audio.tone(900, 0.3))
    words, sentences = module._sorted(sorted(folder.glob("*.wav")))
    assert sentences == []
    assert [[path.stem for path in group] for group in words] == [["0_anna", "1_anna", "2_anna"], ["3_bert"]]
    assert all(len(each.parts) == 2 for each in recorded(folder, 5, 1))


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"holds no \.wav"):
        recorded(tmp_path, 1, 1)


def test_recordings_that_hold_no_voice_are_left_out_and_a_folder_of_them_is_named(folder: Path, tmp_path: Path) -> None:
    faint = tmp_path / "faint"
    faint.mkdir()
    audio.write_wav(faint / "sentence.wav", (audio.tone(300, 2.0) // 1_000).astype(np.int16))
    with pytest.raises(EvaluationError, match="as loud as speech"):
        recorded(faint, 1, 1)
    assert all(len(each.line) for each in recorded(folder, 40, 1)), "beside others it is not drawn"


def test_synthetic_turns_are_questions_and_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    async def voice(text: str, _voice: str, _cache: Path) -> Samples:
        said.append(text)
        return audio.tone(300, 0.5)

    monkeypatch.setattr(module, "synth", voice)
    found = asyncio.run(synthetic(100, 1, tmp_path))
    assert len(found) == 100
    assert 10 <= sum(text.startswith("my number is") for text in said) <= 35
    assert any(text.endswith(" um") for text in said)
    assert {len(each.parts) for each in found} == {1, 2}
    assert all((each.pause_ms > 0) == (len(each.parts) == 2) for each in found)


def test_a_turn_is_heard_through_the_line_and_leaves_no_file(tmp_path: Path) -> None:
    turn = Spoken("a", (audio.tone(800, 0.5), audio.tone(800, 0.5)), 300)
    pcm = heard(turn, Line("PCMA"), tmp_path)
    assert duration_ms(pcm) == pytest.approx(500 + 1_300 + 2_500, abs=20)
    assert list(tmp_path.iterdir()) == []
