"""How long silence is borne: by the settings, longer while the caller speaks, for ever while he holds the line himself."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.clock import run_virtual
from voicebot.errors import VoicebotError
from voicebot.quiet import Quiet
from voicebot.settings import Turns


async def ends_s(quiet: Quiet) -> float:
    with pytest.raises(VoicebotError, match="nobody spoke for"):
        await quiet.too_long()
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("turns", "speaking", "until_s"),
    [
        (Turns(), False, 20),
        (Turns(stuck_ms=30_000), False, 30),
        (Turns(no_speech_ms=40_000), False, 45),
        (Turns(no_rtp_ms=50_000), False, 55),
        (Turns(), True, 40),
        (Turns(max_utterance_ms=5_000), True, 25),
    ],
)
def test_silence_is_borne_for_so_long(turns: Turns, speaking: bool, until_s: float) -> None:
    async def scenario() -> float:
        return await ends_s(Quiet(turns, lambda: speaking))

    assert run_virtual(scenario()) == pytest.approx(until_s)


def test_each_sound_begins_it_anew() -> None:
    async def scenario() -> float:
        quiet = Quiet(Turns(), lambda: False)
        for after_s in (5, 10, 19):
            asyncio.get_running_loop().call_at(after_s, quiet.broken)
        return await ends_s(quiet)

    assert run_virtual(scenario()) == pytest.approx(39)


def test_a_caller_who_holds_the_line_is_waited_for() -> None:
    async def scenario() -> float:
        quiet = Quiet(Turns(), lambda: False)
        loop = asyncio.get_running_loop()
        loop.call_at(10, quiet.hold, True)
        loop.call_at(100, quiet.hold, False)
        return await ends_s(quiet)

    assert run_virtual(scenario()) == pytest.approx(120)
