"""`voicebot up`: the private Asterisk, the controller and the desk as processes, each restarted when it ends, the controller also when it stops
answering.

It carries no call: whatever happens to it, all end with it and never run on alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from voicebot.errors import PbxError, VoicebotError
from voicebot.process import Stop, end_with_parent
from voicebot.scopes import finished, first_of
from voicebot.settings import Settings
from voicebot.telephony.pbx import PrivateAsterisk
from voicebot.telephony.pbx_plan import PbxPlan, plan
from voicebot.telephony.secure import asking

START_S = 180.0
"""The first start builds the recogniser's language model and renders every phrase."""
ASK_EVERY_S = 0.5
ANSWER_WITHIN_S = 1.5
MISSES = 2
"""Unanswered questions in a row after which a controller counts as frozen: 4.0 s after it froze at the latest, and no sooner than 3.5 s, because
a loop that hangs for 3.0 s ends by itself and says where it hung."""
PAUSE_S = (0.3, 10.0)
"""What is lost is started at once: its callers wait. Pause before the second attempt, and the longest: it doubles each time one fails."""
END_S = 10.0
"""A controller that should end has this long to hand its calls over and close the journal."""
DESK_PAUSE_S = 2.0
"""Before a desk that ended is started again: no caller waits for it."""
STEADY_S = 5.0
"""One that ends again sooner than this gets the first pause before it is started."""
LOOK_S = 0.5
STARTING = b"starting"
"""What /healthz says while calls cannot be taken yet."""
log = structlog.get_logger()


@dataclass(frozen=True)
class Running:
    """Both processes while they run."""

    plan: PbxPlan
    controller: Controller
    asterisk: PrivateAsterisk
    kept: tuple[asyncio.Task[None], ...]

    async def drained(self, grace_s: float) -> None:
        """Let callers finish, those with the bot first, then those who wait for an agent or talk to one; `grace_s` at most for each of the two.

        New calls still come in: they go to the queue, and are hung up with the rest when grace is over.
        """
        for task in self.kept:
            task.cancel()
        await self.controller.drained(grace_s)
        with contextlib.suppress(TimeoutError, PbxError):
            async with asyncio.timeout(grace_s):
                while live := await self._channels():
                    log.info("waiting for callers in the queue or with an agent; a second signal ends it at once", channels=live)
                    await asyncio.sleep(LOOK_S)

    async def _channels(self) -> int:
        return int((await self.asterisk.cli("core show channels count")).split()[0])


@contextlib.asynccontextmanager
async def running(settings: Settings, settings_file: Path | None = None) -> AsyncIterator[Running]:
    """Controller and Asterisk, up and answering, until the block is left. Raises VoicebotError naming what cannot start."""
    port = settings.serve.port or free_port(settings.serve.host)
    controller = Controller(settings.serve.host, port, settings_file, asking(settings.serve))
    await controller.start()
    try:
        async with PrivateAsterisk(plan(settings, controller_port=port)) as asterisk, asyncio.TaskGroup() as scope:
            kept = (scope.create_task(controller.keep()), scope.create_task(_keep(asterisk)))
            yield Running(asterisk.plan, controller, asterisk, kept)
            for task in kept:
                task.cancel()
    finally:
        await controller.stop()


async def up(
    settings: Settings, settings_file: Path | None = None, on_ready: Callable[[PbxPlan], None] = lambda _plan: None, desk: bool = True
) -> None:
    """Run until SIGTERM or SIGINT, then until the callers are done (see `Running.drained`), and no longer than to a second signal. The desk stays as
    long as they do."""
    stop = Stop()
    async with running(settings, settings_file) as found:
        on_ready(found.plan)
        await first_of(_until_done(found, stop, settings.serve.grace_s), *([keep_desk(settings_file)] if desk else []))


async def _until_done(found: Running, stop: Stop, grace_s: float) -> None:
    await stop.asked.wait()
    await first_of(found.drained(grace_s), stop.insisted.wait())


