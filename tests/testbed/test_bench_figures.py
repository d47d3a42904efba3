"""Verdicts at, above and below the bar; nothing infinite or unmeasured ever passes or breaks the JSON."""

from __future__ import annotations

import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from voicebot.testbed.bench_figures import Figure, Result, share, spread, table, to_json


@pytest.mark.parametrize(
    ("measured", "at_most", "passed"),
    [
        (700, True, True),
        (701, True, False),
        (math.inf, True, False),
        (math.nan, True, False),
        (700, False, True),
        (699, False, False),
        (math.nan, False, False),
    ],
)
def test_a_bar_is_reached_or_missed(measured: float, at_most: bool, passed: bool) -> None:
    assert Figure("wait", measured, "ms", 700, at_most).passed is passed


def test_without_a_bar_there_is_no_verdict_and_nothing_fails() -> None:
    assert Figure("wait", math.inf, "ms").passed is None
    assert Result((Figure("wait", math.inf, "ms"),)).passed


def test_one_missed_bar_fails_the_result() -> None:
    assert not Result((Figure("a", 1, bar=1), Figure("b", 2, bar=1))).passed


@pytest.mark.parametrize(
    ("figure", "target", "told"),
    [
        (Figure("wait", 1234.4, "ms", 700), "≤ 700 ms", "1,234 ms"),
        (Figure("right", 90, "%", 90, at_most=False), "≥ 90 %", "90 %"),
        (Figure("CPU", 0.384, "%", 0.4), "≤ 0.4 %", "0.38 %"),
        (Figure("CPU", 0.0, "%"), "", "0 %"),
        (Figure("queue", 1.26, "s", 3), "≤ 3.0 s", "1.3 s"),
        (Figure("wait", math.inf, "ms"), "", "never"),
        (Figure("wait", math.nan, "ms"), "", "not measured"),
        (Figure("left", 0, bar=0), "≤ 0", "0"),
    ],
)
def test_figures_are_told_with_their_unit(figure: Figure, target: str, told: str) -> None:
    assert (figure.target, figure.told) == (target, told)


def test_spread_gives_percentiles_with_their_count_and_bars() -> None:
    p50, p95, worst = spread("wait", [float(value) for value in range(1, 21)], {"p95": 18})
    assert (p50.name, p50.measured, p50.passed) == ("wait p50 (n=20)", 10, None)
    assert (p95.measured, p95.passed) == (19, False)
    assert worst.measured == 20


def test_a_spread_of_nothing_fails_its_bar() -> None:
    assert [figure.passed for figure in spread("wait", [], {"p50": 700})] == [False, None, None]


def test_a_share_is_in_per_cent_and_of_nothing_is_unmeasured() -> None:
    assert share("right", 9, 10, 90, at_most=False).passed
    assert not share("right", 8, 10, 90, at_most=False).passed
    assert not share("right", 0, 0, 90, at_most=False).passed
    assert share("cut", 1, 10, 10, at_most=True).passed


def test_the_table_shows_each_figure_with_its_verdict() -> None:
    written = io.StringIO()
    console = Console(width=100, file=written)
    console.print(table("turns", [Figure("wait", 600, "ms", 700), Figure("lost", 3, bar=0), Figure("told", 1)]))
    rows = [line for line in written.getvalue().splitlines() if "wait" in line or "lost" in line or "told" in line]
    assert [("pass" in row, "FAIL" in row) for row in rows] == [(True, False), (False, True), (False, False)]


@given(st.lists(st.floats(), max_size=5))
def test_any_numbers_are_valid_json(values: list[float]) -> None:
    result = Result(tuple(Figure("x", value, "ms", 1) for value in values), tuple({"ms": value, "text": "…"} for value in values))
    found = json.loads(to_json({"run": result}), parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert len(found["run"]["figures"]) == len(found["run"]["trials"]) == len(values)
    assert found["run"]["passed"] is result.passed
