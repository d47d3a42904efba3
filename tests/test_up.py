"""The two processes of `voicebot up`: the controller is started, asked, restarted and ended; Asterisk's own end ends all."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from voicebot import up as up_module
from voicebot.errors import PbxError, VoicebotError
from voicebot.process import FROZEN_S
from voicebot.settings import Serve, Settings
from voicebot.up import ANSWER_WITHIN_S, ASK_EVERY_S, MISSES, Controller, free_port, health, running, stopped_by_signal, up

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
    signal.signal(signal.SIGINT, signal.SIG_IGN)
if mode.startswith("drains"):
    signal.signal(signal.SIGTERM, lambda *_: (signal.setitimer(signal.ITIMER_REAL, float(mode[6:])), signal.signal(signal.SIGTERM, signal.SIG_DFL)))
    signal.signal(signal.SIGALRM, lambda *_: os._exit(7))
listener = socket.create_server(("127.0.0.1", int(os.environ["VOICEBOT_SERVE__PORT"])))
asked = 0
while True:
    asking, _ = listener.accept()
    if mode != "mute":
        asking.recv(1000)
        asked += 1
        body = b"starting" if mode == "slow" and asked < 5 else b"draining"
        asking.sendall(b"HTTP/1.1 503 Service Unavailable\\r\\n\\r\\n" + body + b"\\n")
        asking.close()
"""
"""A controller that answers, ends at once, never answers, does not end, takes its time to start or (`drains0.5`) to end; a mode for each of its
lives, the last for all further ones."""


class Bench:
    def __init__(self, folder: Path) -> None:
        self.lives = folder / "lives"
        self.stub = folder / "stub.py"
        self.stub.write_text(STUB)
        self.port = free_port("127.0.0.1")
        self.modes = "serves"

    def controller(self, modes: str = "") -> Controller:
        made = Controller("127.0.0.1", self.port, None)
        made._command = [sys.executable, "-I", "-S", str(self.stub), str(self.lives), modes or self.modes]
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
    for name, seconds in {"START_S": 10.0, "ASK_EVERY_S": 0.05, "ANSWER_WITHIN_S": 0.3, "LOOK_S": 0.02}.items():
        monkeypatch.setattr(up_module, name, seconds)
    monkeypatch.setattr(up_module, "PAUSE_S", (0.02, 0.1))


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
        assert await health("127.0.0.1", bench.port) == b"draining"
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


def test_one_that_is_starting_is_waited_for(run: Run, bench: Bench) -> None:
    async def scenario() -> None:
        controller = bench.controller("slow")
        await controller.start()
        assert await health("127.0.0.1", bench.port) == b"draining"
        await controller.stop()

    run(scenario())


def test_one_that_drains_is_waited_for_and_then_made_to_end(run: Run, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up_module, "END_S", 0.3)

    async def scenario() -> None:
        controller = bench.controller("drains0.5,drains60")
        await controller.start()
        process: Any = controller._process
        await controller.drained(grace_s=10)
        assert process.returncode == 7, "it was given the time it took"
        await controller.drained(grace_s=10)
        await controller.start()
        process = controller._process
        await controller.drained(grace_s=0.1)
        assert process.returncode is None
        await controller.stop()
        assert not lives(process.pid)

    run(scenario())


def test_it_does_not_share_our_terminal_and_does_not_outlive_us(run: Run, bench: Bench) -> None:
    """Ctrl-C reaches all processes of the terminal's group; only we may pass it on."""

    async def scenario() -> None:
        controller = bench.controller()
        await controller.start()
        assert os.getsid(controller.pid) == controller.pid != os.getsid(0)
        await controller.stop()

    run(scenario())


# Kept alive.


def test_the_times_hold_what_the_bars_need() -> None:
    """A frozen controller's callers are in the queue within 8 s, of which Asterisk takes 2.5; a loop that hangs says so itself after 3."""
    assert MISSES * (ASK_EVERY_S + ANSWER_WITHIN_S) <= 8 - 2.5
    assert MISSES * ANSWER_WITHIN_S + (MISSES - 1) * ASK_EVERY_S > FROZEN_S


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


