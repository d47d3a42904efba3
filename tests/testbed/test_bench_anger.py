"""Anger in scripts/acceptance: figures that a planted defect moves."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from voicebot.errors import VoicebotError
from voicebot.testbed import bench_anger
from voicebot.testbed.bench_anger import cost, widened, words

PITCH = 2 * np.pi * np.cumsum(140 + 20 * np.sin(np.arange(8_000) / 1_500)) / 8_000
VOICE = (np.sum([np.sin(k * PITCH) / k for k in range(1, 15)], axis=0) * 5_000).astype(np.int16)


def test_audio_is_given_as_calls_have_it() -> None:
    assert len(widened(VOICE)) == 4 * len(VOICE)


def test_the_cost_is_per_second_of_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter((10.0, 10.1))
    monkeypatch.setattr(time, "process_time", lambda: next(seconds))
    per_second, hundred_calls = cost([widened(VOICE), widened(VOICE)])
    assert per_second.measured == pytest.approx(0.1 * 1000 / (2 * bench_anger.ROUNDS))
    assert per_second.passed
    assert hundred_calls.measured == pytest.approx(per_second.measured * 4)


def test_words_below_the_bar_fail() -> None:
    good, bad = words([{"group": "en", "auc_all": 0.95}, {"group": "zh", "auc_all": 0.9}])  # type: ignore[dict-item]
    assert (good.passed, bad.passed) == (True, False)


def test_a_command_that_fails_is_named() -> None:
    with pytest.raises(VoicebotError, match="evaluate nothing"):
        asyncio.run(bench_anger._command("evaluate", "nothing"))


def test_a_worker_that_cannot_start_is_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Down:
        ready = False

        def __init__(self, _cache: Path, _processes: int) -> None: ...

        async def run(self) -> None: ...

    monkeypatch.setattr(bench_anger, "Prosodist", Down)
    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(bench_anger._waits_ms(tmp_path, []))
    assert raised.group_contains(VoicebotError, match="cannot start")
