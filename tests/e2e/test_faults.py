"""Something breaks under live calls of a real Asterisk: each caller is in the queue or with the bot again, and nothing is left behind.

`scripts/bench faults` has every fault, more calls, and the bars in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from voicebot.testbed import callers
from voicebot.testbed.bench_faults import Struck, stage, strike
from voicebot.testbed.strikes import FAULTS

pytestmark = pytest.mark.e2e
Run = Callable[[Coroutine[Any, Any, Any]], Any]
NAMES = ("invite-garbage", "control-half-open", "media-half-open", "kill")
"""One voicebot meets them all, the deadliest last."""
CALLS = 3


def test_no_single_fault_strands_a_caller(run: Run, asterisk_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "STAGGER_S", 3.0)

    async def scenario() -> dict[str, Struck]:
        async with stage(FAULTS["control-cut"]) as scene:
            return {name: await strike(scene, FAULTS[name], CALLS) for name in NAMES}

    for name, came in run(scenario()).items():
        assert len(came.fates) == CALLS, f"{name}: a caller was not with the bot to begin with"
        assert {fate.end for fate in came.fates} <= {"in queue", "resumed"}, f"{name}: {came.fates}"
        assert all(math.isfinite(fate.back_s) for fate in came.fates), f"{name}: silence after it, {came.fates}"
        assert (came.channels, came.bridges, came.asterisk_ended) == (0, 0, False), name
        assert (came.unsealed, came.broken) == (0, []), name
        assert math.isfinite(came.recovered_s), f"{name}: the bot takes no call any more"
