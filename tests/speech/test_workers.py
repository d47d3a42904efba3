"""A worker process may crash, hang, talk nonsense, grow or never start: the loop does not wait, the streams in it fail, everything else goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop

from tests.kit.workers import Ear, alive, all_gone, caught_up, children, open_files, pool, replaced, state, until
from voicebot.errors import EngineError
from voicebot.speech import workers
from voicebot.speech.serving import LONGEST_BYTES, Message, Reply, frame
from voicebot.speech.vitals import memory_mb
from voicebot.speech.workers import BACKLOG_MS, Worker
from voicebot.testbed.faulty import Fault, Faults, Point

pytestmark = pytest.mark.usefixtures("engine_module")
Run = Callable[[Coroutine[Any, Any, None]], None]


def test_a_stream_is_answered_by_a_nice_single_threaded_process(on_loop: Run) -> None:
    async def main() -> None:
        async with pool() as engines:
            worker, ear = engines.least_loaded(), Ear()
            worker.send(Message(worker.open(ear), "settle"))
            await until(lambda: ear.replies)
            assert ear.replies[0].text == "1"
            assert ear.replies[0].value == (10 + os.nice(0)) / 100

    on_loop(main())


def test_a_crash_costs_the_streams_in_that_worker_only_and_it_is_back_at_once(on_loop: Run) -> None:
    async def main() -> None:
        async with pool(processes=2) as engines:
            unlucky, lucky = engines.workers
            lost, kept = Ear(), Ear()
            unlucky.send(Message(unlucky.open(lost), "feed", b"crash"))
            stream = lucky.open(kept)
            pid = unlucky.pid
            await until(lambda: lost.errors)
            began_s = time.monotonic()
            assert not unlucky.ready
            assert engines.least_loaded() is lucky
            lucky.send(Message(stream, "settle"))
            await until(lambda: kept.replies)
            await until(lambda: unlucky.ready)
            assert time.monotonic() - began_s < 5
            assert unlucky.pid != pid
            assert kept.errors == []
            again = Ear()
            unlucky.send(Message(unlucky.open(again), "settle"))
            await until(lambda: again.replies)

    on_loop(main())


@pytest.mark.parametrize("how", ["asleep", "stopped while idle"])
def test_a_hung_worker_is_killed_and_replaced(on_loop: Run, how: str) -> None:
    async def main() -> None:
        async with pool(hung_s=0.4) as engines:
            (worker,) = engines.workers
            ear, pid = Ear(), worker.pid
            stream = worker.open(ear)
            if how == "asleep":
                worker.send(Message(stream, "feed", b"hang"))
            else:
                os.kill(pid, signal.SIGSTOP)
            await until(lambda: ear.errors)
            assert "no progress" in str(ear.errors[0])
            await until(lambda: worker.ready)
            assert not alive(pid)

    on_loop(main())


def test_sending_never_waits_and_a_backlog_fails_its_stream_instead_of_growing(on_loop: Run) -> None:
    async def main() -> None:
        async with pool(slow_s=0.5) as engines:
            (worker,) = engines.workers
            stream, other = worker.open(Ear()), worker.open(Ear())
            began_s = time.monotonic()
            piece = bytes(32 * 1000)
            for _ in range(BACKLOG_MS // 1000):
                worker.send(Message(stream, "feed", piece))
            assert time.monotonic() - began_s < 0.4
            with pytest.raises(EngineError, match="behind"):
                worker.send(Message(stream, "feed", piece))
            worker.send(Message(other, "feed", piece))
            assert worker.backlog_ms == BACKLOG_MS, "that of the stream furthest behind, not the sum"

    on_loop(main())


def test_what_was_handled_leaves_the_backlog(on_loop: Run) -> None:
    async def main() -> None:
        async with pool() as engines:
            (worker,) = engines.workers
            ear, piece = Ear(), bytes(32 * 5000)
            stream = worker.open(ear)
            for turn in range(1, 5):
                worker.send(Message(stream, "feed", piece))
                worker.send(Message(stream, "settle"))
                await until(partial(caught_up, worker, ear, turn))
            assert worker.backlog_ms == 0

    on_loop(main())


def test_a_worker_that_is_never_ready_is_given_up(on_loop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START_S", 0.0)

    async def main() -> None:
        with pytest.raises(EngineError, match="not ready"):
            await pool(hung_s=0.1).start()

    on_loop(main())


def test_no_descriptor_is_left_after_many_crashes(on_loop: Run) -> None:
    async def main() -> None:
        async with pool() as engines:
            (worker,) = engines.workers
            before = open_files()
            for _ in range(3):
                pid = worker.pid
                worker.send(Message(worker.open(Ear()), "feed", b"crash"))
                await until(partial(replaced, worker, pid))
            await until(lambda: open_files() <= before)

    on_loop(main())


def test_a_worker_dies_with_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, os, signal\n"
        "from voicebot.speech.serving import Message\n"
        "from voicebot.speech.pool import Pool\n"
        "async def main():\n"
        "    async with Pool('scripted_engine:Engine', {}) as engines:\n"
        "        (worker,) = engines.workers\n"
        "        print(worker.pid, flush=True)\n"
        "        worker.send(Message(1, 'feed', b'hang'))\n"
        "        await asyncio.sleep(0.2)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )

    async def main() -> None:
        parent = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
        out, _ = await parent.communicate()
        await until(lambda: not alive(int(out)) or state(int(out)) == "Z", within_s=5)

    asyncio.run(main())


# Faults by name (voicebot.testbed.faulty), each at each point of an utterance.


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Faults:
    found = Faults(tmp_path / "faults")
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


def uvloop_run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(main, 90))


FAULTS: tuple[Fault, ...] = ("crash", "killed", "hang", "loop", "slow", "garbage", "lengthy", "truncated", "flood", "memory")
SOME: tuple[Fault, ...] = ("crash", "hang", "garbage")
STRIKES: list[tuple[Point, Fault]] = [("feed", fault) for fault in FAULTS] + [(point, fault) for fault in SOME for point in ("ping", "settle")]


@pytest.mark.parametrize(("point", "fault"), STRIKES)
def test_each_fault_at_each_point_costs_the_streams_in_that_worker_only(
    faults: Faults, fault: Fault, point: Point, capfd: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        before = children()
        async with pool(processes=2, hung_s=1.0) as engines:
            files = open_files()
            pids = {worker: worker.pid for worker in engines.workers}
            faults.arm("recogniser", point, fault)
            if point == "ping":
                await until(lambda: not faults.armed("recogniser", point))
            struck, lost = engines.workers[0], Ear()
            if point != "ping":
                struck.send(Message(struck.open(lost), "feed" if point == "feed" else "settle", bytes(320)))
                await until(lambda: lost.errors)
            await until(lambda: any(replaced(worker, pid) for worker, pid in pids.items()))
            struck, other = sorted(engines.workers, key=lambda worker: worker.pid == pids[worker])
            assert other.pid == pids[other]
            assert not alive(pids[struck])
            await answers(struck)
            await answers(other)
            await until(lambda: open_files() <= files)
        await until(lambda: children() <= before)

    uvloop_run(main())
    assert "callback" not in capfd.readouterr().err


async def answers(worker: Worker) -> None:
    ear = Ear()
    stream = worker.open(ear)
    worker.send(Message(stream, "feed", bytes(320)))
    worker.send(Message(stream, "settle"))
    await until(lambda: ear.replies)
    assert ear.errors == []
    worker.close(stream)


@pytest.mark.parametrize("fault", ["crash", "garbage", "memory"])
def test_one_bad_start_is_forgiven_and_a_second_is_not(faults: Faults, fault: Fault, capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        faults.arm("recogniser", "start", fault)
        async with pool() as engines:
            await answers(engines.workers[0])
        faults.arm("recogniser", "start", fault, lasting=True)
        engines = pool()
        with pytest.raises(EngineError, match="scripted_engine"):
            await engines.start()
        await all_gone(engines)

    uvloop_run(main())


def test_one_that_fails_again_and_again_is_started_less_and_less_often_and_comes_back(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    whole_sleep = asyncio.sleep

    async def sleep(delay_s: float, *_: Any) -> None:
        pauses.append(delay_s)
        await whole_sleep(min(delay_s, 0.01))

    async def main() -> None:
        async with pool() as engines:
            (worker,) = engines.workers
            faults.arm("recogniser", "start", "crash", lasting=True)
            monkeypatch.setattr(asyncio, "sleep", sleep)
            os.kill(worker.pid, signal.SIGKILL)
            await until(lambda: len(grown()) >= 3)
            assert not engines.healthy
            with pytest.raises(EngineError, match="no worker"):
                engines.least_loaded()
            faults.disarm()
            await until(lambda: engines.healthy)
            await answers(worker)

    def grown() -> list[float]:
        return sorted({pause for pause in pauses if pause in (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)})

    uvloop_run(main())
    assert grown()[:3] == [0.1, 0.2, 0.4]


def test_a_process_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with pool() as engines:
            (worker,) = engines.workers
            with monkeypatch.context() as patch:
                patch.setattr(sys, "executable", "/no/such/python")
                os.kill(worker.pid, signal.SIGKILL)
                await until(lambda: not worker.ready)
                ear = Ear()
                with pytest.raises(EngineError, match="not running"):
                    worker.open(ear)
            await until(lambda: worker.ready)
            await answers(worker)

    uvloop_run(main())


def test_one_that_has_grown_is_replaced_when_nobody_speaks_to_it(on_loop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with pool() as engines:
            (worker,) = engines.workers
            pid, ear = worker.pid, Ear()
            monkeypatch.setattr(workers, "MEMORY_MB", memory_mb(pid) + 20)
            stream = worker.open(ear)
            worker.send(Message(stream, "feed", b"grow"))
            worker.send(Message(stream, "settle"))
            await until(lambda: ear.replies)
            await asyncio.sleep(1.5)
            assert (worker.pid, ear.errors) == (pid, [])
            worker.close(stream)
            await until(partial(replaced, worker, pid))

    on_loop(main())


# What a worker in its senses never says.


class Wire:
    """A worker whose process is only its socket's other end."""

    def __init__(self) -> None:
        self.worker = Worker("scripted:Engine", {})
        self.worker.received(Reply(0, "ready"))
        self.ear = Ear()
        self.stream = self.worker.open(self.ear)


