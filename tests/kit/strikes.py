"""What may befall a call between any two steps of its tasks, whatever it is doing then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from tests.kit.asterisk import FakeAsterisk
from tests.kit.clock import VirtualLoop

FREEZE_S = 2.0


@dataclass(frozen=True)
class Strike:
    """Something befalls the call before the n-th step of its tasks."""

    step: int
    what: Literal["hang up", "stop", "media", "control", "freeze"]
    """The caller hangs up, the controller stops, the media or the control socket is lost, or this process stands still for two seconds."""


def striking(loop: VirtualLoop, calling: asyncio.Task[None], asterisk: FakeAsterisk, strikes: Sequence[Strike]) -> Callable[[int], None] | None:
    """Each strike gets a turn of its own in the loop, right before the step that it is to precede."""
    does: Mapping[str, Callable[[], object]] = {
        "hang up": asterisk.hang_up,
        "stop": calling.cancel,
        "media": asterisk.end_media,
        "control": asterisk.disconnect,
        "freeze": partial(loop.leap, FREEZE_S),
    }
    begun, due = loop.steps, {strike.step: does[strike.what] for strike in strikes}

    def strike(step: int) -> None:
        if happens := due.pop(step - begun, None):
            loop.call_soon(happens)

    return strike if due else None


def ours(timer: asyncio.TimerHandle) -> bool:
    """Whether the bot set it, not the test."""
    function = getattr(timer._callback, "__func__", timer._callback)  # type: ignore[attr-defined]
    return str(getattr(function, "__module__", "")).startswith("voicebot.")
