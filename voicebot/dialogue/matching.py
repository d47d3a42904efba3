"""A caller's question to knowledge entries, each with a confidence; low for everything when none of them fits.

One maximum-entropy classifier over the views of `words` (words, pairs, meanings, letters), with a class for general talk.
Built in memory from the entries, then read-only. This module never decides what to do with a match: that is policy's.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voicebot.dialogue import background, words
from voicebot.dialogue.knowledge import Entry

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float32]

ACCEPT = 0.30
"""Answer from here on. Of 271 wordings not in it 96 % are answered right and 2 % wrong; of 800 questions about other things 19 % pass."""
CLARIFY = 0.25
"""Ask "did you mean …" from here on, say "not understood" below. 98 % of the unseen wordings and 23 % of the others lie above."""

# How sure to be, from the classifier's share and the share of known words. A logistic fit on demo wordings, clean and misheard, against
# wordings of entries left out and questions about other things: P(right) by classifier and vocabulary together.
_OFFSET, _PER_LOGIT, _PER_KNOWN = -1.43, 0.91, 2.36

_NONE = ""
_STRENGTH = 30.0
_EPOCHS = 6
_BATCH = 64
_DAMPING = 0.5
_SENTENCE_END = re.compile(r"(?<=[.?!;:])\s+|(?<=[。？！；：])")


@dataclass(frozen=True, slots=True)
class Match:
    """One entry that may answer the question. `confidence` is the probability (0–1) that it is the right one."""

    entry_id: str
    confidence: float


class Matcher:
    """Finds the entries of one language that answer a question. Immutable, so that any number of calls share one."""

    def __init__(self, labels: Sequence[str], vectors: _Vectors, weights: Floats) -> None:
        self._labels = tuple(labels)
        self._vectors = vectors
        self._weights = weights

    @classmethod
    def build(cls, entries: Sequence[Entry]) -> Matcher:
        """Learn the entries of one language from titles, example questions and answers. Raises ValueError for none or mixed languages."""
        languages = {entry.language for entry in entries}
        if len(languages) != 1:
            raise ValueError(f"a matcher needs entries of exactly one language, got {sorted(languages) or 'none'}")
        language = languages.pop()
        examples = [(text, entry.id) for entry in entries for text in _texts(entry)]
        examples += [(text, _NONE) for text in background.SENTENCES.get(language, ())]
        return cls.learn([text for text, _ in examples], [label for _, label in examples], language)

    @classmethod
    def learn(cls, texts: Sequence[str], labels: Sequence[str], language: str) -> Matcher:
        """Learn from texts and their labels, one each, as an evaluation on a labelled corpus does. The label "" means none of the others."""
        split = [words.split(text, language) for text in texts]
        vectors = _Vectors.fitted(split, language)
        names, owners = np.unique(np.asarray(labels), return_inverse=True)
        return cls([str(name) for name in names], vectors, _train(vectors.rows(split), owners, len(names)))

    def match(self, text: str, top: int = 3) -> tuple[Match, ...]:
        """The `top` most likely entries, best first; empty when `text` holds no words."""
        heard = words.split(text, self._vectors.language)
        if not heard:
            return ()
        columns, values = self._vectors.row(heard)
        shares = _softmax(values @ self._weights[columns])
        known = self._vectors.known(heard)
        best = [at for at in np.argsort(-shares, kind="stable") if self._labels[at] != _NONE][:top]
        return tuple(Match(self._labels[at], _confidence(float(shares[at]), known)) for at in best)


def _texts(entry: Entry) -> tuple[str, ...]:
    """What the classifier learns from. The answer's sentences bring words that callers use and a lead did not think of."""
    return (entry.title, *entry.questions, *_SENTENCE_END.split(entry.answer))


