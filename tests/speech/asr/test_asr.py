"""A stream answers its settles in order or raises; feeding never raises, whatever happens to the worker."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import EngineError
from voicebot.speech import asr
from voicebot.speech.asr import Recogniser, RecogniserService
from voicebot.speech.serving import Message, Reply
from voicebot.values import Transcript

ENGINE = '''
import os, signal, time
from voicebot.errors import EngineError
from voicebot.speech.asr import RecogniserService
from voicebot.values import Transcript

class Engine:
    """Says how much it heard."""
    def __init__(self):
        self.heard = {}
    def feed(self, stream, pcm):
        if pcm.startswith(b"crash"):
            os.kill(os.getpid(), signal.SIGKILL)
        if pcm.startswith(b"bad"):
            raise EngineError("cannot hear that")
        self.heard[stream] = self.heard.get(stream, 0) + len(pcm)
    def settle(self, stream):
        time.sleep(0.02)
        return Transcript(f"{self.heard.get(stream, 0)} bytes of {len(self.heard)} streams", 0.5)
    def drop(self, stream):
        self.heard.pop(stream, None)
    def expect_digits(self, stream, count):
        self.heard[stream] = count

def service():
    return RecogniserService(Engine())
'''


@pytest.fixture(autouse=True)
def engine_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scripted_recogniser.py").write_text(ENGINE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


def recogniser(processes: int = 1) -> Recogniser:
    return Recogniser("scripted_recogniser:service", {}, processes)


class Scripted:
    """A RecogniserEngine that fails on odd streams."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def feed(self, stream: int, pcm: bytes) -> None:
        self.calls.append(("feed", stream))
        if stream % 2:
            raise EngineError(f"stream {stream} failed")

    def settle(self, stream: int) -> Transcript:
        self.calls.append(("settle", stream))
        return Transcript("hello", 0.75)

    def drop(self, stream: int) -> None:
        self.calls.append(("drop", stream))

    def expect_digits(self, stream: int, count: int) -> None:
        self.calls.append((f"{count} digits", stream))


def test_the_service_answers_settles_and_reports_a_failed_stream_by_name() -> None:
    engine = Scripted()
    batch = [Message(2, "feed", b"xx"), Message(3, "feed", b"xx"), Message(0, "ping"), Message(2, "settle"), Message(2, "drop")]
    assert list(RecogniserService(engine).handle(batch)) == [Reply(3, "failed", "stream 3 failed"), Reply(2, "transcript", "hello", 0.75)]
    assert engine.calls == [("feed", 2), ("feed", 3), ("settle", 2), ("drop", 2)]


def test_everything_fed_before_a_settle_is_heard_and_feeding_goes_on_after_it() -> None:
    async def main() -> None:
        async with recogniser() as ears:
            stream = ears.stream()
            for _ in range(7):
                stream.feed(bytes(640))
            assert await stream.settle() == Transcript("4480 bytes of 1 streams", 0.5)
            stream.feed(bytes(20))
            assert (await stream.settle()).text.startswith("4500 ")

    run(main())


@given(st.lists(st.binary(max_size=9_000), max_size=12))
def test_audio_of_any_lengths_arrives_whole(pieces: list[bytes]) -> None:
    sent: list[bytes] = []

    class Link:
        ready = True

        def open(self, _listener: object) -> int:
            return 1

        def send(self, message: Message) -> None:
            sent.append(message.pcm)

    class OnePool:
        def least_loaded(self) -> Link:
            return Link()

    stream = asr.RecogniserStream(OnePool())  # type: ignore[arg-type]
    for piece in pieces:
        stream.feed(piece)
    stream._flush()
    assert b"".join(sent) == b"".join(pieces)
    assert all(len(pcm) >= asr.PIECE_BYTES for pcm in sent[:-1])


def test_settles_are_answered_in_order() -> None:
    async def main() -> None:
        async with recogniser() as ears:
            stream = ears.stream()
            stream.feed(bytes(640))
            first = asyncio.ensure_future(stream.settle())
            await asyncio.sleep(0)
            stream.feed(bytes(640))
            second = await stream.settle()
            assert (await first).text.startswith("640 ")
            assert second.text.startswith("1280 ")

    run(main())


