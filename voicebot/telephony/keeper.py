"""Holds the controller's control sockets open a moment longer than the controller lives. It never reads or writes one.

Asterisk 22.10.1 ends with a segmentation fault when the sockets of a call, control and media, are lost at the same instant, as they are
when the controller is killed: it writes the media channel's hang-up to a control socket that its other thread is freeing. So a small
process of its own holds a copy of each control socket. When the controller dies its media sockets close at once, the copies keep the
control sockets open until those hang-ups are written, and then they close too. No data passes through here.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

LINGER_S = 0.3
"""How long control sockets outlive the controller. Asterisk writes the last hang-up within some milliseconds."""
_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class Keeper:
    """The controller's end: `hold` hands a copy of a connected socket to the keeper process, which lets go of it when Asterisk closes it."""

    def __init__(self) -> None:
        self._ours: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = (sys.executable, "-m", "voicebot.telephony.keeper")
            self._process = await asyncio.create_subprocess_exec(*command, stdin=theirs.fileno(), start_new_session=True)
        ours.setblocking(False)
        self._ours = ours
        return self

    def hold(self, fd: int) -> None:
        """Keep the connected socket `fd` open beyond this process. Raises OSError when the keeper is gone."""
        if self._ours is not None:
            socket.send_fds(self._ours, [b"\0"], [fd])

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._ours is not None:
            self._ours.close()
        if self._process is not None:
            await self._process.wait()


def keep(controller: socket.socket, linger: Callable[[], None] = lambda: time.sleep(LINGER_S)) -> None:
    """The keeper process: hold what `controller` sends until its peer closes it, or until the controller is gone and `linger` is over."""
    held: dict[int, socket.socket] = {}
    poll = select.poll()
    poll.register(controller, select.POLLIN)
    try:
        while True:
            ready = [fd for fd, _ in poll.poll()]
            for fd in held.keys() & ready:
                poll.unregister(fd)
                held.pop(fd).close()
            if controller.fileno() in ready:
                for each in _receive(controller):
                    held[each.fileno()] = each
                    poll.register(each, _GONE)
    except EOFError:
        linger()
    finally:
        for each in held.values():
            each.close()


def _receive(controller: socket.socket) -> list[socket.socket]:
    data, fds, _, _ = socket.recv_fds(controller, 1, 1)
    if not data:
        raise EOFError
    return [socket.socket(fileno=fd) for fd in fds]


if __name__ == "__main__":
    with socket.socket(fileno=os.dup(0)) as controller:
        keep(controller)
