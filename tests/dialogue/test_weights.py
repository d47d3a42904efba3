"""Weights score a row as the full figures do, rounded or listed, and are the same after they were kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array

from voicebot.dialogue import weights
from voicebot.dialogue.classifier import sparse
from voicebot.dialogue.weights import Lists, Table, Weights, learnt

PLACES = np.array([0, 3, 11, 39])
VALUES = np.array([0.5, 0.1, 0.8, 0.3], np.float32)


def full(columns: int = 40, classes: int = 200) -> csr_matrix:
    """Most columns belong to few classes, the first ones to all."""
    made = random_array((columns, classes), density=0.02, rng=np.random.default_rng(0), dtype=np.float32).toarray()
    made[:4] = np.random.default_rng(1).normal(size=(4, classes))
    made[11] = 0
    return csr_matrix(made)


@pytest.fixture(params=["table", "lists"])
def made(request: pytest.FixtureRequest) -> Weights:
    return Table.of(full().toarray()) if request.param == "table" else Lists.of(full())


def test_scores_are_those_of_the_full_figures(made: Weights) -> None:
    wanted = VALUES @ full().toarray()[PLACES]
    assert made.scores(PLACES, VALUES) == pytest.approx(wanted, abs=0.02)
    assert np.abs(wanted).max() > 0.5


def test_a_row_without_columns_scores_nothing(made: Weights) -> None:
    assert not made.scores(np.zeros(0, np.intp), np.zeros(0, np.float32)).any()
    assert len(made.scores(np.zeros(0, np.intp), np.zeros(0, np.float32))) == 200


def test_kept_weights_score_the_same(made: Weights) -> None:
    again = weights.weights(made.kept())
    assert type(again) is type(made)
    assert (again.scores(PLACES, VALUES) == made.scores(PLACES, VALUES)).all()


def test_what_is_no_weights_is_refused() -> None:
    with pytest.raises(KeyError):
        weights.weights({"labels": np.zeros(1)})


def test_only_columns_of_few_classes_are_listed() -> None:
    kept = Lists.of(full()).kept()
    assert (kept["rows"][:4] == [0, 1, 2, 3]).all()
    assert kept["table"].shape[0] == (kept["rows"] >= 0).sum() < 20
    assert len(kept["listed"]) == kept["starts"][-1] < 0.05 * 40 * 200


def test_a_table_takes_a_byte_a_weight() -> None:
    kept = Table.of(full().toarray()).kept()
    assert kept["table"].dtype == np.int8
    assert np.abs(kept["table"]).max() == 127


@pytest.mark.parametrize(("classes", "kind"), [(8, Table), (weights.THOUSANDS, Lists)])
def test_thousands_of_classes_are_known_by_their_centres(classes: int, kind: type) -> None:
    """Each class has two columns of its own; a row with one of them belongs to it."""
    rows = np.repeat(np.arange(classes), 2)
    examples = sparse(np.ones(2 * classes, np.float32), np.arange(2 * classes), np.arange(2 * classes + 1), 2 * classes)
    found = learnt(examples, rows, classes)
    assert isinstance(found, kind)
    for place in (0, 5, 2 * classes - 1):
        assert int(np.argmax(found.scores(np.array([place]), np.ones(1, np.float32)))) == place // 2
