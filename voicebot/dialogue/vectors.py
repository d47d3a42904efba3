"""Texts as rows of unit length: one block of TF-IDF columns per view of `words`, and a dense block of meaning where there is an embedding.

scikit-learn's TfidfVectorizer gives the same figures for the views, but four of them took 1.6 ms for one question (p95 5.8), this takes 0.3.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from voicebot.dialogue import words
from voicebot.dialogue.classifier import Floats, sparse

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DENSE_WEIGHT = 0.5
"""Of the meaning beside all views together; chosen on banking77 and clinc150, where 0.3 and 0.8 are worse."""

LARGE = 3_000
"""From so many texts on, what occurs in one of them alone is left out: two thirds of all features, and as much of the time to learn."""


class Embedding(Protocol):
    """Gives a text its place among meanings."""

    @property
    def dimensions(self) -> int:
        """How many figures `of` gives."""

    def of(self, text: str) -> Floats:
        """The text's vector, of any length; zeros for a text without any known word."""


@dataclass(frozen=True, slots=True)
class Block:
    """One view with its columns: for each feature its place in the row, and how rare it is."""

    view: words.View
    weight: float
    columns: Mapping[str, tuple[int, float]]


class Vectors:
    """Made by `fitted` from the texts to be learnt; immutable."""

    def __init__(self, language: str, blocks: Sequence[Block], content: frozenset[str], embedding: Embedding | None, centre: Floats) -> None:
        self.language = language
        self._blocks = blocks
        self._content = content
        self._embedding = embedding
        self._centre = centre
        self._dense_first = sum(len(block.columns) for block in blocks)
        self.width = self._dense_first + len(centre)

    @classmethod
    def fitted(cls, texts: Sequence[str], language: str, embedding: Embedding | None = None, many: bool = False) -> Vectors:
        """Columns for every feature of `texts`, weighed by how rare it is in them. `many`: whether there are many examples of each label."""
        split = [words.split(text, language) for text in texts]
        blocks: list[Block] = []
        for view, weight_few, weight_many in words.views(language):
            seen = Counter(feature for heard in split for feature in set(view(heard, language)))
            kept = [(feature, count) for feature, count in seen.items() if count > 1 or len(split) < LARGE]
            first = sum(len(block.columns) for block in blocks)
            columns = {feature: (first + at, math.log((1 + len(split)) / (1 + count)) + 1) for at, (feature, count) in enumerate(kept)}
            blocks.append(Block(view, weight_many if many else weight_few, columns))
        content = frozenset(word for heard in split for word in words.content(heard, language))
        centre = _centre([embedding.of(text) for text in texts]) if embedding else np.zeros(0, np.float32)
        return cls(language, blocks, content, embedding, centre)

    def row(self, text: str) -> tuple[NDArray[np.intp], Floats]:
        """Columns and values of one text; a text without any known feature has none."""
        heard = words.split(text, self.language)
        places: list[int] = []
        values: list[float] = []
        for block in self._blocks:
            counts = Counter(block.view(heard, self.language))
            found = [(*block.columns[feature], count) for feature, count in counts.items() if feature in block.columns]
            weighed = [(1 + math.log(count)) * rarity for _, rarity, count in found]
            scale = block.weight / math.hypot(*weighed) if weighed else 0.0
            places += [place for place, _, _ in found]
            values += [value * scale for value in weighed]
        return self._with_meaning(text, np.asarray(places, np.intp), _unit(np.asarray(values, np.float32)))

    def _with_meaning(self, text: str, places: NDArray[np.intp], values: Floats) -> tuple[NDArray[np.intp], Floats]:
        """The row with its dense block; a text whose words say nothing to the embedding has none."""
        vector = self._embedding.of(text) if self._embedding else self._centre
        if not vector.any():
            return places, values
        dense = _unit(vector - self._centre) * np.float32(DENSE_WEIGHT)
        return np.concatenate([places, self._dense_first + np.arange(len(dense))]), _unit(np.concatenate([values, dense]))

    def rows(self, texts: Sequence[str]) -> csr_matrix:
        """One row per text."""
        made = [self.row(text) for text in texts]
        ends = np.cumsum([0, *(len(places) for places, _ in made)])
        return sparse(np.concatenate([values for _, values in made]), np.concatenate([places for places, _ in made]), ends, self.width)

    def known(self, text: str) -> float:
        """The share of the words with meaning that occur in the texts learnt."""
        content = words.content(words.split(text, self.language), self.language)
        return sum(word in self._content for word in content) / len(content) if content else 0.0


def _unit(values: Floats) -> Floats:
    return values / np.float32(math.sqrt(float(values @ values)) or 1.0)


def _centre(vectors: Sequence[Floats]) -> Floats:
    centre: Floats = np.stack(vectors).mean(axis=0, dtype=np.float32)
    return centre
