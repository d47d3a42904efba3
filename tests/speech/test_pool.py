"""A pool starts whole or not at all, gives streams to workers that answer, and leaves no process behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.kit.workers import Ear, alive, all_gone, pool, until
from voicebot.errors import EngineError
from voicebot.speech import pool as pool_module
from voicebot.speech.pool import Pool
from voicebot.speech.serving import Message

pytestmark = pytest.mark.usefixtures("engine_module")
Run = Callable[[Coroutine[Any, Any, None]], None]


def test_streams_go_to_the_least_loaded_worker(on_loop: Run) -> None:
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

    on_loop(main())


def test_a_worker_that_cannot_start_names_the_reason_and_leaves_nothing_running(on_loop: Run) -> None:
    async def main() -> None:
        engines = pool(processes=2, broken="model x is missing; install it")
        with pytest.raises(EngineError, match="model x is missing; install it"):
            await engines.start()
        await all_gone(engines)
        with pytest.raises(EngineError, match="no worker"):
            engines.least_loaded()

    on_loop(main())


def test_a_module_that_does_not_exist_is_an_engine_error(on_loop: Run, capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        with pytest.raises(EngineError, match="no_such_module:Engine"):
            await Pool("no_such_module:Engine", {}).start()

    on_loop(main())
    assert "ModuleNotFoundError" in capfd.readouterr().err


def test_a_program_that_cannot_be_started_is_an_engine_error(on_loop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")

    async def main() -> None:
        with pytest.raises(EngineError, match="cannot start"):
            await pool().start()

    on_loop(main())


def test_stopping_loses_open_streams_and_ends_the_processes(on_loop: Run) -> None:
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

    on_loop(main())


def test_launched_processes_start_by_themselves_and_are_waited_for_later(on_loop: Run) -> None:
    async def main() -> None:
        engines = pool(processes=2)
        await engines.launch()
        try:
            assert len(engines.workers) == 2
            assert not engines.healthy, "nobody has waited for them yet"
            await engines.until_ready()
            assert all(worker.ready for worker in engines.workers)
        finally:
            await engines.stop()
        await all_gone(engines)

    on_loop(main())


def test_launched_processes_that_cannot_start_are_told_when_waited_for(on_loop: Run) -> None:
    async def main() -> None:
        engines = pool(broken="no model here")
        await engines.launch()
        with pytest.raises(EngineError, match="no model here"):
            await engines.until_ready()
        await engines.stop()
        await all_gone(engines)

    on_loop(main())


def test_a_start_that_is_cancelled_leaves_nothing_running(on_loop: Run) -> None:
    async def main() -> None:
        engines = pool(processes=2)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engines.start(), 0.001)
        await all_gone(engines)

    on_loop(main())


def test_a_worker_that_stands_still_gets_no_new_stream_while_another_answers(on_loop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with pool(processes=2, hung_s=30) as engines:
            still, well = engines.workers
            os.kill(still.pid, signal.SIGSTOP)
            still.send(Message(still.open(Ear()), "settle"))
            for _ in range(3):
                well.open(Ear())
            await until(lambda: still.owing_s > pool_module.STALLED_S)
            assert engines.least_loaded() is well
            assert engines.healthy
            os.kill(well.pid, signal.SIGSTOP)
            well.send(Message(well.open(Ear()), "settle"))
            await until(lambda: not engines.healthy)
            os.kill(still.pid, signal.SIGCONT)
            await until(lambda: engines.least_loaded() is still and engines.healthy)
            os.kill(well.pid, signal.SIGCONT)

    on_loop(main())


def test_an_engine_may_be_given_more_memory(on_loop: Run) -> None:
    async def main() -> None:
        async with Pool("scripted_engine:Engine", {}, memory_mb=3_000) as engines:
            limits = Path(f"/proc/{engines.workers[0].pid}/limits").read_text()
            assert re.search(rf"Max data size +{6_000 << 20} ", limits)

    on_loop(main())
