"""This process and whoever started it, a terminal, `voicebot up` or systemd: signals heard, signs of life given, a hang made a crash.

It knows nothing of calls. The protocol with systemd is sd_notify(3): a few words in a datagram, meant to be spoken without a library.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import os
import signal
import socket

import structlog

FROZEN_S = 3.0
"""A loop that does not run for this long ends the process, so that Asterisk moves the callers on."""
BEAT_S = 1.0
_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl  # looked up here: between fork and exec the loader's lock may be another thread's
log = structlog.get_logger()


class Stop:
    """SIGTERM and SIGINT as events, instead of the end of the process: `asked` by the first, `insisted` by the second. Needs a running loop."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.insisted = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, self._heard)

    def _heard(self) -> None:
        (self.insisted if self.asked.is_set() else self.asked).set()


def tell_starter(state: str) -> None:
    """Send `state` ("READY=1", "STOPPING=1") to systemd when it started this process and wants to know; else do nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as told:
            told.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)
    except OSError as error:
        log.warning("systemd cannot be told", state=state, why=str(error))


async def never_frozen() -> None:
    """Give a sign of life each second, for ever. A loop that hangs is made to crash: Asterisk sees its sockets close and moves each caller on."""
    try:
        while True:
            faulthandler.dump_traceback_later(FROZEN_S, exit=True)
            tell_starter("WATCHDOG=1")
            await asyncio.sleep(BEAT_S)
    finally:
        faulthandler.cancel_dump_traceback_later()


def end_with_parent() -> None:
    """For a child between fork and exec: SIGTERM when the process that started it is gone, however that ended (prctl(2))."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
