"""A worker process may crash, hang, or never start: the loop does not wait, the streams in it fail, everything else goes on."""

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

import pytest
import uvloop

from voicebot.errors import EngineError
from voicebot.speech import workers
from voicebot.speech.serving import Message, Reply
from voicebot.speech.workers import BACKLOG_MS, Pool, Worker

ENGINE = """
import os, signal, time
from voicebot.errors import EngineError
from voicebot.speech.serving import Reply

class Engine:
    def __init__(self, broken="", slow_s=0.0):
        if broken:
            raise EngineError(broken)
        self.slow_s = slow_s

    def handle(self, batch):
        for message in batch:
            if message.pcm == b"crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            if message.pcm == b"hang":
                time.sleep(60)
            if message.verb == "settle":
                yield Reply(message.stream, "transcript", os.environ["OMP_NUM_THREADS"], os.nice(0))
            time.sleep(self.slow_s)
"""


async def all_gone(engines: Pool) -> None:
    """Every process of the pool has ended; on a busy machine that takes the system a moment."""
    async with asyncio.timeout(5):
        while any(alive(worker.pid) for worker in engines.workers if worker.pid):
            await asyncio.sleep(0.02)


class Ear:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.errors: list[EngineError] = []

    def replied(self, reply: Reply) -> None:
        self.replies.append(reply)

    def lost(self, error: EngineError) -> None:
        self.errors.append(error)


@pytest.fixture(autouse=True)
def engine_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scripted_engine.py").write_text(ENGINE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    def go(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop if request.param == "uvloop" else None) as runner:
            runner.run(asyncio.wait_for(main, 60))

    return go


Run = Callable[[Coroutine[Any, Any, None]], None]


def pool(processes: int = 1, hung_s: float = 4.0, **arguments: object) -> Pool:
    return Pool("scripted_engine:Engine", arguments, processes, hung_s)


async def until(true: Callable[[], object], within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.01)


def caught_up(worker: Worker, ear: Ear, replies: int) -> bool:
    return len(ear.replies) == replies and not worker._waiting


def replaced(worker: Worker, pid: int) -> bool:
    return worker.ready and worker.pid != pid


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_stream_is_answered_by_a_nice_single_threaded_process(run: Run) -> None:
    async def main() -> None:
        async with pool() as engines:
            worker, ear = engines.least_loaded(), Ear()
            worker.send(Message(worker.open(ear), "settle"))
            await until(lambda: ear.replies)
            assert ear.replies[0].text == "1"
            assert ear.replies[0].value == 10 + os.nice(0)

    run(main())


def test_streams_go_to_the_least_loaded_worker(run: Run) -> None:
    async def main() -> None:
        async with pool(processes=2) as engines:
            first = engines.least_loaded()
            stream = first.open(Ear())
            second = engines.least_loaded()
            assert second is not first
            second.open(Ear())
            second.open(Ear())
            assert engines.least_loaded() is first
            first.close(stream)
            first.close(stream)
            assert first.streams == 0

    run(main())


def test_a_crash_costs_the_streams_in_that_worker_only_and_it_is_back_at_once(run: Run) -> None:
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

    run(main())


@pytest.mark.parametrize("how", ["asleep", "stopped while idle"])
def test_a_hung_worker_is_killed_and_replaced(run: Run, how: str) -> None:
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

    run(main())


def test_sending_never_waits_and_a_backlog_fails_its_stream_instead_of_growing(run: Run) -> None:
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

    run(main())


def test_what_was_handled_leaves_the_backlog(run: Run) -> None:
    async def main() -> None:
        async with pool() as engines:
            (worker,) = engines.workers
            ear, piece = Ear(), bytes(32 * 5000)
            stream = worker.open(ear)
            for turn in range(1, 5):
                worker.send(Message(stream, "feed", piece))
                worker.send(Message(stream, "settle"))
                await until(partial(caught_up, worker, ear, turn))

    run(main())


def test_a_worker_that_cannot_start_names_the_reason_and_leaves_nothing_running(run: Run) -> None:
    async def main() -> None:
        engines = pool(processes=2, broken="model x is missing; install it")
        with pytest.raises(EngineError, match="model x is missing; install it"):
            await engines.start()
        await all_gone(engines)
        with pytest.raises(EngineError, match="no worker"):
            engines.least_loaded()

    run(main())


def test_a_module_that_does_not_exist_is_an_engine_error(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        with pytest.raises(EngineError, match="no_such_module:Engine"):
            await Pool("no_such_module:Engine", {}).start()

    run(main())
    assert "ModuleNotFoundError" in capfd.readouterr().err


def test_a_program_that_cannot_be_started_is_an_engine_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")

    async def main() -> None:
        with pytest.raises(EngineError, match="cannot start"):
            await pool().start()

    run(main())


def test_a_worker_that_is_never_ready_is_given_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START_S", 0.0)

    async def main() -> None:
        with pytest.raises(EngineError, match="not ready"):
            await pool(hung_s=0.1).start()

    run(main())


def test_stopping_loses_open_streams_and_ends_the_processes(run: Run) -> None:
    async def main() -> None:
        engines = pool(processes=2)
        await engines.start()
        ear, pids = Ear(), [worker.pid for worker in engines.workers]
        engines.least_loaded().open(ear)
        await engines.stop()
        await engines.stop()
        assert len(ear.errors) == 1
        assert not any(alive(pid) for pid in pids)
        with pytest.raises(EngineError, match="not running"):
            engines.workers[0].open(ear)
        with pytest.raises(EngineError, match="not running"):
            engines.workers[0].send(Message(1, "settle"))

    run(main())


def test_a_start_that_is_cancelled_leaves_nothing_running(run: Run) -> None:
    async def main() -> None:
        engines = pool(processes=2)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engines.start(), 0.05)
        await all_gone(engines)

    run(main())


def test_no_descriptor_is_left_after_many_crashes(run: Run) -> None:
    async def main() -> None:
        async with pool() as engines:
            (worker,) = engines.workers
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(3):
                pid = worker.pid
                worker.send(Message(worker.open(Ear()), "feed", b"crash"))
                await until(partial(replaced, worker, pid))
            await until(lambda: len(os.listdir("/proc/self/fd")) <= before)

    run(main())


def test_a_worker_dies_with_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, os, signal\n"
        "from voicebot.speech.serving import Message\n"
        "from voicebot.speech.workers import Pool\n"
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


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