def test_a_cancelled_settle_leaves_the_next_one_its_own_answer() -> None:
    async def main() -> None:
        async with recogniser() as ears:
            stream = ears.stream()
            stream.feed(bytes(640))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stream.settle(), 0.001)
            stream.feed(bytes(640))
            assert (await stream.settle()).text.startswith("1280 ")

    run(main())


def test_a_crash_fails_the_utterance_and_the_next_one_works() -> None:
    async def main() -> None:
        async with recogniser() as ears:
            stream = ears.stream()
            stream.feed(b"crash" + bytes(4000))
            with pytest.raises(EngineError, match="ended"):
                await stream.settle()
            stream.feed(bytes(4000))
            with pytest.raises(EngineError, match="ended"):
                await stream.settle()
            early = ears.stream()
            with pytest.raises(EngineError, match="no worker"):
                await early.settle()
            async with asyncio.timeout(10):
                while not ears.workers[0].ready:
                    await asyncio.sleep(0.01)
            again = ears.stream()
            again.feed(bytes(640))
            assert (await again.settle()).text == "640 bytes of 1 streams"

    run(main())


def test_an_engine_error_ends_its_own_stream_only() -> None:
    async def main() -> None:
        async with recogniser() as ears:
            bad, good = ears.stream(), ears.stream()
            bad.feed(b"bad" + bytes(4000))
            good.feed(bytes(640))
            with pytest.raises(EngineError, match="cannot hear that"):
                await bad.settle()
            assert (await good.settle()).text.startswith("640 ")
            assert ears.workers[0].streams == 1

    run(main())


def test_closing_frees_the_stream_on_both_sides() -> None:
    async def main() -> None:
        async with recogniser() as ears:
            stream = ears.stream()
            stream.feed(bytes(640))
            await stream.settle()
            stream.close()
            stream.close()
            stream.feed(bytes(640))
            with pytest.raises(EngineError, match="closed"):
                await stream.settle()
            assert ears.workers[0].streams == 0
            fresh = ears.stream()
            fresh.feed(bytes(640))
            assert (await fresh.settle()).text == "640 bytes of 1 streams"

    run(main())


def test_a_settle_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asr, "SETTLE_S", 0.0)

    async def main() -> None:
        async with recogniser() as ears:
            stream = ears.stream()
            stream.feed(bytes(640))
            with pytest.raises(EngineError, match="no transcript within"):
                await stream.settle()
            assert ears.workers[0].streams == 0

    run(main())


def test_streams_spread_over_the_processes() -> None:
    async def main() -> None:
        async with recogniser(processes=2) as ears:
            streams = [ears.stream() for _ in range(4)]
            assert [worker.streams for worker in ears.workers] == [2, 2]
            for stream in streams:
                stream.close()

    run(main())


@pytest.mark.parametrize(
    "reply", [Reply(1, "probability", value=0.5), Reply(1, "transcript", "hi", 1.5), Reply(1, "transcript", "hi", float("nan"))], ids=str
)
def test_an_answer_that_is_no_transcript_fails_its_utterance(reply: Reply) -> None:
    async def main() -> None:
        async with recogniser() as ears:
            stream = ears.stream()
            stream.replied(reply)
            with pytest.raises(EngineError, match="no transcript"):
                await stream.settle()
            assert ears.workers[0].streams == 0

    run(main())


def test_it_is_healthy_while_a_worker_runs() -> None:
    async def main() -> None:
        ears = recogniser()
        assert not ears.healthy
        async with ears:
            assert ears.healthy
            os.kill(ears.workers[0].pid, signal.SIGKILL)
            while ears.healthy:
                await asyncio.sleep(0.01)
            while not ears.healthy:
                await asyncio.sleep(0.01)
        assert not ears.healthy

    run(main())


def test_a_number_that_is_owed_is_told_to_the_worker_before_any_audio() -> None:
    engine = Scripted()
    assert list(RecogniserService(engine).handle([Message(2, "digits", count=4), Message(2, "settle")])) == [Reply(2, "transcript", "hello", 0.75)]
    assert engine.calls == [("4 digits", 2), ("settle", 2)]

    async def main() -> None:
        async with recogniser() as ears:
            owed, free = ears.expecting(8).stream(), ears.stream()
            assert (await owed.settle()).text.startswith("8 bytes")
            assert (await free.settle()).text.startswith("0 bytes")

    run(main())
