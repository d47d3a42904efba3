"""Calls over real SIP on the private Asterisk of tests/dialplans: what is done with them, and what is waited for."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

Floor = Any  # of tests/dialplans/conftest.py
Open = Callable[[], AbstractAsyncContextManager[Floor]]
Run = Callable[[Coroutine[Any, Any, Any]], Any]

LOUD = 80
"""µ-law steps above silence: hold music stays below, a briefing at full scale is above."""


async def eventually(what: Callable[[], object], within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not what():
            await asyncio.sleep(0.02)


async def waiting(floor: Floor, calls: int, within_s: float, queue: str = "support") -> float:
    """Seconds until so many calls wait in the queue."""
    begun_s = time.monotonic()
    async with asyncio.timeout(within_s):
        while f"has {calls} calls" not in await floor.pbx.cli(f"queue show {queue}"):
            await asyncio.sleep(0.05)
    return time.monotonic() - begun_s


async def no_channel(floor: Floor) -> None:
    async with asyncio.timeout(5):
        while "0 active channels" not in await floor.pbx.cli("core show channels"):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def calling(floor: Floor, phone: Any, dialled: str = "100", codecs: str = "0 8 101") -> AsyncIterator[Any]:
    """Dial, and give the control socket of the call when it is in Stasis, still ringing."""
    async with asyncio.TaskGroup() as group:
        group.create_task(phone.invite(dialled, codecs))
        before = len(floor.controller.on("/ari"))
        await eventually(lambda: len(floor.controller.on("/ari")) > before and floor.controller.on("/ari")[-1].named("StasisStart"))
        yield floor.controller.on("/ari")[-1]


async def handed_over(floor: Floor, control: Any, **variables: str) -> None:
    for name, value in variables.items():
        control.request("POST", f"channels/{control.channel}/variable?variable={name}&value={value}")
    control.request("POST", f"channels/{control.channel}/continue?context=voicebot-handover&extension=s&priority=1")
    await eventually(lambda: control.named("StasisEnd"))


def ready_for_a_call_back(it: Any, number: str) -> None:
    """Each line a short tone; the digits are as long as the number has them, so that the wrong one would be missed."""
    for line in ("overflow", "callback_offer", "callback_number", "callback_confirm", "callback_kept", *(f"digit_{digit}" for digit in number)):
        tone(it.pbx.plan.sounds / f"{line}-en.sln16", seconds=0.2)


def said(it: Any) -> list[str]:
    """The lines that the dialplan said, in order."""
    steps = [event for floor in it.controller.on("/floor") for event in floor.named("ChannelDialplan")]
    lines = [step["dialplan_app_data"].split(",") for step in steps if step["dialplan_app"] in {"Playback", "Read"}]
    return [next(part for part in parts if "/" in part).rpartition("/")[2].removesuffix("-en") for parts in lines]


def tone(path: Path, seconds: float) -> None:
    at = np.arange(int(16_000 * seconds)) / 16_000
    path.write_bytes((0.9 * 32_767 * np.sin(2 * np.pi * 440 * at)).astype("<i2").tobytes())


async def caller_channel(floor: Floor) -> str:
    found = re.search(r"^(PJSIP/voicebot-caller-\w+)!", await floor.pbx.cli("core show channels concise"), re.M)
    assert found is not None
    return found[1]
