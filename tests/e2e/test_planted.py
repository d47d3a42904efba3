"""A delay planted between a real Asterisk and the controller is found by the figures, and what a call holds by the comparison of a soak."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from voicebot.testbed import bench_runs as runs
from voicebot.testbed import launch
from voicebot.testbed.bench_load import NO_LIMITS
from voicebot.testbed.leftovers import held, left_over, settled
from voicebot.testbed.questions import Question
from voicebot.testbed.relay import HOST, Relay, Slow
from voicebot.testbed.rig import Rig, rig
from voicebot.testbed.scenario import calling
from voicebot.up import free_port

pytestmark = pytest.mark.e2e
QUESTION = Question("voicemail-pin", "how do i reset my voicemail pin", "flite:rms", "PCMU")
DELAY_S = 0.4


async def mouth_to_ear_ms(bot: Rig) -> float:
    [turn], _ = await runs.turns(bot, [QUESTION], 1, lambda _told: None)
    assert turn.right
    return turn.mouth_to_ear_ms


def test_a_slow_media_link_moves_mouth_to_ear_by_both_its_delays_and_a_call_shows_among_what_is_held(asterisk_tree: Path) -> None:
    async def scenario() -> None:
        port = free_port(HOST)
        async with Relay.open(port) as relay:
            environment = {launch.VIA: str(relay.port)}
            async with rig({"serve.port": port, **NO_LIMITS}, module=("voicebot.testbed.launch", "voicebot"), environment=environment) as bot:
                prompt_ms = await mouth_to_ear_ms(bot)
                relay.slow["/media"] = Slow(DELAY_S)
                late_ms = await mouth_to_ear_ms(bot)
                relay.slow.clear()
                await compare(bot)
        assert 2_000 * DELAY_S - 350 < late_ms - prompt_ms < 2_000 * DELAY_S + 1_500  # a busy machine adds to it

    async def compare(bot: Rig) -> None:
        before = await settled(lambda: held(bot))
        async with calling(bot, "PCMU"):
            found = {figure.name for figure in left_over(before, await held(bot)) if not figure.passed}
        assert {"channels left", "bridges left", "calls in progress left", "controller tasks left", "controller sockets left"} <= found
        assert all(figure.passed for figure in left_over(before, await settled(lambda: held(bot), before)))

    asyncio.run(scenario())
