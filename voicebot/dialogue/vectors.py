"""Texts as rows of unit length: one block of TF-IDF columns per view of `words`, and a dense block of meaning where there is an embedding.

scikit-learn's TfidfVectorizer gives the same figures for the views, but four of them took 1.6 ms for one question (p95 5.8), this takes 0.2. Features
are known by their checksum alone, so that hundreds of thousands of them are two arrays, and can be kept in a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from zlib import crc32

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

Keys = NDArray[np.uint64]
"""One for each feature of a text: the text's number, the view's in `_VIEW_BITS`, and the feature's checksum in `_FEATURE_BITS`."""
_FEATURE_BITS = 32
_VIEW_BITS = 3
_VIEWS = 1 << _VIEW_BITS
_OF_ANY_TEXT = np.uint64((1 << _FEATURE_BITS + _VIEW_BITS) - 1)


class Embedding(Protocol):
    """Gives a text its place among meanings."""

    @property
    def dimensions(self) -> int:
        """How many figures `of` gives."""

    def of(self, text: str) -> Floats:
        """The text's vector, of any length; zeros for a text without any known word."""


class Vectors:
    """Made by `learnt` from the texts to be learnt, or from what `kept` gave; immutable.

    `features` holds keys without a text, in order, and `rarity` their weights; `content` the checksums of the words with meaning, in order.
    """

    def __init__(self, language: str, kept: Mapping[str, NDArray[Any]], embedding: Embedding | None) -> None:
        self.language = language
        self._views = words.views(language)
        self._features: Keys = kept["features"]
        self._rarity: Floats = kept["rarity"]
        self._weights: Floats = kept["view_weights"]
        self._content: NDArray[np.uint32] = kept["content"]
        self._centre: Floats = kept["centre"]
        self._embedding = embedding
        self.width = len(self._features) + len(self._centre)

    def kept(self) -> dict[str, NDArray[Any]]:
        """What these vectors are made of, all but the embedding."""
        return {
            "features": self._features,
            "rarity": self._rarity,
            "view_weights": self._weights,
            "content": self._content,
            "centre": self._centre,
        }

    @classmethod
    def learnt(cls, texts: Sequence[str], language: str, embedding: Embedding | None = None, many: bool = False) -> tuple[Vectors, csr_matrix]:
        """Columns for every feature of `texts`, weighed by how rare it is in them, and the rows of `texts`.

        `many`: whether there are many examples of each label.
        """
        split = [words.split(text, language) for text in texts]
        keys, counts = _features(split, language)
        features, texts_with = np.unique(keys & _OF_ANY_TEXT, return_counts=True)
        common = texts_with >= (2 if len(split) >= LARGE else 1)
        meanings = _meanings(texts, embedding)
        kept = {
            "features": features[common],
            "rarity": np.log((1 + len(split)) / (1 + texts_with[common]), dtype=np.float32) + 1,
            "view_weights": np.array([among_many if many else among_few for _, among_few, among_many in words.views(language)], np.float32),
            "content": np.unique(_checksums(word for heard in split for word in words.content(heard, language))),
            "centre": meanings.mean(axis=0, dtype=np.float32),
        }
        vectors = cls(language, kept, embedding)
        return vectors, vectors._sparse(*vectors._laid_out(keys, counts, len(texts)), meanings)

    @classmethod
    def fitted(cls, texts: Sequence[str], language: str, embedding: Embedding | None = None, many: bool = False) -> Vectors:
        """As `learnt`, without the rows."""
        return cls.learnt(texts, language, embedding, many)[0]

    def row(self, text: str) -> tuple[NDArray[np.intp], Floats]:
        """Columns and values of one text; a text without any known feature has none."""
        places, values, _ = self._laid_out(*_features([words.split(text, self.language)], self.language), 1)
        if self._embedding is None:
            return places, values
        (dense,) = self._dense(self._embedding.of(text)[None])
        if not dense.any():
            return places, values
        return np.concatenate([places, len(self._features) + np.arange(len(dense))]), _unit(np.concatenate([values, dense]))

    def rows(self, texts: Sequence[str]) -> csr_matrix:
        """One row per text."""
        keys, counts = _features([words.split(text, self.language) for text in texts], self.language)
        return self._sparse(*self._laid_out(keys, counts, len(texts)), _meanings(texts, self._embedding))

    def known(self, text: str) -> float:
        """The share of the words with meaning that occur in the texts learnt."""
        content = words.content(words.split(text, self.language), self.language)
        return float(np.isin(_checksums(content), self._content).mean()) if content else 0.0

    def _laid_out(self, keys: Keys, counts: NDArray[np.int64], texts: int) -> tuple[NDArray[np.intp], Floats, NDArray[np.intp]]:
        """Places and values of the views of all texts, one text after the other, and where each text's end."""
        wanted = keys & _OF_ANY_TEXT
        places = np.searchsorted(self._features, wanted)
        known = places < len(self._features)
        known[known] = self._features[places[known]] == wanted[known]
        places, keys = places[known], keys[known]
        values: Floats = (1 + np.log(counts[known], dtype=np.float32)) * self._rarity[places]
        block = (keys >> np.uint64(_FEATURE_BITS)).astype(np.intp)
        values *= self._weights[block & _VIEWS - 1] / _lengths(values, block)
        text = block >> _VIEW_BITS
        values /= _lengths(values, text)
        return places, values, np.searchsorted(text, np.arange(texts + 1))

    def _dense(self, meanings: Floats) -> Floats:
        """The dense block of each text; zeros where its words say nothing to the embedding."""
        centred = (meanings - self._centre) * meanings.any(axis=1, keepdims=True)
        lengths = np.sqrt((centred * centred).sum(axis=1, keepdims=True))
        dense: Floats = centred * np.float32(DENSE_WEIGHT) / np.maximum(lengths, np.float32(1e-9))
        return dense

    def _sparse(self, places: NDArray[np.intp], values: Floats, ends: NDArray[np.intp], meanings: Floats) -> csr_matrix:
        views = sparse(values, places, ends, len(self._features))
        if not meanings.shape[1]:
            return views
        from scipy.sparse import csr_matrix, hstack  # noqa: PLC0415  as in `sparse`

        dense = self._dense(meanings)
        lengths = np.hypot(ends[1:] > ends[:-1], np.linalg.norm(dense, axis=1)).astype(np.float32)
        lengths[lengths == 0] = 1
        views.data /= np.repeat(lengths, np.diff(ends))
        return hstack([views, csr_matrix(dense / lengths[:, None])], format="csr")


