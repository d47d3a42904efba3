"""Each window is timed in a process of its own, and the two that were promised have their bars."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from voicebot.errors import EngineError
from voicebot.testbed import bench_whisper
from voicebot.testbed.bench_whisper import passes_ms, whisper
from voicebot.testbed.random_whisper import TINIEST, build


def test_every_window_is_timed_as_often_as_asked(tmp_path: Path) -> None:
    times = passes_ms(build(tmp_path), 2)
    assert {window: len(each) for window, each in times.items()} == {"4": 2, "10": 2, "30": 2, "told": 2}
    assert all(clock > 0 and worked >= 0 for each in times.values() for clock, worked in each)


def test_the_promised_windows_have_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_whisper, "BASE", TINIEST)
    told: list[str] = []
    result = asyncio.run(asyncio.wait_for(whisper(1, told.append), 60))
    assert {figure.name.split("window ")[1].split(" (")[0]: figure.bar for figure in result.figures if figure.bar} == {
        "4 s p50": 150,
        "10 s p50": 300,
    }
    assert len(result.figures) == 15
    assert told


def test_a_process_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="ended with status 1"):
        asyncio.run(bench_whisper._measured(tmp_path, 1))
