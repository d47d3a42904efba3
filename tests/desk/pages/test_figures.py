"""Numbers in words: shares, times, and nothing at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from voicebot.desk.pages.figures import NOTHING, local, percent, seconds


@pytest.mark.parametrize(("part", "whole", "told"), [(1, 3, "33 %"), (0, 5, "0 %"), (5, 5, "100 %"), (0, 0, NOTHING)])
def test_a_share(part: int, whole: int, told: str) -> None:
    assert percent(part, whole) == told


@pytest.mark.parametrize(("length_ms", "told"), [(None, NOTHING), (0, "0:00"), (59_400, "0:59"), (59_600, "1:00"), (3_725_000, "62:05")])
def test_a_time(length_ms: float | None, told: str) -> None:
    assert seconds(length_ms) == told


def test_a_moment_is_local() -> None:
    moment = datetime(2026, 3, 14, 9, 30, 5, tzinfo=UTC)
    assert datetime.strptime(local(moment), "%Y-%m-%d %H:%M:%S").astimezone() == moment
