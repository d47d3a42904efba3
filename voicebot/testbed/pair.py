"""Two controllers behind HAProxy, with one Asterisk and one journal: the rig's own, which `voicebot up` keeps, and a second one beside it.

It measures nothing. What it starts ends with its `async with` block, and with this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicebot.errors import VoicebotError
from voicebot.telephony.pbx_render import DIALPLANS
from voicebot.testbed.rig import Rig, rig
from voicebot.up import free_port, health

BALANCER = "haproxy"
START_S = 120.0
STOP_S = 10.0
SEEN_S = 1.5
"""HAProxy looks each 500 ms: by then it sends calls to both."""
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Pair:
    """`rig.controller()` is the first controller, `second` the other."""

    rig: Rig
    second: asyncio.subprocess.Process


@asynccontextmanager
async def pair(overrides: Mapping[str, Any] | None = None) -> AsyncIterator[Pair]:
    """Both controllers healthy, until the block is left. `overrides` as for `rig`. Raises VoicebotError with the reason."""
    if shutil.which(BALANCER) is None:
        raise VoicebotError("there is no haproxy here; apt-get install haproxy")
    first, second, front = (f"{HOST}:{free_port(HOST)}" for _ in range(3))
    settings = {"serve.port": port(first), "pbx.balancer": front, "pbx.controllers": [first, second], **(overrides or {})}
    async with rig(settings) as bot, contextlib.AsyncExitStack() as stack:
        folder = bot.settings_file.parent
        serving = (sys.executable, "-m", "voicebot", "serve", "--settings", str(bot.settings_file))
        environment = {"VOICEBOT_SERVE__PORT": str(port(second)), "VOICEBOT_SPEECH__CACHE": str(bot.settings.speech.cache)}
        other = await stack.enter_async_context(_running(serving, folder / "second.log", environment))
        configured = folder / "haproxy.cfg"
        configured.write_text(balancer(front, first, second), encoding="utf-8")
        await stack.enter_async_context(_running((BALANCER, "-db", "-f", str(configured)), folder / "haproxy.log", {}))
        for each in (second, front):
            await _healthy(each, folder)
        await asyncio.sleep(SEEN_S)
        yield Pair(bot, other)


def balancer(front: str, first: str, second: str, template: Path = DIALPLANS / "haproxy.cfg") -> str:
    """The configuration of HAProxy for two controllers, each "host:port"."""
    text = template.read_text(encoding="utf-8")
    for name, address in {"balancer": front, "a": first, "b": second}.items():
        text = text.replace(f"@{{{name}}}", address)
    return text


def port(address: str) -> int:
    return int(address.rpartition(":")[2])


async def _healthy(address: str, folder: Path) -> None:
    deadline_s = asyncio.get_running_loop().time() + START_S
    while await health(HOST, port(address)) != b"ok":
        if asyncio.get_running_loop().time() > deadline_s:
            raise VoicebotError(f"{address} is not well after {START_S:g} s; see the logs in {folder}")
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _running(command: tuple[str, ...], log: Path, environment: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, cwd=log.parent, env={**os.environ, **environment}
        )
    try:
        yield process
    finally:
        for ask in (signal.SIGCONT, signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(ask)
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()
