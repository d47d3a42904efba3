"""Batching over streams changes no probability; speech is told from silence; a dead worker means silence from us, not an error."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import wave
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from voicebot.errors import EngineError
from voicebot.speech import silero
from voicebot.speech.serving import Message, Reply
from voicebot.speech.silero import WINDOW_BYTES, DetectorStream, Silero, SpeechDetector, model_file, over_streams
from voicebot.speech.workers import Worker

needs_flite = pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed; run scripts/setup")


def noise(windows: int, seed: int) -> bytes:
    return np.random.default_rng(seed).normal(0, 2_000, windows * WINDOW_BYTES // 2).astype(np.int16).tobytes()


def windows_of(pcm: bytes) -> list[bytes]:
    return [pcm[at : at + WINDOW_BYTES] for at in range(0, len(pcm) - WINDOW_BYTES + 1, WINDOW_BYTES)]


def as_published(pcm: bytes) -> NDArray[np.float32]:
    """The model as it comes, given one stream from beginning to end."""
    rows = np.stack([np.frombuffer(window, np.int16) for window in windows_of(pcm)]).astype(np.float32) / 32_768
    context = np.concatenate([np.zeros((1, 64), np.float32), rows[:-1, -64:]])
    state = np.zeros((1, 1, 128), np.float32)
    network = onnxruntime.InferenceSession(str(model_file()))
    return np.asarray(network.run(None, {"input": np.concatenate([context, rows], axis=1), "h": state, "c": state})[0])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=5), st.data())
def test_any_interleaving_of_streams_gives_each_the_probabilities_of_the_published_model(lengths: list[int], data: st.DataObject) -> None:
    audio = {stream: noise(count, stream) for stream, count in enumerate(lengths)}
    todo = data.draw(st.permutations([stream for stream, count in enumerate(lengths) for _ in range(count)]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(todo)), max_size=4)))
    engine, heard, at = Silero(), dict[int, list[float]](), dict.fromkeys(audio, 0)
    for start, end in zip([0, *cuts], [*cuts, len(todo)], strict=True):
        batch = []
        for stream in todo[start:end]:
            batch.append(Message(stream, "feed", windows_of(audio[stream])[at[stream]], at[stream]))
            at[stream] += 1
        for reply in engine.handle(batch):
            assert reply.end_ms == len(heard.setdefault(reply.stream, []))
            heard[reply.stream].append(reply.value)
    for stream, pcm in audio.items():
        np.testing.assert_allclose(heard[stream], as_published(pcm), atol=1e-5)


@pytest.mark.parametrize("verb", ["reset", "drop"])
def test_a_reset_stream_starts_afresh(verb: Any) -> None:
    loud = [Message(901, "feed", window) for window in windows_of(noise(4, 3))]
    engine = Silero()
    fresh = [reply.value for reply in engine.handle(loud)]
    again = [reply.value for reply in engine.handle([Message(901, verb), *loud])]
    assert again == pytest.approx(fresh)
    assert [reply.value for reply in engine.handle(loud)] != pytest.approx(fresh)


@needs_flite
def test_speech_is_told_from_silence_and_noise(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", "my internet is not working since this morning", "-o", str(path)], check=True)
    with wave.open(str(path)) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), np.int16)
        pcm = soxr.resample(samples, recording.getframerate(), 16_000).tobytes()
    speech = [reply.value for reply in Silero().handle([Message(1, "feed", window) for window in windows_of(pcm)])]
    hiss = [reply.value for reply in Silero().handle([Message(1, "feed", window) for window in windows_of(noise(60, 1))])]
    quiet = [reply.value for reply in Silero().handle([Message(1, "feed", bytes(WINDOW_BYTES))] * 60)]
    assert np.mean(np.array(speech) > 0.5) > 0.7
    assert max(quiet) < 0.3
    assert np.mean(np.array(hiss) > 0.5) < 0.1


def test_another_model_file_is_refused_by_name() -> None:
    with pytest.raises(EngineError, match=r"silero_vad_v6\.onnx is not the one tested"):
        over_streams(b"something else")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "find_spec", lambda _name: None)
    with pytest.raises(EngineError, match="install faster-whisper"):
        model_file()


class Link:
    """A worker that keeps what it is sent, or refuses."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.refuses = False
        self.opened = 0

    def open(self, _listener: object) -> int:
        self.opened += 1
        return self.opened

    def send(self, message: Message) -> None:
        if self.refuses:
            raise EngineError("behind")
        self.sent.append(message)

    def close(self, stream: int) -> None:
        self.sent.append(Message(stream, "drop"))


