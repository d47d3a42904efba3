"""`voicebot up`: the private Asterisk and the controller as two processes, each restarted when it ends, the controller also when it stops answering.

It carries no call: whatever happens to it, both end with it and never run on alone.
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
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from voicebot.errors import PbxError, VoicebotError
from voicebot.process import Stop, end_with_parent
from voicebot.scopes import first_of
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


async def up(settings: Settings, settings_file: Path | None = None, on_ready: Callable[[PbxPlan], None] = lambda _plan: None) -> None:
    """Run until SIGTERM or SIGINT, then until the callers are done (see `Running.drained`), and no longer than to a second signal."""
    stop = Stop()
    async with running(settings, settings_file) as found:
        on_ready(found.plan)
        await stop.asked.wait()
        await first_of(found.drained(settings.serve.grace_s), stop.insisted.wait())


def stopped_by_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, instead of ending the process."""
    return Stop().asked


class Controller:
    """`voicebot serve` as a child process."""

    def __init__(self, host: str, port: int, settings_file: Path | None, tls: ssl.SSLContext | None = None) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._command = [sys.executable, "-m", "voicebot", "serve", *(["--settings", str(settings_file)] if settings_file else [])]
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise VoicebotError("the controller is not running")
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it takes calls. Raises VoicebotError with its own last words when it ends instead."""
        environment = {**os.environ, "VOICEBOT_SERVE__PORT": str(self._port)}
        # A session of its own: Ctrl-C is for us to pass on. Were it to reach both, the controller would take it for the second signal.
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=environment, stdin=asyncio.subprocess.DEVNULL, start_new_session=True, preexec_fn=end_with_parent
        )
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
        if process is None:
            return
        for asks in ((signal.SIGTERM, signal.SIGINT), (signal.SIGKILL,)):
            for ask in asks:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(ask)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), END_S)
                return

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
