"""What a classifier has learnt, ready to score one row of columns and values: a full table for some hundred classes, lists for thousands.

Plain arrays in and out, so that it can be kept in a file. Weights are small integers, times one figure a column: it costs no accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from voicebot.dialogue.classifier import Floats, centres, train

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Arrays = Mapping[str, NDArray[Any]]

THOUSANDS = 1_000
"""From so many classes on nothing is learnt but the classes' centres."""
_STEPS = 127
_COMMON = 0.05
"""Share of the classes from which on a column of `Lists` is faster as part of a table."""


class Weights(Protocol):
    """Columns × classes."""

    def scores(self, places: NDArray[np.intp], values: Floats) -> Floats:
        """One score for each class."""

    def kept(self) -> Arrays:
        """What `weights` makes them of again."""


def learnt(examples: csr_matrix, owners: NDArray[np.intp], classes: int) -> Weights:
    """Weights from examples and the class of each."""
    if classes < THOUSANDS:
        return Table.of(train(examples, owners, classes))
    return Lists.of(centres(examples, owners, classes))


def weights(kept: Arrays) -> Weights:
    """What `kept` gave. Raises KeyError for anything else."""
    return Lists(kept) if "starts" in kept else Table(kept)


class Table:
    """Every class has a weight in every column: `table` in steps of `step`."""

    def __init__(self, kept: Arrays) -> None:
        self._step: Floats = kept["step"]
        self._table: NDArray[np.int8] = kept["table"]

    @classmethod
    def of(cls, full: Floats) -> Table:
        """Rounded to the nearest step."""
        largest = np.maximum(full.max(axis=1, initial=1e-9), -full.min(axis=1, initial=0))
        step = (largest / _STEPS).astype(np.float32)
        scaled = full / step[:, None]
        return cls({"step": step, "table": np.rint(scaled, out=scaled).astype(np.int8)})

    def kept(self) -> Arrays:
        return {"step": self._step, "table": self._table}

    def scores(self, places: NDArray[np.intp], values: Floats) -> Floats:
        found: Floats = (values * self._step[places]) @ self._table[places].astype(np.float32)
        return found


class Lists:
    """A column lists its classes, and their weights beside them: those of column i stand from `starts[i]` to `starts[i + 1]`.

    Columns that many classes use stand in a table instead: column i in row `rows[i]`, -1 for the others.
    """

    def __init__(self, kept: Arrays) -> None:
        self._kept = kept
        self._table = Table(kept)
        self._rows: NDArray[np.int32] = kept["rows"]
        self._starts: NDArray[np.int64] = kept["starts"]
        self._classes: NDArray[np.int32] = kept["classes"]
        self._listed: Floats = kept["listed"]
        self._count = kept["table"].shape[1]

    @classmethod
    def of(cls, full: csr_matrix) -> Lists:
        """The same weights, those in the table rounded."""
        common = np.diff(full.indptr) > _COMMON * full.shape[1]
        rows = np.where(common, np.cumsum(common) - 1, -1).astype(np.int32)
        table = Table.of(full[common].toarray()).kept()
        rest = ~np.repeat(common, np.diff(full.indptr))
        starts = np.concatenate([[0], np.cumsum(np.where(common, 0, np.diff(full.indptr)))])
        return cls({**table, "rows": rows, "starts": starts, "classes": full.indices[rest].astype(np.int32), "listed": full.data[rest]})

    def kept(self) -> Arrays:
        return self._kept

    def scores(self, places: NDArray[np.intp], values: Floats) -> Floats:
        row = self._rows[places].astype(np.intp)
        of_table = self._table.scores(row[row >= 0], values[row >= 0])
        begins, sizes = self._starts[places], self._starts[places + 1] - self._starts[places]
        taken = np.repeat(begins - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        listed = np.bincount(self._classes[taken], self._listed[taken] * np.repeat(values, sizes), self._count)
        found: Floats = of_table + listed.astype(np.float32)
        return found
