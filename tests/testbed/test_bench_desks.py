"""The bench of open desks: a small floor on a real desk, and what its figures are made of."""

from __future__ import annotations

import asyncio
import math

import pytest

from voicebot.testbed import bench_desks
from voicebot.testbed.bench_desks import Costs, Pop, Size, open_floor, result

COSTS = Costs((100.0, 200.0), 1.0, 2.0, 100.0, 120.0, 130.0, 3.0)


def verdicts(*pops: Pop) -> dict[str, bool | None]:
    return {figure.name.split(" (")[0]: figure.passed for figure in result(pops, COSTS).figures if figure.bar is not None}


def test_soon_and_on_that_desk_alone_passes() -> None:
    assert set(verdicts(Pop("7000", 80.0, 0), Pop("7001", 120.0, 0)).values()) == {True}


@pytest.mark.parametrize(
    ("pop", "failed"),
    [
        (Pop("7000", 900.0, 0), {"pop after ring p95"}),
        (Pop("7000", 90.0, 2), {"pops on another agent's desk"}),
        (Pop("7000", math.inf, 0), {"pop after ring p95", "pops that did not come"}),
    ],
)
def test_late_lost_or_shown_to_others_fails(pop: Pop, failed: set[str]) -> None:
    assert {name for name, passed in verdicts(pop).items() if not passed} == failed


def test_each_ring_is_a_trial() -> None:
    assert result([Pop("7000", 80.0, 1)], COSTS).trials == ({"extension": "7000", "took_ms": 80.0, "elsewhere": 1},)


@pytest.mark.slow
def test_on_a_small_floor_every_call_pops_on_its_own_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_desks, "IDLE_S", 0.1)
    monkeypatch.setattr(bench_desks, "TALK_S", 0.1)
    told: list[str] = []
    found = asyncio.run(open_floor(Size(desks=3, pops=3, every_s=0.2, talking=1, seed=1), told.append))
    assert sorted(trial["extension"] for trial in found.trials) == ["7000", "7001", "7002"]
    assert all(math.isfinite(trial["took_ms"]) and not trial["elsewhere"] for trial in found.trials)
    assert told == ["opening 3 desks", "3 calls ring"]
