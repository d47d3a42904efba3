"""Lines through samples: known slopes are found, chance is told from growth, and warming up is not growth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.testbed.trend import LEAST_SAMPLES, growth, second_half

TIMES_S = [2.0 * number for number in range(100)]


def noise(seed: int, size: float) -> list[float]:
    return list(np.random.default_rng(seed).normal(0, size, len(TIMES_S)))


@pytest.mark.parametrize("percent", [-3.0, 0.0, 0.5, 1.0, 20.0])
def test_a_straight_line_is_found_exactly(percent: float) -> None:
    found = growth(TIMES_S, [100 + percent * at_s / TIMES_S[-1] for at_s in TIMES_S])
    assert found.percent == pytest.approx(percent, abs=1e-6)
    assert found.low == pytest.approx(percent, abs=1e-6)
    assert found.high == pytest.approx(percent, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_in_noise_is_told_with_its_confidence(seed: int) -> None:
    values = [100 + 5 * at_s / TIMES_S[-1] + shake for at_s, shake in zip(TIMES_S, noise(seed, 1.0), strict=True)]
    found = growth(TIMES_S, values)
    assert found.low < 5 < found.high
    assert found.low > 1, "five per cent is a leak, beyond chance"


def test_noise_alone_is_no_leak_beyond_chance() -> None:
    covered = sum(found.low <= 0 <= found.high for found in (growth(TIMES_S, [100 + shake for shake in noise(seed, 1.0)]) for seed in range(40)))
    assert covered >= 34


def test_samples_that_echo_each_other_are_worth_fewer() -> None:
    shakes = noise(1, 1.0)
    slow = list(np.convolve(shakes, np.ones(10) / math.sqrt(10), "same"))
    plain, echoing = (growth(TIMES_S, [100 + shake for shake in each]) for each in (shakes, slow))
    assert echoing.high - echoing.low > 1.5 * (plain.high - plain.low)


def test_too_few_samples_give_no_figure() -> None:
    few = LEAST_SAMPLES - 1
    assert math.isnan(growth(TIMES_S[:few], [1.0] * few).percent)
    assert math.isnan(second_half([], []).percent)


def test_what_starts_warms_up_and_that_is_no_leak() -> None:
    warm = [min(at_s, 60.0) + 100 for at_s in TIMES_S]
    assert second_half(TIMES_S, warm).percent == pytest.approx(0, abs=1e-6)
    assert growth(TIMES_S, warm).percent > 20


def test_growth_is_counted_over_the_second_half_only() -> None:
    steady = [100 + 10 * at_s / TIMES_S[-1] for at_s in TIMES_S]
    assert second_half(TIMES_S, steady).percent == pytest.approx(100 * 5 / 105, abs=0.2)


@given(st.floats(1e-3, 1e9), st.lists(st.floats(50, 150), min_size=20, max_size=20))
def test_the_unit_of_what_grows_does_not_matter(scale: float, values: list[float]) -> None:
    times_s = [float(number) for number in range(20)]
    one, other = growth(times_s, values), growth(times_s, [scale * value for value in values])
    assert other.percent == pytest.approx(one.percent, rel=1e-6, abs=1e-6)
    assert other.high == pytest.approx(one.high, rel=1e-6, abs=1e-6)
    assert one.low <= one.percent <= one.high
