"""Recordings are cut as calls are, the caller's channel alone; what cannot be recognised is no words, what is no recording is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.kit.voices import spoken
from voicebot.errors import EngineError, EvaluationError
from voicebot.replay.recordings import heard, utterances
from voicebot.settings import Turns
from voicebot.values import SAMPLE_RATE_HZ, Transcript, duration_ms


class Recogniser:
    """Tells how long each utterance was; fails for the `failing`-th."""

    def __init__(self, failing: int = 0) -> None:
        self.failing = failing
        self.heard_ms: list[int] = []
        self.open = 0

    def stream(self) -> Any:
        self.open += 1
        return self

    def feed(self, pcm: bytes) -> None:
        self.heard_ms.append(duration_ms(pcm))

    async def settle(self) -> Transcript:
        if len(self.heard_ms) == self.failing:
            raise EngineError("crashed")
        return Transcript(f"utterance {len(self.heard_ms)}", 0.8)

    def close(self) -> None:
        self.open -= 1


@pytest.fixture(scope="module")
def two_sentences() -> bytes:
    voice = spoken()
    return voice + bytes(2 * SAMPLE_RATE_HZ * 2) + voice


def written(path: Path, *channels: bytes, rate_hz: int = SAMPLE_RATE_HZ) -> Path:
    columns = [np.frombuffer(pcm, "<i2") for pcm in channels]
    soundfile.write(path, np.stack(columns, axis=1), rate_hz)
    return path


def test_each_stretch_of_speech_is_an_utterance(two_sentences: bytes) -> None:
    found = [duration_ms(pcm) for pcm in utterances(two_sentences, Turns())]
    whole_ms = (duration_ms(two_sentences) - 2_000) // 2
    assert len(found) == 2
    assert all(whole_ms - 500 < length_ms < whole_ms + 1_600 for length_ms in found)


def test_silence_holds_no_utterance() -> None:
    assert list(utterances(bytes(64_000), Turns())) == []
    assert list(utterances(b"", Turns())) == []


def told(path: Path, recogniser: Any) -> tuple[tuple[str, float], ...]:
    return asyncio.run(heard(path, recogniser, Turns())).said


def test_the_caller_is_on_the_left(tmp_path: Path, two_sentences: bytes) -> None:
    path = written(tmp_path / "call.wav", bytes(len(two_sentences)), two_sentences)
    assert told(path, Recogniser()) == ()
    path = written(tmp_path / "call.wav", two_sentences, bytes(len(two_sentences)))
    assert told(path, Recogniser()) == (("utterance 1", 0.8), ("utterance 2", 0.8))


def test_an_utterance_that_cannot_be_recognised_has_no_words_and_no_stream_stays_open(tmp_path: Path, two_sentences: bytes) -> None:
    recogniser = Recogniser(failing=1)
    assert told(written(tmp_path / "call.wav", two_sentences), recogniser) == (("utterance 2", 0.8),)
    assert recogniser.open == 0


def test_a_file_that_is_no_recording_is_named(tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(b"RIFF")
    with pytest.raises(EvaluationError, match=r"call\.wav: cannot be read as a recording .*; give a WAV file"):
        told(tmp_path / "call.wav", Recogniser())


def test_an_empty_recording_holds_no_words(tmp_path: Path) -> None:
    assert told(written(tmp_path / "call.wav", b""), Recogniser()) == ()
