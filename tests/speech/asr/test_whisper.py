"""Each settle hears the whole utterance; a doubtful pass is made again over 30 s; what was never said does not come back."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import EngineError
from voicebot.speech.asr import whisper
from voicebot.speech.asr.hypothesis import NOTHING, Hypothesis
from voicebot.speech.asr.whisper import Whisper, WhisperService, service, voiced_s
from voicebot.speech.asr.whisper_model import Samples
from voicebot.speech.serving import Message
from voicebot.testbed.random_whisper import build
from voicebot.values import Transcript

SURE = Hypothesis("How do I pay my bill?", -0.2)
UNSURE = Hypothesis("how do eyebrow", -1.5)
"""Below the trusted probability, but with speech in it."""


def voice(seconds: float) -> bytes:
    """A buzz with the pitch and the formants of a voice: webrtcvad takes it for one."""
    t = np.arange(round(seconds * 16_000)) / 16_000
    tone = sum(np.sin(2 * np.pi * 130 * n * t) / n for n in range(1, 26))
    return (np.asarray(tone) * 5_000 * (1 + 0.3 * np.sin(2 * np.pi * 4 * t))).clip(-32_767, 32_767).astype("<i2").tobytes()


class Scripted:
    """Stands for WhisperModel: answers by the script, and notes what it was asked to hear."""

    def __init__(self, *script: Hypothesis) -> None:
        self.script = list(script)
        self.passes: list[tuple[int, float, int]] = []

    def hear(self, samples: Samples, window_s: float, most_tokens: int) -> Hypothesis:
        self.passes.append((len(samples), window_s, most_tokens))
        return self.script.pop(0)


def heard(model: Scripted, pcm: bytes, window_s: float = 10.0) -> Transcript:
    engine = Whisper(model, window_s)
    engine.feed(1, pcm)
    return engine.settle(1)


def test_a_sure_pass_over_the_short_window_is_the_answer() -> None:
    model = Scripted(SURE)
    assert heard(model, voice(2.0)) == Transcript("how do i pay my bill", 0.819)
    assert model.passes == [(32_000, 10.0, 32)]


def test_a_doubtful_pass_is_made_again_over_the_whole_window() -> None:
    model = Scripted(UNSURE, SURE)
    assert heard(model, voice(2.0)).text == "how do i pay my bill"
    assert [window for _, window, _ in model.passes] == [10.0, 30.0]


def test_what_it_takes_for_silence_costs_no_second_pass() -> None:
    model = Scripted(Hypothesis("you", -1.4, no_speech=0.9))
    assert heard(model, voice(2.0)) == NOTHING
    assert len(model.passes) == 1


def test_a_second_doubt_is_told_by_its_confidence() -> None:
    assert heard(Scripted(SURE, UNSURE), voice(2.0)).confidence > 0.8
    assert heard(Scripted(UNSURE, UNSURE), voice(2.0)) == Transcript("how do eyebrow", 0.223)


def test_a_long_utterance_is_never_cut_to_the_window() -> None:
    model = Scripted(SURE)
    heard(model, voice(12.5), window_s=4.0)
    assert model.passes == [(200_000, 12.5, 158)]


def test_at_the_full_window_there_is_no_longer_one_to_try() -> None:
    model = Scripted(UNSURE)
    heard(model, voice(2.0), window_s=30.0)
    assert len(model.passes) == 1


def test_invented_text_is_refused() -> None:
    farewell = Hypothesis("Thank you for watching, see you next time", -0.2)
    assert heard(Scripted(farewell), voice(0.2) + bytes(64_000)) == NOTHING


@pytest.mark.parametrize("pcm", [b"", bytes(2), bytes(64_000), voice(0.04), b"\x01"])
def test_silence_costs_no_pass(pcm: bytes) -> None:
    model = Scripted()
    assert heard(model, pcm) == NOTHING
    assert model.passes == []


def test_feeding_on_makes_the_pass_void_and_settling_again_does_not() -> None:
    model = Scripted(SURE, Hypothesis("How do I pay my bill today?", -0.2))
    engine = Whisper(model, 10.0)
    for pcm in (voice(1.0), voice(1.0)):
        engine.feed(7, pcm)
    first = engine.settle(7)
    assert engine.settle(7) is first
    engine.feed(7, voice(0.5))
    assert engine.settle(7).text == "how do i pay my bill today"
    assert [samples for samples, _, _ in model.passes] == [32_000, 40_000]


@given(st.lists(st.integers(1, 64_000), max_size=8))
def test_however_audio_is_cut_up_the_same_is_heard(cuts: list[int]) -> None:
    pcm, whole, pieces = voice(2.0), Scripted(SURE), Scripted(SURE)
    engine = Whisper(pieces, 10.0)
    places = sorted({0, *cuts, len(pcm)})
    for start, end in itertools.pairwise(places):
        engine.feed(1, pcm[start:end])
    assert engine.settle(1) == heard(whole, pcm)
    assert pieces.passes == whole.passes


def test_utterances_do_not_mix_and_are_forgotten() -> None:
    model = Scripted(SURE, SURE)
    engine = Whisper(model, 10.0)
    engine.feed(1, voice(1.0))
    engine.feed(2, voice(2.0))
    engine.settle(2)
    engine.drop(2)
    engine.drop(2)
    engine.settle(1)
    assert [samples for samples, _, _ in model.passes] == [32_000, 16_000]
    assert list(engine._utterances) == [1]


def test_too_many_and_too_long_utterances_are_refused_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper, "MOST_UTTERANCES", 1)
    engine = Whisper(Scripted(SURE), 10.0)
    engine.feed(1, voice(1.0))
    with pytest.raises(EngineError, match="over 1 utterances"):
        engine.feed(2, bytes(640))
    with pytest.raises(EngineError, match=r"over 30 s; set \[turns\] max_utterance_ms"):
        engine.feed(1, bytes(30 * 32_000))
    assert engine.settle(1).text


def test_an_utterance_dropped_in_the_same_breath_costs_no_pass() -> None:
    model = Scripted(SURE)
    served = WhisperService(Whisper(model, 10.0))
    batch = [Message(1, "feed", voice(1.0)), Message(2, "feed", voice(1.0)), Message(1, "settle"), Message(2, "settle"), Message(1, "drop")]
    assert [(reply.stream, reply.text) for reply in served.handle(batch)] == [(2, "how do i pay my bill")]
    assert len(model.passes) == 1


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed; run scripts/setup")
def test_voice_is_counted_and_silence_is_not(tmp_path: Path) -> None:
    said = tmp_path / "said.wav"
    subprocess.run(["flite", "-voice", "rms", "-t", "how do i reset my voicemail pin", "-o", str(said)], check=True)
    pcm = said.read_bytes()[44:]
    length_s = len(pcm) / 32_000
    assert 0.6 * length_s < voiced_s(pcm) <= length_s
    assert voiced_s(pcm + bytes(64_000)) - voiced_s(pcm) < 0.3
    assert voiced_s(bytes(32_000)) == 0.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("whisper") / "model")


def test_the_engine_of_a_real_folder_serves(folder: Path) -> None:
    served = service(str(folder), "en", ["esim"], 4.0)
    replies = list(served.handle([Message(1, "feed", voice(1.0)), Message(1, "settle")]))
    assert [reply.verb for reply in replies] == ["transcript"]
