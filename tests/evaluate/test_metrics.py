"""Figures of scores whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.evaluate.metrics import calibration_error, equal_error_rate, figures, reliability

ANGRY = np.array([True, True, False, False])
CALM = np.array([False, False, True, False])


def test_perfect_scores_have_perfect_figures() -> None:
    found = figures("all", np.array([1.0, 1.0, 0.0, 0.0]), ANGRY, CALM)
    assert (found.group, found.recordings, found.angry) == ("all", 4, 2)
    assert (found.auc_calm, found.auc_all, found.equal_error_rate, found.f1, found.calibration_error) == (1, 1, 0, 1, 0)


def test_calm_and_all_are_told_apart() -> None:
    found = figures("all", np.array([0.6, 0.7, 0.1, 0.9]), ANGRY, CALM)
    assert found.auc_calm == 1
    assert found.auc_all == 0.5


def test_a_group_without_both_kinds_has_no_figures() -> None:
    found = figures("sex female", np.array([0.4]), np.array([True]), np.array([False]))
    assert (found.auc_calm, found.auc_all, found.equal_error_rate, found.f1, found.calibration_error) == (None,) * 5


def test_equal_error_rate_of_scores_by_chance_is_a_half() -> None:
    scores = np.array([0.5, 0.5, 0.5, 0.5])
    assert equal_error_rate(scores, ANGRY) == pytest.approx(0.5)


def test_calibration_error_is_the_gap_between_score_and_share() -> None:
    scores, angry = np.full(100, 0.35), np.arange(100) < 25
    assert calibration_error(scores, angry) == pytest.approx(0.10)
    assert calibration_error(np.full(100, 0.25), angry) == pytest.approx(0)


def test_a_score_of_one_lies_in_the_last_bin() -> None:
    bins = reliability(np.array([1.0, 0.95, 0.0]), np.array([True, True, False]))
    assert [(part.count, part.angry) for part in bins] == [(1, 0.0), (2, 1.0)]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_bins_hold_every_recording_once(pairs: list[tuple[float, bool]]) -> None:
    scores, angry = np.array([score for score, _ in pairs]), np.array([flag for _, flag in pairs])
    assert sum(part.count for part in reliability(scores, angry)) == len(pairs)
    assert 0 <= calibration_error(scores, angry) <= 1
