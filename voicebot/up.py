"""`voicebot up`: the private Asterisk and the controller as two processes, each restarted when it ends, the controller also when it stops answering.

It carries no call: whatever happens to it, Asterisk ends with it and never runs on alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import structlog

from voicebot.errors import VoicebotError
from voicebot.settings import Settings
from voicebot.telephony.pbx import PrivateAsterisk
from voicebot.telephony.pbx_plan import PbxPlan, plan

START_S = 180.0
"""The first start builds the recogniser's language model and renders every phrase."""
ASK_EVERY_S = 1.0
ANSWER_WITHIN_S = 2.0
MISSES = 2
"""Unanswered questions in a row after which a controller counts as frozen."""
PAUSE_S = 0.3
log = structlog.get_logger()


@contextlib.asynccontextmanager
async def running(settings: Settings, settings_file: Path | None = None) -> AsyncIterator[PbxPlan]:
    """Controller and Asterisk, up and answering, until the block is left. Raises VoicebotError naming what cannot start."""
    port = settings.serve.port or free_port(settings.serve.host)
    keeper = Controller(settings.serve.host, port, settings_file)
    await keeper.start()
    try:
        async with PrivateAsterisk(plan(settings, controller_port=port)) as asterisk, asyncio.TaskGroup() as scope:
            kept = [scope.create_task(keeper.keep()), scope.create_task(_keep(asterisk))]
            yield asterisk.plan
            for task in kept:
                task.cancel()
    finally:
        await keeper.stop()


async def up(settings: Settings, settings_file: Path | None = None, on_ready: Callable[[PbxPlan], None] = lambda _plan: None) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = stopped_by_signal()
    async with running(settings, settings_file) as found:
        on_ready(found)
        await stop.wait()


def stopped_by_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, instead of ending the process."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop


class Controller:
    """`voicebot serve` as a child process."""

    def __init__(self, host: str, port: int, settings_file: Path | None) -> None:
        self._host = host
        self._port = port
        self._command = [sys.executable, "-m", "voicebot", "serve", *(["--settings", str(settings_file)] if settings_file else [])]
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise VoicebotError("the controller is not running")
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it answers. Raises VoicebotError with its own last words when it ends instead."""
        environment = {**os.environ, "VOICEBOT_SERVE__PORT": str(self._port)}
        self._process = await asyncio.create_subprocess_exec(*self._command, env=environment, stdin=asyncio.subprocess.DEVNULL)
        try:
            async with asyncio.timeout(START_S):
                while not await answers(self._host, self._port):
                    if self._process.returncode is not None:
                        raise VoicebotError("the controller did not start; its reason stands above")
                    await asyncio.sleep(0.1)
        except TimeoutError:
            await self.stop()
            raise VoicebotError(f"the controller did not answer within {START_S:g} s; see its log above") from None

    async def keep(self) -> None:
        """Restart it whenever it ends or stops answering, until cancelled."""
        while True:
            await self._until_lost()
            await asyncio.sleep(PAUSE_S)
            with contextlib.suppress(VoicebotError):
                await self.start()

    async def stop(self) -> None:
        """Ask it to end, then make it."""
        process, self._process = self._process, None
        for ask in (signal.SIGTERM, signal.SIGKILL):
            if process is None or process.returncode is not None:
                return
            process.send_signal(ask)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 10)

    async def _until_lost(self) -> None:
        process, misses = self._process, 0
        while process is not None and process.returncode is None and misses < MISSES:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), ASK_EVERY_S)
            misses = 0 if await answers(self._host, self._port) else misses + 1
        if process is not None and process.returncode is None:
            log.error("controller does not answer; killed")
            process.kill()
            await process.wait()
        log.warning("controller lost; starting another", status=process.returncode if process else None)


async def answers(host: str, port: int) -> bool:
    """Whether somebody answers GET /healthz, with whatever status, in time."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return (await reader.readline()).startswith(b"HTTP/1.1")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def free_port(host: str) -> int:
    """A TCP port nobody uses now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def _keep(asterisk: PrivateAsterisk) -> None:
    """Start Asterisk again whenever it ends by itself, until cancelled. Raises PbxError when it will not start."""
    while True:
        status = await asterisk.wait()
        log.error("Asterisk ended by itself; starting it again", status=status, see=str(asterisk.plan.log))
        await asyncio.sleep(PAUSE_S)
        await asterisk.start()
