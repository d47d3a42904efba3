"""Voices measured in a worker process: figures come beside the call, and never hold it up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import astuple
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from voicebot import prosodist as module
from voicebot.emotion.figures import Prosody
from voicebot.emotion.prosody import analyse
from voicebot.errors import EngineError
from voicebot.prosodist import CACHE_VARIABLE, Measuring, Prosodist, Service
from voicebot.speech.serving import Message, Reply

_PITCH = 2 * np.pi * np.cumsum(140 + 20 * np.sin(np.arange(24_000) / 3_000)) / 16_000
SPEECH = (np.sum([np.sin(k * _PITCH) / k for k in range(1, 20)], axis=0) * 5_000).astype("<i2").tobytes()


class FakeWorker:
    """A worker that answers when told to."""

    def __init__(self, broken: bool = False) -> None:
        self.sent: list[Message] = []
        self.closed: list[int] = []
        self.broken = broken

    def open(self, _listener: Any) -> int:
        if self.broken:
            raise EngineError("down")
        return 7

    def send(self, message: Message) -> None:
        if self.broken:
            raise EngineError("down")
        self.sent.append(message)

    def close(self, stream: int) -> None:
        self.closed.append(stream)


def measuring(worker: FakeWorker | None) -> Measuring:
    found: Any = worker
    return Measuring(found)


def answer(prosody: Prosody | None) -> Reply:
    return Reply(7, "prosody", msgspec.json.encode(prosody).decode())


def inside(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_the_service_measures_what_was_fed_and_forgets_what_is_dropped() -> None:
    service = Service()
    half = len(SPEECH) // 4 * 2
    fed = [
        Message(1, "feed", SPEECH[:half]),
        Message(1, "feed", SPEECH[half:]),
        Message(2, "feed", bytes(3_200)),
        Message(1, "settle"),
        Message(2, "settle"),
    ]
    first, second = service.handle(fed)
    assert msgspec.json.decode(first.text, type=Prosody) == analyse(SPEECH)
    assert (second.stream, second.text) == (2, "null")
    [gone] = service.handle([Message(1, "drop"), Message(0, "ping"), Message(1, "settle")])
    assert gone.text == "null"


def test_audio_goes_in_pieces_and_all_of_it_before_it_is_measured() -> None:
    async def scene() -> None:
        worker = FakeWorker()
        utterance = measuring(worker)
        for at in range(0, len(SPEECH), 640):
            utterance.feed(SPEECH[at : at + 640])
        utterance.settle()
        assert b"".join(message.pcm for message in worker.sent) == SPEECH
        assert [message.verb for message in worker.sent][-1] == "settle"
        assert len(worker.sent) < len(SPEECH) / 6_000 + 2

    inside(scene)


def test_figures_come_when_the_worker_answers() -> None:
    async def scene() -> None:
        utterance = measuring(FakeWorker())
        assert not utterance.pending
        utterance.settle()
        assert utterance.pending
        asyncio.get_running_loop().call_soon(utterance.replied, answer(analyse(SPEECH)))
        await utterance.answered(5)
        assert utterance.prosody is not None
        assert not utterance.pending

    inside(scene)


def test_nobody_waits_longer_than_asked() -> None:
    async def scene() -> None:
        utterance = measuring(FakeWorker())
        utterance.settle()
        await utterance.answered(0.001)
        assert utterance.prosody is None

    inside(scene)


def test_an_utterance_that_is_over_still_gets_the_answer_it_asked_for() -> None:
    async def scene() -> None:
        worker = FakeWorker()
        utterance = measuring(worker)
        utterance.settle()
        utterance.close()
        assert worker.closed == []
        utterance.replied(answer(None))
        assert worker.closed == [7]
        utterance.close()
        assert worker.closed == [7]

    inside(scene)


@pytest.mark.parametrize(
    "reply", [Reply(7, "failed", "broke"), Reply(7, "prosody", "{}"), Reply(7, "prosody", "no json"), Reply(7, "transcript", "hello")]
)
def test_nonsense_ends_the_utterance_without_figures(reply: Reply) -> None:
    async def scene() -> None:
        worker = FakeWorker()
        utterance = measuring(worker)
        utterance.settle()
        utterance.replied(reply)
        await utterance.answered(5)
        assert (utterance.prosody, worker.closed) == (None, [7])

    inside(scene)


@pytest.mark.parametrize("worker", [None, FakeWorker(broken=True)])
def test_without_a_worker_nothing_is_measured_and_nothing_raised(worker: FakeWorker | None) -> None:
    async def scene() -> None:
        utterance = measuring(worker)
        utterance.feed(SPEECH)
        utterance.settle()
        await utterance.answered(5)
        utterance.close()
        assert utterance.prosody is None

    inside(scene)


def test_a_worker_lost_on_the_way_is_no_error() -> None:
    async def scene() -> None:
        worker = FakeWorker()
        utterance = measuring(worker)
        worker.broken = True
        utterance.feed(SPEECH)
        utterance.settle()
        await utterance.answered(5)
        assert utterance.prosody is None

    inside(scene)


def test_before_the_workers_are_up_there_are_no_figures(tmp_path: Path) -> None:
    async def scene() -> None:
        utterance = Prosodist(tmp_path, 1).utterance()
        utterance.settle()
        await utterance.answered(5)
        assert utterance.prosody is None

    inside(scene)


def test_workers_that_cannot_start_leave_the_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "warm.nbi").touch()
    monkeypatch.setattr(module, "FACTORY", "voicebot.prosodist:nowhere")
    inside(lambda: asyncio.wait_for(Prosodist(tmp_path, 1).run(), 30))


def figures(prosody: Prosody | None) -> list[float]:
    assert prosody
    return [float(each) for value in astuple(prosody) for each in (value if isinstance(value, tuple) else (value,))]


def test_a_real_worker_measures(tmp_path: Path) -> None:
    """With the functions that this process has compiled already."""
    cache = Path(os.environ[CACHE_VARIABLE])
    (tmp_path / "numba").symlink_to(cache)

    async def scene() -> None:
        prosodist = Prosodist(tmp_path, 1)
        async with asyncio.TaskGroup() as scope:
            running = scope.create_task(prosodist.run())
            while not prosodist.ready:
                await asyncio.sleep(0.05)
            utterance = prosodist.utterance()
            utterance.feed(SPEECH)
            utterance.settle()
            await utterance.answered(30)
            assert figures(utterance.prosody) == pytest.approx(figures(analyse(SPEECH)))  # another process may sum in another order
            utterance.close()
            running.cancel()
        assert not prosodist.ready

    inside(scene)