async def keep_desk(settings_file: Path | None) -> None:
    """`voicebot desk` as a child, restarted whenever it ends, until cancelled. It says by itself where it is, or why it cannot be."""
    while True:
        process = await _started(command("desk", settings_file))
        try:
            await process.wait()
        finally:
            await finished(_end(process, signal.SIGTERM))
        log.error("the desk ended; starting it again", status=process.returncode, again_s=DESK_PAUSE_S)
        await asyncio.sleep(DESK_PAUSE_S)


def stopped_by_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, instead of ending the process."""
    return Stop().asked


class Controller:
    """`voicebot serve` as a child process."""

    def __init__(self, host: str, port: int, settings_file: Path | None, tls: ssl.SSLContext | None = None) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._command = command("serve", settings_file)
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise VoicebotError("the controller is not running")
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it takes calls. Raises VoicebotError with its own last words when it ends instead."""
        self._process = await _started(self._command, VOICEBOT_SERVE__PORT=str(self._port))
        try:
            async with asyncio.timeout(START_S):
                while await health(self._host, self._port, self._tls) in {None, STARTING}:
                    if self._process.returncode is not None:
                        raise VoicebotError("the controller did not start; its reason stands above")
                    await asyncio.sleep(0.1)
        except TimeoutError:
            await self.stop()
            raise VoicebotError(f"the controller did not answer within {START_S:g} s; see its log above") from None

    async def keep(self) -> None:
        """Restart it whenever it ends or stops answering, until cancelled."""
        while True:
            started_s = time.monotonic()
            await self._until_lost()
            await _persistently(self.start, "the controller", time.monotonic() - started_s)

    async def drained(self, grace_s: float) -> None:
        """Ask it to end when its calls are over, and wait for that; it keeps to `grace_s` itself."""
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), grace_s + END_S)

    async def stop(self) -> None:
        """Ask it to end at once, then make it."""
        process, self._process = self._process, None
        if process is not None:
            await _end(process, signal.SIGTERM, signal.SIGINT)

    async def _until_lost(self) -> None:
        process, misses = self._process, 0
        while process is not None and process.returncode is None and misses < MISSES:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), ASK_EVERY_S)
            misses = misses + 1 if await health(self._host, self._port, self._tls) is None else 0
        if process is not None and process.returncode is None:
            process.kill()  # unless it ended by itself in this instant: the status tells
            await process.wait()
        log.error("controller lost; starting another", status=process.returncode if process else None, unanswered=misses)


async def health(host: str, port: int, tls: ssl.SSLContext | None = None) -> bytes | None:
    """What GET /healthz says, with whatever status; None when nobody answers in time."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
            try:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    return body.strip() if head.startswith(b"HTTP/1.1") else None


def free_port(host: str) -> int:
    """A TCP port nobody uses now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def command(part: str, settings_file: Path | None) -> list[str]:
    """The command line of `voicebot PART`."""
    return [sys.executable, "-m", "voicebot", part, *(["--settings", str(settings_file)] if settings_file else [])]


async def _started(command: list[str], **variables: str) -> Process:
    """In a session of its own: Ctrl-C is for us to pass on. Were it to reach both, a controller would take it for the second signal."""
    return await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **variables}, stdin=DEVNULL, start_new_session=True, preexec_fn=end_with_parent
    )


async def _end(process: Process, *asks: signal.Signals) -> None:
    """Ask it to end, then make it."""
    for signals in (asks, (signal.SIGKILL,)):
        for ask in signals:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(ask)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_S)
            return


async def _keep(asterisk: PrivateAsterisk) -> None:
    """Start Asterisk again whenever it ends by itself, until cancelled."""
    while True:
        started_s = time.monotonic()
        status = await asterisk.wait()
        log.error("Asterisk ended by itself; starting it again", status=status, see=str(asterisk.plan.log))
        await _persistently(asterisk.start, "Asterisk", time.monotonic() - started_s)


async def _persistently(start: Callable[[], Awaitable[None]], what: str, lived_s: float) -> None:
    """Start until that succeeds: at once, then ever more seldom. Whatever the reason, giving up would help nobody."""
    pause_s, longest_s = PAUSE_S
    if lived_s < STEADY_S:
        await asyncio.sleep(pause_s)
    while True:
        try:
            return await start()
        except (VoicebotError, OSError) as error:
            log.error("cannot start again", what=what, why=str(error), again_s=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, longest_s)
