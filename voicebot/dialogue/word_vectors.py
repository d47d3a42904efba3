"""Words as vectors: two words lie close when the same words stand beside them. So an entry is found in words nobody wrote into it.

Made once, in seconds, from the general English model that pocketsphinx brings for its recogniser, and kept in the cache; nothing is downloaded.
Positive pointwise mutual information and a truncated SVD (Levy, Goldberg and Dagan, 2015); rare words weigh more (Arora, Liang and Ma, 2017).
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog
from numpy.typing import NDArray

from voicebot.dialogue import arrays, trie_lm, words
from voicebot.dialogue.trie_lm import Pairs

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float32]

DIMENSIONS = 160
VOCABULARY = 16_000
_RARE = 1e-3
"""A word of this probability weighs half as much as a rare one."""
_SMOOTHING = 0.75
_ROUNDS = 2
_FORMAT = 2
log = structlog.get_logger()


class WordVectors:
    """The vectors of one language, each already of its word's weight. Immutable."""

    def __init__(self, rows: Mapping[str, int], vectors: Floats | NDArray[np.float16]) -> None:
        self._rows = rows
        self._vectors = vectors.astype(np.float16)
        self.dimensions = vectors.shape[1]

    def of(self, text: str) -> Floats:
        """The sum of the vectors of the words that are known; zeros when none is."""
        found = [self._rows[word] for word in words.split(text, "en") if word in self._rows]
        total: Floats = self._vectors[found].sum(axis=0, dtype=np.float32)
        return total

    @classmethod
    def made(cls, pairs: Pairs, vocabulary: int = VOCABULARY, dimensions: int = DIMENSIONS) -> WordVectors:
        """Learn vectors for the most frequent words."""
        frequent = np.argsort(-pairs.share, kind="stable")[:vocabulary]
        beside = _beside(pairs, frequent)
        vectors = _reduced(beside, min(dimensions, beside.shape[0] - 1))
        vectors *= (_RARE / (_RARE + pairs.share[frequent]))[:, None]
        return cls({pairs.words[word]: row for row, word in enumerate(frequent)}, vectors)

    def save(self, path: Path) -> None:
        """Write to `path`, whole or not at all. Raises OSError."""
        arrays.save(path, {"words": np.asarray(list(self._rows)), "vectors": self._vectors})

    @classmethod
    def load(cls, path: Path) -> WordVectors:
        """What `save` wrote. Raises OSError, or ValueError for anything else."""
        kept = arrays.load(path)
        return cls({str(word): row for row, word in enumerate(kept["words"])}, kept["vectors"])


@cache
def english(folder: Path) -> WordVectors | None:
    """The vectors of English, made at the first call and kept under `folder`; None where pocketsphinx brings no model."""
    source = _general_model()
    if source is None:
        return None
    stamp = hashlib.sha256(f"{_FORMAT} {source.stat().st_size} {VOCABULARY} {DIMENSIONS}".encode()).hexdigest()[:12]
    kept = folder / f"en-{stamp}.arrays"
    try:
        return WordVectors.load(kept)
    except (OSError, ValueError):
        made = WordVectors.made(trie_lm.read(source))
        _keep(made, kept)
        return made


def _keep(made: WordVectors, path: Path) -> None:
    try:
        made.save(path)
    except OSError as error:
        log.warning("word vectors are not kept; free space or set [speech] cache to another folder", folder=str(path.parent), why=error.strerror)


def _general_model() -> Path | None:
    """Found without importing the recogniser: its native code stays out of this process."""
    found = importlib.util.find_spec("pocketsphinx")
    path = Path(found.origin).parent / "model" / "en-us" / "en-us.lm.bin" if found and found.origin else None
    return path if path and path.is_file() else None


def _beside(pairs: Pairs, frequent: NDArray[np.int64]) -> csr_matrix:
    """What stands before and behind each word, as positive pointwise mutual information."""
    from scipy.sparse import csr_matrix, hstack  # noqa: PLC0415  a fifth of a second that the start of a controller must not wait for

    place = np.full(len(pairs.words), -1)
    place[frequent] = np.arange(len(frequent))
    kept = (place[pairs.first] >= 0) & (place[pairs.second] >= 0)
    first, second = place[pairs.first[kept]], place[pairs.second[kept]]
    weight = (pairs.share[pairs.first[kept]] * pairs.chance[kept]).astype(np.float64)

    def informed(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Any:
        total = np.bincount(rows, weight, len(frequent))
        context = np.bincount(columns, weight, len(frequent)) ** _SMOOTHING
        value = np.log(weight / (total[rows] * (context / context.sum())[columns]))
        good = value > 0
        return csr_matrix((value[good].astype(np.float32), (rows[good], columns[good])), shape=(len(frequent), len(frequent)))

    both: csr_matrix = hstack([informed(first, second), informed(second, first)]).tocsr()
    return both


def _reduced(matrix: csr_matrix, dimensions: int) -> Floats:
    """Rows in fewer dimensions, of unit length: a randomised SVD (Halko, Martinsson and Tropp, 2011), each axis of the root of its weight."""
    draw = np.random.default_rng(0).standard_normal((matrix.shape[1], dimensions + 16)).astype(np.float32)
    basis = np.linalg.qr(matrix @ draw)[0]
    for _ in range(_ROUNDS):
        basis = np.linalg.qr(matrix @ np.linalg.qr(matrix.T @ basis)[0])[0]
    left, weights, _ = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    vectors = (basis @ left)[:, :dimensions] * np.sqrt(weights[:dimensions])
    rows: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return rows