async def begun(attempts: Iterator[VoicebotError | None]) -> None:
    if failure := next(attempts):
        raise failure


def test_one_that_lived_long_is_started_again_at_once_and_one_that_did_not_after_a_pause(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def paused(pause_s: float) -> None:
        pauses.append(pause_s)

    monkeypatch.setattr(asyncio, "sleep", paused)
    monkeypatch.setattr(up_module, "PAUSE_S", (1.0, 3.0))
    for lived_s, fails, expected in ((60.0, 0, []), (0.1, 0, [1.0]), (60.0, 4, [1.0, 2.0, 3.0, 3.0])):
        attempts = iter([VoicebotError("not yet")] * fails + [None])
        pauses.clear()
        run(up_module._persistently(partial(begun, attempts), "it", lived_s))
        assert pauses == expected


def test_one_that_answers_is_left_alone(run: Run, bench: Bench) -> None:
    async def scenario() -> None:
        async with bench.kept() as controller:
            await asyncio.sleep(0.5)
            assert bench.pids == [controller.pid]

    run(scenario())


async def _answers_as_another(bench: Bench, controller: Controller, first: int) -> bool:
    return controller.pid != first and await health("127.0.0.1", bench.port) is not None


# Asking.


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nok\n", b"ok"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", b""),
        (b"SSH-2.0-x\r\n", None),
        (b"", None),
        (None, None),
    ],
)
def test_any_http_answer_in_time_counts(run: Run, said: bytes | None, counts: bytes | None) -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert (await reader.readline()).startswith(b"GET /healthz ")
            if said is None:
                await reader.read()  # until the asker gives up
            else:
                writer.write(said)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        assert await health("127.0.0.1", server.sockets[0].getsockname()[1]) == counts
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)

    run(scenario())


def test_where_nobody_listens_nobody_answers(run: Run) -> None:
    assert run(health("127.0.0.1", free_port("127.0.0.1"))) is None


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port("127.0.0.1"))) as listener:
        assert listener.getsockname()[1] > 1_024


# Both.


class FakePbx:
    """Stands for PrivateAsterisk; `ended` ends it. `broken`: how often it does not start again. `channels`: what it answers, how many are live."""

    def __init__(self, plan: Any, fails: bool = False) -> None:
        self.plan = plan
        self.ended = asyncio.Event()
        self.left = False
        self.starts = 0
        self.broken = 0
        self.channels: Iterator[int] = repeat(0)
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
        self.starts += 1
        if self.broken:
            self.broken -= 1
            raise PbxError("port 5060 is in use")
        self.ended.clear()

    async def cli(self, command: str) -> str:
        assert command == "core show channels count"
        return f"{next(self.channels)} active channels\n0 active calls\n"


class Plan:
    log = Path("asterisk.log")


@pytest.fixture
def pbxes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[FakePbx]:
    """Every Asterisk that was made; the controller beside it is the stub."""
    made: list[FakePbx] = []

    def private(plan: Any) -> FakePbx:
        made.append(FakePbx(plan))
        return made[-1]

    def controller(_host: str, port: int, _file: Path | None, _tls: Any) -> Controller:
        bench.port = port
        return bench.controller()

    monkeypatch.setattr(up_module, "PrivateAsterisk", private)
    monkeypatch.setattr(up_module, "plan", lambda _settings, controller_port: Plan())
    monkeypatch.setattr(up_module, "Controller", controller)
    return made


SETTINGS = Settings(serve=Serve(port=0))


def test_both_are_up_and_end_together(run: Run, bench: Bench, pbxes: list[FakePbx]) -> None:
    async def scenario() -> None:
        async with running(SETTINGS) as found:
            assert found.plan is pbxes[0].plan
            assert await health("127.0.0.1", bench.port) is not None
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