class _Vectors:
    """Texts as rows of unit length: one block of TF-IDF columns per view, each of its view's weight.

    scikit-learn's TfidfVectorizer gives the same figures, but four of them took 1.6 ms for one question (p95 5.8), this takes 0.3.
    """

    def __init__(self, language: str, columns: Sequence[Mapping[str, tuple[int, float]]], content: frozenset[str]) -> None:
        self.language = language
        self.width = sum(map(len, columns))
        self._columns = columns
        self._content = content

    @classmethod
    def fitted(cls, split: Sequence[Sequence[str]], language: str) -> _Vectors:
        columns: list[dict[str, tuple[int, float]]] = []
        for view, _ in words.VIEWS:
            seen = Counter(feature for heard in split for feature in set(view(heard, language)))
            first = sum(map(len, columns))
            columns.append({feature: (first + at, math.log((1 + len(split)) / (1 + count)) + 1) for at, (feature, count) in enumerate(seen.items())})
        return cls(language, columns, frozenset(word for heard in split for word in words.content(heard, language)))

    def row(self, heard: Sequence[str]) -> tuple[NDArray[np.intp], Floats]:
        """Columns and values of one text; a text without any known feature has none."""
        places: list[int] = []
        values: list[float] = []
        for (view, weight), known in zip(words.VIEWS, self._columns, strict=True):
            counts = Counter(view(heard, self.language))
            found = [(*known[feature], count) for feature, count in counts.items() if feature in known]
            block = [(1 + math.log(count)) * rarity for _, rarity, count in found]
            scale = weight / math.hypot(*block) if block else 0.0
            places += [place for place, _, _ in found]
            values += [value * scale for value in block]
        length = math.hypot(*values) or 1.0
        return np.asarray(places, np.intp), np.asarray(values, np.float32) / np.float32(length)

    def rows(self, split: Sequence[Sequence[str]]) -> csr_matrix:
        made = [self.row(heard) for heard in split]
        ends = np.cumsum([0, *(len(places) for places, _ in made)])
        data = np.concatenate([values for _, values in made])
        return _sparse(data, np.concatenate([places for places, _ in made]), ends, self.width)

    def known(self, heard: Sequence[str]) -> float:
        """The share of the words with meaning that occur in the knowledge base."""
        content = words.content(heard, self.language)
        return sum(word in self._content for word in content) / len(content) if content else 0.0


def _train(examples: csr_matrix, owners: NDArray[np.intp], classes: int) -> Floats:
    """Weights (columns × classes) of a maximum-entropy classifier, by dual ascent in small blocks.

    After Yu, Huang and Lin, "Dual coordinate descent methods for logistic regression and maximum entropy models" (2011). It reaches
    scikit-learn's LogisticRegression in a tenth of the time when there are many classes with few examples each.
    """
    weights = np.zeros((examples.shape[1], classes), np.float32)
    dual = np.zeros((examples.shape[0], classes), np.float32)
    wanted = np.eye(classes, dtype=np.float32)[owners]
    order = np.random.default_rng(0).permutation(examples.shape[0])
    blocks = [(rows, *_compact(examples[rows])) for rows in np.array_split(order, math.ceil(len(order) / _BATCH))]
    for _ in range(_EPOCHS):
        for rows, columns, block in blocks:
            shares = _softmax(block @ weights[columns])
            slope = _STRENGTH * (wanted[rows] - shares) - dual[rows]
            step = _DAMPING * slope / (1 + _STRENGTH * np.maximum(shares * (1 - shares), 0.02))
            dual[rows] += step
            weights[columns] += block.T @ step
    return weights


def _compact(rows: csr_matrix) -> tuple[NDArray[Any], csr_matrix]:
    """The columns that `rows` use, and `rows` with only these."""
    columns, places = np.unique(rows.indices, return_inverse=True)
    return columns, _sparse(rows.data, places, rows.indptr, len(columns))


def _sparse(data: Floats, places: NDArray[Any], ends: NDArray[Any], width: int) -> csr_matrix:
    from scipy.sparse import csr_matrix  # noqa: PLC0415  a fifth of a second that the start of a controller must not wait for

    return csr_matrix((data, places, ends), shape=(len(ends) - 1, width))


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _confidence(share: float, known: float) -> float:
    share = min(max(share, 1e-6), 1 - 1e-6)
    return 1 / (1 + math.exp(-(_OFFSET + _PER_LOGIT * math.log(share / (1 - share)) + _PER_KNOWN * known)))