class Detector(SpeechDetector):
    """A SpeechDetector whose worker is a Link, or down."""

    def __init__(self) -> None:
        self.link: Link | None = Link()

    def worker(self) -> Worker:
        if not self.link:
            raise EngineError("down")
        return self.link  # type: ignore[return-value]


@given(st.lists(st.binary(max_size=3_000), max_size=10))
def test_audio_of_any_lengths_becomes_whole_windows_with_their_times(pieces: list[bytes]) -> None:
    detector = Detector()
    stream = detector.stream(lambda _end_ms, _probability: None)
    for piece in pieces:
        stream.feed(piece)
    whole = b"".join(pieces)
    assert detector.link
    assert [message.pcm for message in detector.link.sent] == windows_of(whole)
    assert [message.end_ms for message in detector.link.sent] == [32 * (number + 1) for number in range(len(whole) // WINDOW_BYTES)]


def test_times_go_on_while_the_worker_is_down_and_a_new_stream_is_opened_on_the_next() -> None:
    detector, heard = Detector(), list[tuple[int, float]]()
    stream = DetectorStream(detector, lambda end_ms, probability: heard.append((end_ms, probability)))
    first = detector.link
    stream.feed(bytes(WINDOW_BYTES))
    stream.lost(EngineError("crashed"))
    detector.link = None
    stream.feed(bytes(WINDOW_BYTES))
    second = detector.link = Link()
    stream.feed(bytes(WINDOW_BYTES))
    assert first
    assert [message.end_ms for message in first.sent] == [32]
    assert [message.end_ms for message in second.sent] == [96]
    stream.replied(Reply(1, "probability", value=0.5, end_ms=96))
    assert heard == [(96, 0.5)]


def test_a_worker_too_far_behind_loses_windows_not_the_call() -> None:
    detector = Detector()
    stream = detector.stream(lambda _end_ms, _probability: None)
    assert detector.link
    detector.link.refuses = True
    stream.feed(bytes(WINDOW_BYTES))
    detector.link.refuses = False
    stream.feed(bytes(WINDOW_BYTES))
    assert [message.end_ms for message in detector.link.sent] == [64]


def test_a_closed_stream_calls_back_no_more_and_sends_nothing() -> None:
    detector, heard = Detector(), list[float]()
    stream = detector.stream(lambda _end_ms, probability: heard.append(probability))
    stream.feed(bytes(WINDOW_BYTES))
    stream.close()
    stream.close()
    stream.feed(bytes(WINDOW_BYTES))
    stream.reset()
    stream.replied(Reply(1, "probability", value=0.9, end_ms=32))
    assert detector.link
    assert [message.verb for message in detector.link.sent] == ["feed", "drop"]
    assert heard == []


def _note(mine: list[int], end_ms: int, _probability: float) -> None:
    mine.append(end_ms)


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


def test_many_calls_share_one_worker_and_a_crash_only_makes_a_pause() -> None:
    async def main() -> None:
        async with SpeechDetector() as detector:
            heard: list[list[int]] = [[] for _ in range(5)]
            streams = [detector.stream(partial(_note, mine)) for mine in heard]
            for stream in streams:
                stream.feed(bytes(10 * WINDOW_BYTES))
            async with asyncio.timeout(10):
                while any(len(ends) < 10 for ends in heard):
                    await asyncio.sleep(0.01)
            assert heard == [[32 * number for number in range(1, 11)]] * 5
            streams[0].reset()
            assert detector.healthy
            os.kill(detector.worker().pid, signal.SIGKILL)
            async with asyncio.timeout(10):
                while detector.healthy:
                    await asyncio.sleep(0.005)
                streams[0].feed(bytes(WINDOW_BYTES))
                while not detector.healthy:
                    await asyncio.sleep(0.005)
                streams[0].feed(bytes(WINDOW_BYTES))
                while heard[0][-1] != 32 * 12:
                    await asyncio.sleep(0.005)
            assert 32 * 11 not in heard[0]
            for stream in streams:
                stream.close()

    run(main())


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_what_is_no_probability_is_not_believed(value: float) -> None:
    heard = list[tuple[int, float]]()
    stream = DetectorStream(Detector(), lambda end_ms, probability: heard.append((end_ms, probability)))
    stream.feed(bytes(2 * WINDOW_BYTES))
    stream.replied(Reply(1, "probability", value=value, end_ms=32))
    stream.replied(Reply(1, "transcript", "hello", 0.5, 32))
    stream.replied(Reply(1, "probability", value=0.5, end_ms=96))
    assert heard == []
    stream.replied(Reply(1, "probability", value=0.5, end_ms=64))
    assert heard == [(64, 0.5)]
