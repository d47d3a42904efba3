"""The two processes of `voicebot up`: the controller is started, asked, restarted and ended; Asterisk's own end ends all."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from voicebot import up as up_module
from voicebot.errors import PbxError, VoicebotError
from voicebot.settings import Serve, Settings
from voicebot.up import Controller, answers, free_port, running, stopped_by_signal, up

Run = Callable[[object], object]

STUB = """
import os, signal, socket, sys
lives = open(sys.argv[1], "a+")
lives.write(f"{os.getpid()}\\n"); lives.flush(); lives.seek(0)
life = len(lives.readlines())
modes = sys.argv[2].split(",")
mode = modes[min(life, len(modes)) - 1]
if mode == "ends":
    sys.exit(3)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", int(os.environ["VOICEBOT_SERVE__PORT"])))
while True:
    asking, _ = listener.accept()
    if mode != "mute":
        asking.recv(1000)
        asking.sendall(b"HTTP/1.1 503 Service Unavailable\\r\\n\\r\\n")
        asking.close()
"""
"""A controller that answers, ends at once, never answers, or does not end; a mode for each of its lives, the last for all further ones."""


class Bench:
    def __init__(self, folder: Path) -> None:
        self.lives = folder / "lives"
        self.stub = folder / "stub.py"
        self.stub.write_text(STUB)
        self.port = free_port("127.0.0.1")

    def controller(self, modes: str = "serves") -> Controller:
        made = Controller("127.0.0.1", self.port, None)
        made._command = [sys.executable, "-I", "-S", str(self.stub), str(self.lives), modes]
        return made

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in self.lives.read_text().split()] if self.lives.exists() else []

    @asynccontextmanager
    async def kept(self, modes: str = "serves") -> AsyncIterator[Controller]:
        controller = self.controller(modes)
        await controller.start()
        async with asyncio.TaskGroup() as scope:
            keeping = scope.create_task(controller.keep())
            try:
                yield controller
            finally:
                keeping.cancel()
                await asyncio.wait([keeping])
                await controller.stop()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"START_S": 10.0, "ASK_EVERY_S": 0.05, "ANSWER_WITHIN_S": 0.3, "PAUSE_S": 0.02}.items():
        monkeypatch.setattr(up_module, name, seconds)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.02)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# One controller.


def test_start_returns_when_it_answers_and_stop_ends_it(run: Run, bench: Bench) -> None:
    async def scenario() -> None:
        controller = bench.controller()
        await controller.start()
        assert await answers("127.0.0.1", bench.port)
        assert [controller.pid] == bench.pids
        await controller.stop()
        assert not lives(bench.pids[0])
        with pytest.raises(VoicebotError, match="not running"):
            _ = controller.pid
        await controller.stop()

    run(scenario())


def test_it_is_told_its_port_and_its_settings_file() -> None:
    assert Controller("127.0.0.1", 1, Path("my.toml"))._command[1:] == ["-m", "voicebot", "serve", "--settings", "my.toml"]
    assert Controller("127.0.0.1", 1, None)._command[1:] == ["-m", "voicebot", "serve"]


def test_one_that_ends_instead_is_an_error(run: Run, bench: Bench) -> None:
    async def scenario() -> None:
        with pytest.raises(VoicebotError, match="did not start; its reason stands above"):
            await bench.controller("ends").start()

    run(scenario())


def test_one_that_never_answers_is_an_error_and_ended(run: Run, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up_module, "START_S", 0.6)

    async def scenario() -> None:
        with pytest.raises(VoicebotError, match=r"did not answer within 0\.6 s"):
            await bench.controller("mute").start()
        assert not any(map(lives, bench.pids))

    run(scenario())


def test_one_that_does_not_end_when_asked_is_made_to(run: Run, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    patiently = asyncio.wait_for
    monkeypatch.setattr(asyncio, "wait_for", lambda waited, _timeout_s: patiently(waited, 0.2))

    async def scenario() -> None:
        controller = bench.controller("stubborn")
        await controller.start()
        await controller.stop()
        assert not lives(bench.pids[0])

    run(scenario())


# Kept alive.


def test_one_that_is_killed_is_followed_by_another(run: Run, bench: Bench) -> None:
    async def scenario() -> None:
        async with bench.kept() as controller:
            first = controller.pid
            os.kill(first, signal.SIGKILL)
            await until(lambda: _answers_as_another(bench, controller, first))
            assert bench.pids == [first, controller.pid]
        assert not any(map(lives, bench.pids))

    run(scenario())


def test_one_that_hangs_is_killed_and_followed_by_another(run: Run, bench: Bench) -> None:
    async def scenario() -> None:
        async with bench.kept() as controller:
            first = controller.pid
            os.kill(first, signal.SIGSTOP)
            await until(lambda: _answers_as_another(bench, controller, first))
            assert not lives(first)

    run(scenario())


def test_one_that_cannot_start_again_is_tried_until_it_can(run: Run, bench: Bench) -> None:
    async def scenario() -> None:
        async with bench.kept("serves,ends,ends,serves") as controller:
            first = controller.pid
            os.kill(first, signal.SIGKILL)
            await until(lambda: _answers_as_another(bench, controller, first))
            assert len(bench.pids) == 4

    run(scenario())


def test_one_that_answers_is_left_alone(run: Run, bench: Bench) -> None:
    async def scenario() -> None:
        async with bench.kept() as controller:
            await asyncio.sleep(0.5)
            assert bench.pids == [controller.pid]

    run(scenario())


async def _answers_as_another(bench: Bench, controller: Controller, first: int) -> bool:
    return controller.pid != first and await answers("127.0.0.1", bench.port)


# Asking.


@pytest.mark.parametrize(
    ("said", "counts"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", True), (b"HTTP/1.1 503 Busy\r\n\r\n", True), (b"SSH-2.0-x\r\n", False), (b"", False), (None, False)],
)
def test_any_http_answer_in_time_counts(run: Run, said: bytes | None, counts: bool) -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert (await reader.readline()).startswith(b"GET /healthz ")
            if said is None:
                await reader.read()  # until the asker gives up
            else:
                writer.write(said)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        assert await answers("127.0.0.1", server.sockets[0].getsockname()[1]) == counts
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)

    run(scenario())


def test_where_nobody_listens_nobody_answers(run: Run) -> None:
    assert run(answers("127.0.0.1", free_port("127.0.0.1"))) is False


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port("127.0.0.1"))) as listener:
        assert listener.getsockname()[1] > 1_024


# Both.


class FakePbx:
    """Stands for PrivateAsterisk; `ended` ends it. `broken`: it does not start again."""

    def __init__(self, plan: Any, fails: bool = False) -> None:
        self.plan = plan
        self.ended = asyncio.Event()
        self.left = False
        self.starts = 0
        self.broken = False
        self._fails = fails

    async def __aenter__(self) -> FakePbx:
        if self._fails:
            raise PbxError("module res_x did not load")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.left = True

    async def wait(self) -> int:
        await self.ended.wait()
        return 139

    async def start(self) -> None:
        if self.broken:
            raise PbxError("port 5060 is in use")
        self.starts += 1
        self.ended.clear()


class Plan:
    log = Path("asterisk.log")


@pytest.fixture
def pbxes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[FakePbx]:
    """Every Asterisk that was made; the controller beside it is the stub."""
    made: list[FakePbx] = []

    def private(plan: Any) -> FakePbx:
        made.append(FakePbx(plan))
        return made[-1]

    def controller(_host: str, port: int, _file: Path | None) -> Controller:
        bench.port = port
        return bench.controller()

    monkeypatch.setattr(up_module, "PrivateAsterisk", private)
    monkeypatch.setattr(up_module, "plan", lambda _settings, controller_port: Plan())
    monkeypatch.setattr(up_module, "Controller", controller)
    return made


SETTINGS = Settings(serve=Serve(port=0))


def test_both_are_up_and_end_together(run: Run, bench: Bench, pbxes: list[FakePbx]) -> None:
    async def scenario() -> None:
        async with running(SETTINGS) as plan:
            assert plan is pbxes[0].plan
            assert await answers("127.0.0.1", bench.port)
        assert pbxes[0].left
        assert not any(map(lives, bench.pids))

    run(scenario())


def test_when_asterisk_ends_by_itself_it_is_started_again_and_the_controller_stays(run: Run, bench: Bench, pbxes: list[FakePbx]) -> None:
    async def scenario() -> None:
        async with running(SETTINGS):
            for time in (1, 2):
                pbxes[0].ended.set()
                await until(partial(_started, pbxes[0], time))
            assert len(bench.pids) == 1

    run(scenario())


async def _started(pbx: FakePbx, times: int) -> bool:
    return pbx.starts == times


def test_when_asterisk_will_not_start_again_all_ends_and_says_why(run: Run, bench: Bench, pbxes: list[FakePbx]) -> None:
    async def asterisk_ends() -> None:
        async with running(SETTINGS):
            pbxes[0].broken = True
            pbxes[0].ended.set()
            await asyncio.sleep(10)

    async def scenario() -> None:
        with pytest.raises(ExceptionGroup) as failed:
            await asterisk_ends()
        assert failed.group_contains(PbxError, match="port 5060 is in use")
        assert not any(map(lives, bench.pids))

    run(scenario())


def test_when_asterisk_cannot_start_the_controller_is_ended(run: Run, bench: Bench, pbxes: list[FakePbx], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up_module, "PrivateAsterisk", lambda plan: FakePbx(plan, fails=True))

    async def scenario() -> None:
        with pytest.raises(PbxError, match="res_x"):
            async with running(SETTINGS):
                pass
        assert len(bench.pids) == 1
        assert not any(map(lives, bench.pids))

    run(scenario())


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both(run: Run, bench: Bench, pbxes: list[FakePbx], name: signal.Signals) -> None:
    ready: list[Any] = []

    def on_ready(plan: Any) -> None:
        ready.append(plan)
        os.kill(os.getpid(), name)

    run(up(SETTINGS, None, on_ready))
    assert ready == [pbxes[0].plan]
    assert not any(map(lives, bench.pids))


def test_a_signal_only_sets_the_event(run: Run) -> None:
    async def scenario() -> None:
        stop = stopped_by_signal()
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await stop.wait()

    run(scenario())