def test_when_asterisk_will_not_start_again_it_is_tried_until_it_does(run: Run, bench: Bench, pbxes: list[FakePbx]) -> None:
    async def scenario() -> None:
        async with running(SETTINGS):
            pbxes[0].broken = 3
            pbxes[0].ended.set()
            await until(partial(_started, pbxes[0], 4))
            assert not pbxes[0].ended.is_set()
            assert len(bench.pids) == 1

    run(scenario())


def test_asked_to_end_it_waits_for_the_bot_s_callers_and_then_for_those_in_the_queue(run: Run, bench: Bench, pbxes: list[FakePbx]) -> None:
    bench.modes = "drains0.3"

    async def scenario() -> None:
        async with running(SETTINGS) as found:
            pbxes[0].channels = iter([2, 1, 0])
            await found.drained(grace_s=10)
            assert not lives(bench.pids[0])
            assert not pbxes[0].left
            assert next(pbxes[0].channels, None) is None
        assert pbxes[0].left
        assert len(bench.pids) == 1, "one that ends because it was asked is not restarted"

    run(scenario())


def test_callers_in_the_queue_are_not_waited_for_longer_than_grace(run: Run, bench: Bench, pbxes: list[FakePbx]) -> None:
    async def scenario() -> None:
        async with running(SETTINGS) as found:
            pbxes[0].channels = repeat(1)
            async with asyncio.timeout(5):
                await found.drained(grace_s=0.2)

    run(scenario())


def test_a_second_signal_ends_both_at_once(run: Run, bench: Bench, pbxes: list[FakePbx]) -> None:
    bench.modes = "drains60"

    async def scenario() -> None:
        async with asyncio.TaskGroup() as scope:
            ready = asyncio.Event()
            whole = scope.create_task(up(SETTINGS, None, lambda _plan: ready.set(), desk=False))
            await ready.wait()
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.2)
            assert lives(bench.pids[0])
            assert not whole.done()
            os.kill(os.getpid(), signal.SIGINT)
            async with asyncio.timeout(5):
                await whole
        assert not lives(bench.pids[0])
        assert pbxes[0].left

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

    run(up(SETTINGS, None, on_ready, desk=False))
    assert ready == [pbxes[0].plan]
    assert not any(map(lives, bench.pids))


DESK = """
import os, signal, sys
lives = open(sys.argv[1], "a+")
lives.write(f"{os.getpid()}\\n"); lives.flush(); lives.seek(0)
if len(lives.readlines()) > 1:
    signal.pause()
"""
"""A desk that ends at once in its first life, and never in its second."""


def test_the_desk_is_there_until_the_end_and_started_again_when_it_ends(
    run: Run, tmp_path: Path, pbxes: list[FakePbx], monkeypatch: pytest.MonkeyPatch
) -> None:
    desks = tmp_path / "desks"
    monkeypatch.setattr(up_module, "command", lambda part, _file: [sys.executable, "-I", "-S", "-c", DESK, str(desks), part])
    monkeypatch.setattr(up_module, "DESK_PAUSE_S", 0.02)

    async def begun() -> bool:
        return desks.exists() and len(desks.read_text().split()) == 2

    async def scenario() -> None:
        async with asyncio.TaskGroup() as scope:
            scope.create_task(up(SETTINGS))
            await until(begun)
            assert pbxes
            os.kill(os.getpid(), signal.SIGTERM)

    run(scenario())
    assert not any(lives(int(pid)) for pid in desks.read_text().split())


def test_without_a_desk_none_is_started(run: Run, pbxes: list[FakePbx], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up_module, "keep_desk", lambda _file: pytest.fail("a desk"))
    run(up(SETTINGS, None, lambda _plan: os.kill(os.getpid(), signal.SIGTERM), desk=False))
    assert pbxes[0].left


def test_a_signal_only_sets_the_event(run: Run) -> None:
    async def scenario() -> None:
        stop = stopped_by_signal()
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await stop.wait()

    run(scenario())