NONSENSE = [
    Reply(1, "transcript", "unasked"),
    Reply(0, "handled", value=1),
    Reply(0, "handled", value=-1),
    Reply(0, "handled", value=float("nan")),
    Reply(0, "handled", value=float("inf")),
]


@pytest.mark.parametrize("reply", NONSENSE, ids=str)
def test_nonsense_is_refused_by_name(reply: Reply) -> None:
    async def main() -> None:
        wire = Wire()
        with pytest.raises(EngineError, match=r"more replies|messages handled"):
            wire.worker.received(reply)
        assert wire.ear.replies == []

    asyncio.run(main())


JUNK = [b"\xff" * 8, (LONGEST_BYTES + 1).to_bytes(4, "big"), (3).to_bytes(4, "big") + b"\xc1\xc1\xc1", frame(Message(1, "feed")) * 3]


@pytest.mark.parametrize("data", JUNK)
@pytest.mark.parametrize("split", [1, 1_000])
def test_bytes_that_are_no_replies_close_the_link_however_they_arrive(data: bytes, split: int) -> None:
    class Closed(asyncio.Transport):
        aborted = False

        def abort(self) -> None:
            self.aborted = True

    async def main() -> None:
        link, transport = workers._Link(Wire().worker), Closed()
        link.connection_made(transport)
        for start in range(0, len(data), split):
            link.data_received(data[start : start + split])
        assert transport.aborted
        assert link.broken

    asyncio.run(main())


