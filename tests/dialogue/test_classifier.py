"""A maximum-entropy classifier learns what separates its classes, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from voicebot.dialogue.classifier import centres, shares, sparse, train


def rows(count: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy rows of unit length around one centre per class."""
    dice = np.random.default_rng(seed)
    owners = np.arange(count) % classes
    points = np.eye(classes, 3 * classes)[owners] + dice.normal(0, 0.15, (count, 3 * classes))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), owners


def as_sparse(points: np.ndarray) -> object:
    count, width = points.shape
    return sparse(points.ravel(), np.tile(np.arange(width), count), np.arange(0, count * width + 1, width), width)


def learnt(points: np.ndarray, owners: np.ndarray, classes: int) -> np.ndarray:
    weights: np.ndarray = train(as_sparse(points), owners, classes)
    return weights


def test_unseen_rows_find_their_class() -> None:
    points, owners = rows(400, 8)
    weights = learnt(points[:200], owners[:200], 8)
    assert (np.argmax(points[200:] @ weights, axis=1) == owners[200:]).mean() > 0.97


def test_shares_are_close_to_those_of_logistic_regression() -> None:
    points, owners = rows(300, 5, seed=1)
    ours = shares(points[200:] @ learnt(points[:200], owners[:200], 5))
    reference = LogisticRegression(C=30.0, fit_intercept=False, max_iter=500).fit(points[:200], owners[:200]).predict_proba(points[200:])
    assert np.abs(ours - reference).mean() < 0.02


def test_unseen_rows_find_the_class_whose_centre_is_closest() -> None:
    points, owners = rows(400, 8)
    found = points[200:] @ centres(as_sparse(points[:200]), owners[:200], 8).toarray()
    assert (np.argmax(found, axis=1) == owners[200:]).mean() > 0.95


def test_a_class_of_many_examples_is_not_louder_than_one_of_few() -> None:
    points, owners = np.eye(4, dtype=np.float32)[[0, 0, 0, 0, 0, 1]], np.array([0, 0, 0, 0, 0, 1])
    of_class = centres(as_sparse(points), owners, 3).toarray()
    assert of_class[0, 0] == of_class[1, 1] > 1
    assert not of_class[:, 2].any()


def test_learning_twice_gives_the_same_weights() -> None:
    points, owners = rows(100, 4)
    assert (learnt(points, owners, 4) == learnt(points, owners, 4)).all()


def test_a_row_without_any_column_is_no_fault() -> None:
    points, owners = rows(20, 2)
    empty = sparse(np.zeros(0, np.float32), np.zeros(0, np.intp), np.zeros(21, np.intp), points.shape[1])
    assert train(empty, owners, 2).shape == centres(empty, owners, 2).shape == (points.shape[1], 2)


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=8))
def test_shares_are_a_distribution_in_the_order_of_the_scores(scores: list[float]) -> None:
    found = shares(np.array(scores, np.float32))
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert (found >= 0).all()
    assert found[int(np.argmax(scores))] == pytest.approx(found.max())