def _features(split: Sequence[Sequence[str]], language: str) -> tuple[Keys, NDArray[np.int64]]:
    """Each feature of each text once, in the order of the texts, and how often it occurs there."""
    views = [view for view, _, _ in words.views(language)]
    found = [_checksums(view(heard, language)) for heard in split for view in views]
    blocks = np.arange(len(split))[:, None] * _VIEWS + np.arange(len(views))
    keys = np.repeat(blocks.ravel().astype(np.uint64) << np.uint64(_FEATURE_BITS), [len(each) for each in found]) + np.concatenate(found)
    once, counts = np.unique(keys, return_counts=True)
    return once, counts


def _checksums(features: Iterable[str]) -> NDArray[np.uint32]:
    return np.array([crc32(feature.encode("utf-8", "surrogatepass")) for feature in features], np.uint32)


def _meanings(texts: Sequence[str], embedding: Embedding | None) -> Floats:
    return np.stack([embedding.of(text) for text in texts]) if embedding else np.zeros((len(texts), 0), np.float32)


def _lengths(values: Floats, groups: NDArray[np.intp]) -> Floats:
    """The length of the group that each value belongs to."""
    lengths: Floats = np.sqrt(np.bincount(groups, values * values)).astype(np.float32)[groups]
    return lengths


def _unit(values: Floats) -> Floats:
    return values / (np.linalg.norm(values) or np.float32(1))
