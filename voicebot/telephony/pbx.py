"""The private Asterisk as a child process: rendered, started, verified, stopped. No other process may talk to it but through `plan`.

It never runs half: what did not load, or a port that is taken, is a PbxError with one line naming the thing and the fix.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from voicebot.errors import PbxError
from voicebot.process import end_with_parent
from voicebot.telephony.pbx_plan import TESTED_VERSION, PbxPlan, recent_enough, version
from voicebot.telephony.pbx_render import DIALPLANS, render

_log = structlog.get_logger(__name__)


class PrivateAsterisk:
    """One Asterisk of our own. `async with PrivateAsterisk(plan):` runs it; it ends with the block, and with this process."""

    def __init__(self, plan: PbxPlan, *, dialplans: Path = DIALPLANS, boot_timeout_s: float = 30) -> None:
        self.plan = plan
        self._dialplans = dialplans
        self._boot_timeout_s = boot_timeout_s
        self._process: asyncio.subprocess.Process | None = None

    @property
    def sip_port(self) -> int:
        return self.plan.sip_port

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Render, start, wait until fully booted, verify. Raises PbxError; then nothing is left running."""
        found = await asyncio.to_thread(version, self.plan.binary)
        named = ".".join(map(str, found))
        if not recent_enough(found):
            raise PbxError(f"Asterisk {named} is too old; 22.8, 20.18 or 23.2 is needed: run scripts/setup")
        if found != TESTED_VERSION:
            _log.warning("asterisk is not the tested version", found=named, tested=".".join(map(str, TESTED_VERSION)))
        check_ports(self.plan.sip_host, self.plan.sip_port)
        self.configure()
        for stale in (self.plan.control_socket, self.plan.run / "asterisk.pid"):
            stale.unlink(missing_ok=True)
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self.stop)
            await self._boot()
            await self.verify()
            undo.pop_all()

    async def stop(self) -> None:
        """End Asterisk: asked first, then told. Live calls are hung up. Safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        for ask in (signal.SIGTERM, signal.SIGKILL):
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(ask)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 5)
                return

    async def wait(self) -> int:
        """Wait until Asterisk ends by itself, and give its exit status. Raises PbxError when it was not started."""
        if self._process is None:
            raise PbxError("Asterisk is not running; call start() first")
        return await self._process.wait()

    async def cli(self, command: str) -> str:
        """What Asterisk's console answers to `command`. Raises PbxError when it does not answer within 10 s."""
        return await console(self.plan.control_socket, command)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def _boot(self) -> None:
        with (self.plan.run / "console.log").open("wb") as output:
            process = self._process = await asyncio.create_subprocess_exec(
                *self.plan.binary.command,
                *("-f", "-n", "-C", str(self.plan.etc / "asterisk.conf")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.plan.run,
                env={**os.environ, "MALLOC_ARENA_MAX": "2"},  # a thread a call, each with an arena of its own, would look like a leak
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        try:
            async with asyncio.timeout(self._boot_timeout_s):
                await self._answer_when_booted(process)
        except TimeoutError:
            raise PbxError(f"Asterisk did not start within {self._boot_timeout_s:g} s; see {self.plan.log}") from None

    async def _answer_when_booted(self, process: asyncio.subprocess.Process) -> None:
        while True:
            if process.returncode is not None:
                raise PbxError(f"Asterisk ended with status {process.returncode} at start; see {self.plan.run / 'console.log'}")
            with contextlib.suppress(PbxError):
                await self.cli("core waitfullybooted")
                return
            await asyncio.sleep(0.02)

    def configure(self) -> None:
        """Write its configuration. Raises PbxError."""
        render(self.plan, self._dialplans)

    async def verify(self) -> None:
        """Raise PbxError for the first thing that is not as it has to be."""
        wanted = wanted_modules((self.plan.etc / "modules.conf").read_text(encoding="utf-8"))
        if absent := sorted(wanted - running_modules(await self.cli("module show"))):
            raise PbxError(f"Asterisk module {', '.join(absent)} did not load; run scripts/setup to repair the tree, see {self.plan.log}")
        for command, answers, fault in _expected(self.plan):
            said = await self.cli(command)
            if absent := [answer for answer in answers if answer not in said]:
                raise PbxError(f"{fault} ({'; '.join(' '.join(each.split()) for each in absent)}); see {self.plan.log}")


def _expected(plan: PbxPlan) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """What the console must say of a PBX that can take calls: command, words in its answer, what is wrong without them."""
    address, web = f"{plan.sip_host}:{plan.sip_port}", f"{plan.sip_host}:{plan.web_port}"
    return (
        (
            "moh show files",
            (f"Class: voicebot\n\tFile: {plan.music / 'loop'}\n",),
            f"music on hold class 'voicebot' has no file; delete {plan.music} and start again",
        ),
        ("pjsip show transports", plan.transports, f"Asterisk could not open {address}; set [pbx] sip_port"),
        ("pjsip show endpoints", plan.endpoints, "a SIP endpoint was refused; compare dialplans/pjsip.conf with the repository"),
        *(
            (f"queue show {queue}", tuple(f"PJSIP/{member}" for member in members), f"an agent is not in queue {queue}; see dialplans/queues.conf")
            for queue, members in plan.queues.items()
        ),
        ("dialplan show voicebot-inbound", tuple(f"'{number}'" for number in plan.hotlines), "a hotline is missing; see dialplans/extensions.conf"),
        (
            "http show status",
            (f"Bound to {web}",) if plan.web_phones else (),
            f"Asterisk could not open {web} for browser phones; set [pbx] web_port",
        ),
        ("ari show outbound-websockets", (plan.control_url, plan.floor_url), "a control socket was refused; see dialplans/ari.conf"),
    )


def check_ports(host: str, port: int) -> None:
    """Raise PbxError when SIP cannot be taken there, over UDP or TCP."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except PermissionError:
                raise PbxError(f"port {port} needs root; set [pbx] sip_port to 1024 or more") from None
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise PbxError(f"{host} is no address of this machine; correct [trunk] listen or [pbx] sip_host") from None
                raise PbxError(f"port {port} on {host} is already in use; set [pbx] sip_port") from None


def wanted_modules(modules_conf: str) -> frozenset[str]:
    """The modules that a modules.conf loads."""
    lines = (line.partition(";")[0].partition("=") for line in modules_conf.splitlines())
    return frozenset(value.strip(" >\t") for key, _, value in lines if key.strip() == "load")


def running_modules(answer: str) -> frozenset[str]:
    """The modules that `module show` lists as running."""
    rows = (line.split() for line in answer.splitlines())
    return frozenset(row[0] for row in rows if row and row[0].endswith(".so") and "Running" in row and "Not" not in row)


async def console(control_socket: Path, command: str) -> str:
    """Send one command to a running Asterisk over its control socket, as `asterisk -rx` does, without starting a second Asterisk.

    The socket greets with one line; a command ends with a zero byte, and `cli quit after` makes Asterisk close the socket when it has answered.
    """
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_unix_connection(control_socket)
            try:
                await reader.readline()
                writer.write(f"cli quit after {command}\0".encode())
                await writer.drain()
                answer = await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        raise PbxError(f"Asterisk does not answer on {control_socket} ({error or 'no answer in 10 s'}); is it running?") from None
    return answer.replace(b"\0", b"").decode(errors="replace")
