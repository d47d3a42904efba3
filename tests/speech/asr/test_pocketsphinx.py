"""Telephone speech comes back as words, however it is cut up and however loud the line; what is not speech comes back with little confidence."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pocketsphinx as package
import pytest
import soxr
from numpy.typing import NDArray

from voicebot.customers.verification import spoken_digits
from voicebot.errors import EngineError
from voicebot.speech.asr import RecogniserService, pocketsphinx
from voicebot.speech.asr.digits import examples
from voicebot.speech.asr.language_model import LanguageFiles, build
from voicebot.speech.asr.pocketsphinx import TELEPHONE_MEAN, PocketSphinx, english, service
from voicebot.speech.serving import Message

pytestmark = pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed; run scripts/setup")

SAID = "how much data do i have left"
WORDINGS = [SAID, "my internet is not working", "i want to pay my bill", "how do i block my sim card", "where is my order"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> LanguageFiles:
    return build(WORDINGS, tmp_path_factory.mktemp("language-model"))


@pytest.fixture(scope="module")
def engine(files: LanguageFiles) -> PocketSphinx:
    return PocketSphinx(package.get_model_path("en-us/en-us"), str(files.dictionary), str(files.language_model), mean=TELEPHONE_MEAN)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.float64]:
    """SAID in flite's voice at 8 kHz, half a second of quiet around it."""
    path = tmp_path_factory.mktemp("audio") / "said.wav"
    subprocess.run(["flite", "-voice", "rms", "-t", SAID, "-o", str(path)], check=True)
    with wave.open(str(path)) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), np.int16).astype(np.float64)
        narrow = soxr.resample(samples, recording.getframerate(), 8_000)
    return np.concatenate([np.zeros(2_400), narrow, np.zeros(4_000)])


def on_the_phone(narrow: NDArray[np.float64], gain_db: float = 0.0) -> bytes:
    """16 kHz pcm as Asterisk makes it from an 8 kHz call, with the noise of 8-bit logarithmic samples."""
    loud = np.clip(narrow * 10 ** (gain_db / 20), -32_000, 32_000)
    steps = np.sign(loud) * np.round(np.log1p(255 * np.abs(loud) / 32_768) / np.log(256) * 127)
    coarse = np.sign(steps) * np.expm1(np.abs(steps) / 127 * np.log(256)) / 255 * 32_768
    return bytes(soxr.resample(coarse, 8_000, 16_000).clip(-32_768, 32_767).astype(np.int16).tobytes())


@pytest.fixture
def stream(engine: PocketSphinx) -> Iterator[int]:
    yield 1
    engine.drop(1)


def test_a_wording_of_the_knowledge_base_is_heard(engine: PocketSphinx, stream: int, speech: NDArray[np.float64]) -> None:
    engine.feed(stream, on_the_phone(speech))
    heard = engine.settle(stream)
    assert heard.text == SAID
    assert 0.6 < heard.confidence <= 1


@pytest.mark.parametrize("piece_ms", [20, 130, 5_000])
def test_how_the_audio_is_cut_up_changes_little(engine: PocketSphinx, stream: int, speech: NDArray[np.float64], piece_ms: int) -> None:
    pcm = on_the_phone(speech)
    for at in range(0, len(pcm), piece_ms * 32):
        engine.feed(stream, pcm[at : at + piece_ms * 32])
    assert engine.settle(stream).text == SAID


@pytest.mark.parametrize("gain_db", [-18, 6])
def test_a_quiet_and_a_loud_line_are_heard_alike(engine: PocketSphinx, stream: int, speech: NDArray[np.float64], gain_db: float) -> None:
    engine.feed(stream, on_the_phone(speech, gain_db))
    assert engine.settle(stream).text == SAID


def test_after_a_settle_the_same_utterance_goes_on(engine: PocketSphinx, stream: int, speech: NDArray[np.float64]) -> None:
    pcm = on_the_phone(speech)
    middle = len(pcm) // 2 // 640 * 640
    engine.feed(stream, pcm[:middle])
    half = engine.settle(stream)
    assert half == engine.settle(stream)
    for at in range(middle, len(pcm), 640):
        engine.feed(stream, pcm[at : at + 640])
    assert engine.settle(stream).text == SAID


def test_two_utterances_at_once_do_not_mix(engine: PocketSphinx, speech: NDArray[np.float64]) -> None:
    pcm = on_the_phone(speech)
    for at in range(0, len(pcm), 6_400):
        engine.feed(5, pcm[at : at + 6_400])
        engine.feed(6, bytes(6_400))
    assert engine.settle(5).text == SAID
    assert engine.settle(6).text == ""
    engine.drop(5)
    engine.drop(6)
    engine.drop(6)


def test_a_dropped_stream_leaves_nothing_to_the_next(engine: PocketSphinx, stream: int, speech: NDArray[np.float64]) -> None:
    engine.feed(77, on_the_phone(speech))
    engine.drop(77)
    engine.feed(stream, on_the_phone(speech))
    assert engine.settle(stream).text == SAID
    assert engine.settle(77).text == ""
    engine.drop(77)


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_next_to_no_audio_is_no_words(engine: PocketSphinx, stream: int, samples: int) -> None:
    engine.feed(stream, bytes(2 * samples))
    heard = engine.settle(stream)
    assert (heard.text, heard.confidence) == ("", 0.0)