def test_a_process_that_has_gone_unnoticed_yet_breaks_nobody_who_speaks_or_hangs_up() -> None:
    class Gone(asyncio.Transport):
        def is_closing(self) -> bool:
            return True

        def write(self, _data: bytes | bytearray | memoryview) -> None:
            raise RuntimeError("the handler is closed")

    async def main() -> None:
        wire = Wire()
        wire.worker._link = link = workers._Link(wire.worker)
        link.connection_made(Gone())
        wire.worker.send(Message(wire.stream, "feed", bytes(640)))
        wire.worker.close(wire.stream)
        assert wire.worker.streams == 0

    asyncio.run(main())


def test_a_message_that_is_a_reply_to_somebody_else_is_not_lost_on_the_way() -> None:
    """Replies to streams that were closed meanwhile are no nonsense."""

    async def main() -> None:
        wire = Wire()
        wire.worker._waiting.append((wire.stream, 0))
        wire.worker.close(wire.stream)
        wire.worker.received(Reply(wire.stream, "transcript", "too late"))
        assert (wire.ear.replies, wire.ear.errors) == ([], [])

    asyncio.run(main())


def test_any_reply_survives_the_wire() -> None:
    reply = Reply(3, "probability", "x", 0.25, 640)
    assert msgspec.msgpack.decode(frame(reply)[4:], type=Reply) == reply
