from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from voicebot.telephony.keeper import LINGER_S, Keeper, keep

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@contextlib.contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP connection: the controller's end and Asterisk's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = socket.create_connection(server.getsockname())
        near, _ = server.accept()
    with near, far:
        far.settimeout(5)
        yield near, far


@contextlib.contextmanager
def keeping(linger: Callable[[], None]) -> Iterator[socket.socket]:
    """`keep` in a thread; gives the controller's end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    thread = threading.Thread(target=keep, args=(theirs, linger))
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
        thread.join(5)
        theirs.close()
        assert not thread.is_alive()


def closed(far: socket.socket, within_s: float) -> bool:
    far.settimeout(within_s)
    try:
        return far.recv(1) == b""
    except TimeoutError:
        return False


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def descriptors_become(count: int) -> None:
    deadline_s = time.monotonic() + 5
    while open_descriptors() != count:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_held_socket_stays_open_when_the_controller_lets_go_and_closes_after_the_linger() -> None:
    over = threading.Event()
    with connected() as (near, far), keeping(lambda: assert_set(over)) as controller:
        socket.send_fds(controller, [b"\0"], [near.fileno()])
        near.close()
        assert not closed(far, 0.2)
        controller.close()
        assert not closed(far, 0.2), "during the linger"
        over.set()
        assert closed(far, 5)


def assert_set(event: threading.Event) -> None:
    assert event.wait(5)


def test_a_socket_that_asterisk_closes_is_let_go_while_others_stay() -> None:
    with connected() as (first, far_first), connected() as (second, far_second), keeping(lambda: None) as controller:
        before = open_descriptors()
        for each in (first, second):
            socket.send_fds(controller, [b"\0"], [each.fileno()])
            each.close()
        descriptors_become(before)
        far_first.close()
        descriptors_become(before - 2)
        assert not closed(far_second, 0.1)


def test_data_on_a_held_socket_wakes_nobody_and_is_left_for_the_controller() -> None:
    with connected() as (near, far), keeping(lambda: None) as controller:
        socket.send_fds(controller, [b"\0"], [near.fileno()])
        far.sendall(b"event")
        assert near.recv(16) == b"event"
        near.sendall(b"request")
        assert far.recv(16) == b"request"


def test_it_ends_when_the_controller_held_nothing() -> None:
    lingered: list[bool] = []
    with keeping(lambda: lingered.append(True)):
        pass
    assert lingered == [True]


CONTROLLER = """
import asyncio, socket, sys
from voicebot.telephony.keeper import Keeper

async def main() -> None:
    near = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    media = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    async with Keeper() as keeper:
        keeper.hold(near.fileno())
        print("holding", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_killed_controllers_media_socket_closes_at_once_and_its_control_socket_a_moment_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", CONTROLLER, str(server.getsockname()[1])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as controller:
            control, _ = server.accept()
            media, _ = server.accept()
            with control, media:
                assert controller.stdout is not None
                assert controller.stdout.readline() == "holding\n"
                time.sleep(0.3)
                controller.send_signal(signal.SIGKILL)
                killed_s = time.monotonic()
                assert closed(media, 5)
                assert time.monotonic() - killed_s < LINGER_S / 2
                assert closed(control, 5)
                assert LINGER_S * 0.8 < time.monotonic() - killed_s < LINGER_S + 1


def test_leaving_the_block_ends_the_keeper_process(run: Run) -> None:
    async def steps() -> None:
        async with Keeper() as it:
            assert it._process is not None
            pid = it._process.pid
            os.kill(pid, 0)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(steps())


def test_holding_after_the_keeper_died_is_an_error(run: Run) -> None:
    async def steps() -> None:
        with connected() as (near, _):
            async with Keeper() as it:
                assert it._process is not None
                it._process.kill()
                await it._process.wait()
                with pytest.raises(OSError, match=r"pipe|reset"):
                    it.hold(near.fileno())

    run(steps())