def test_babble_has_less_confidence_than_speech(engine: PocketSphinx, stream: int, speech: NDArray[np.float64]) -> None:
    voices = sum(np.roll(speech[::-1], shift) for shift in (0, 1_700, 3_900, 6_100))
    engine.feed(stream, on_the_phone(np.asarray(voices)))
    assert engine.settle(stream).confidence < 0.6


def test_too_many_utterances_at_once_are_refused_one_by_one(
    engine: PocketSphinx, stream: int, speech: NDArray[np.float64], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pocketsphinx, "MOST_UTTERANCES", 1)
    engine.feed(stream, on_the_phone(speech))
    with pytest.raises(EngineError, match="over 1 utterances"):
        engine.feed(2, bytes(640))
    assert engine.settle(stream).text == SAID


def test_a_missing_file_is_named(files: LanguageFiles) -> None:
    with pytest.raises(EngineError, match="/no/such/model is missing"):
        service(acoustic_model="/no/such/model", dictionary=str(files.dictionary), language_model=str(files.language_model))


def test_a_broken_file_is_named(files: LanguageFiles, tmp_path: Path) -> None:
    broken = tmp_path / "broken.arpa"
    broken.write_text("nothing")
    with pytest.raises(EngineError, match=r"cannot load .*broken\.arpa"):
        PocketSphinx(package.get_model_path("en-us/en-us"), str(files.dictionary), str(broken))


def test_an_8_khz_model_gets_8_khz_audio() -> None:
    samples = np.zeros(3_200, np.int16)
    assert len(pocketsphinx._prepared(samples, 8_000)) == 3_200
    assert len(pocketsphinx._prepared(samples, 16_000)) == 6_400


def test_the_english_recogniser_works_in_its_own_process(files: LanguageFiles, speech: NDArray[np.float64]) -> None:
    async def main() -> None:
        async with english(WORDINGS, files.dictionary.parent.parent, processes=1) as recogniser:
            stream = recogniser.stream()
            stream.feed(on_the_phone(speech))
            assert (await stream.settle()).text == SAID
            stream.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_the_service_drops_and_settles_by_message(engine: PocketSphinx, speech: NDArray[np.float64]) -> None:
    served = RecogniserService(engine)
    replies = list(served.handle([Message(9, "feed", on_the_phone(speech)), Message(9, "settle"), Message(9, "drop")]))
    assert [reply.text for reply in replies] == [SAID]


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> PocketSphinx:
    """An engine that knows how numbers are read out."""
    known = build([*WORDINGS, *examples("en")], tmp_path_factory.mktemp("numbers"))
    acoustic = package.get_model_path("en-us/en-us")
    return PocketSphinx(acoustic, str(known.dictionary), str(known.language_model), mean=TELEPHONE_MEAN, spelling="en")


def spoken(text: str, folder: Path) -> bytes:
    path = folder / "said.wav"
    subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", str(path)], check=True)
    with wave.open(str(path)) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), np.int16).astype(np.float64)
    return on_the_phone(np.concatenate([np.zeros(2_400), soxr.resample(samples, recording.getframerate(), 8_000), np.zeros(4_000)]))


@pytest.mark.parametrize(("text", "owed", "heard"), [("one nine four seven oh two six eight", 8, "19470268"), ("six six three nine", 4, "6639")])
def test_digits_that_are_owed_are_all_heard(counting: PocketSphinx, text: str, owed: int, heard: str, tmp_path: Path) -> None:
    counting.expect_digits(77, owed)
    counting.feed(77, spoken(text, tmp_path))
    first = counting.settle(77)
    counting.feed(77, bytes(6_400))
    again = counting.settle(77)
    counting.drop(77)
    assert (spoken_digits(first.text), spoken_digits(again.text)) == (heard, heard)


def test_who_owes_digits_may_ask_something_else(counting: PocketSphinx, tmp_path: Path) -> None:
    counting.expect_digits(78, 4)
    counting.feed(78, spoken(SAID, tmp_path))
    assert counting.settle(78).text == SAID
    counting.drop(78)


def test_a_dictionary_without_the_digits_is_named(files: LanguageFiles, tmp_path: Path) -> None:
    short = tmp_path / "short.dict"
    short.write_text("".join(line for line in files.dictionary.read_text().splitlines(keepends=True) if not line.startswith("nine ")))
    engine = PocketSphinx(package.get_model_path("en-us/en-us"), str(short), str(files.language_model), mean=TELEPHONE_MEAN, spelling="en")
    engine.expect_digits(1, 4)
    engine.feed(1, spoken("four five six seven", tmp_path))
    with pytest.raises(EngineError, match="lacks a word that numbers are read out in"):
        engine._spelt(engine._utterances[1], engine.settle(1))
