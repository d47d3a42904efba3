"""What is made of simulated calls: shares with intervals, bars, and whether all together beats each part."""

from __future__ import annotations

import pytest

from voicebot.evaluate import calls_report
from voicebot.evaluate.calls import KINDS, Result, Simulated
from voicebot.evaluate.calls_report import apart, rates, table

CALLS = 50


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_report, "RESAMPLES", 40)


def judged(good: float) -> list[tuple[Simulated, Result]]:
    """`good` of the angry calls are handed over in time, none of the others; scores as far apart."""
    found = []
    for kind in KINDS:
        for n in range(CALLS):
            angry = kind.anger_at is not None
            hit = angry and n < good * CALLS
            result = Result(kind.anger_at if hit else None, (1.0 if hit else 0.0) + n / 1_000)
            found.append((Simulated(kind, "en", ()), result))
    return found


ALL = {"fused": judged(1.0), "words alone": judged(0.6), "voice alone": judged(1.0)}


def test_shares_stand_with_intervals_and_bars() -> None:
    found = {(rate.system, rate.kind): rate for rate in rates(ALL)}
    fused, words = found["fused", "turns angry"], found["words alone", "turns angry"]
    assert (fused.share, fused.calls, fused.passed) == (1.0, CALLS, True)
    assert (words.share, words.passed) == (0.6, False)
    assert words.low < 0.6 < words.high
    assert words.high - words.low == pytest.approx(0.26, abs=0.03)
    together = found["fused", "all without anger"]
    assert (together.calls, together.share, together.passed) == (4 * CALLS, 0.0, True)


def test_one_false_handover_in_fifty_misses_the_bar() -> None:
    wrong = [(call, Result(0, 1.0) if n == 0 else result) for n, (call, result) in enumerate(judged(1.0))]
    found = {rate.kind: rate for rate in rates({"fused": wrong})}
    assert not found["calm"].passed
    assert found["happy"].passed


def test_a_better_system_is_better_by_more_than_chance() -> None:
    found = {one.system: one for one in apart(ALL)}
    assert found["fused"].auc > found["words alone"].auc
    assert found["words alone"].low > 0
    assert found["words alone"].less == pytest.approx(found["fused"].auc - found["words alone"].auc)
    assert (found["voice alone"].low, found["voice alone"].high) == (0.0, 0.0)


def test_the_table_says_that_it_is_a_simulation() -> None:
    printed = table(rates(ALL), apart(ALL))
    assert printed.startswith("SIMULATION")
    assert "missed" in printed
