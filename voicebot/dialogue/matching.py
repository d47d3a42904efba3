"""A caller's question to knowledge entries, each with a confidence; low for everything when none of them fits.

One maximum-entropy classifier over the views of `words` (words, pairs, meanings, letters) and, where there is one, an embedding; with a
class for general talk. Built in memory from the entries, then read-only. It never decides what to do with a match: that is policy's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicebot.dialogue import background, weights, words
from voicebot.dialogue.classifier import shares
from voicebot.dialogue.entry import Entry
from voicebot.dialogue.vectors import Embedding, Vectors
from voicebot.dialogue.weights import Weights

ACCEPT = 0.30
"""Answer from here on. Of 271 wordings not in it 97 % are answered right and 2 % wrong; of 800 questions about other things 20 % pass."""
CLARIFY = 0.25
"""Ask "did you mean …" from here on, say "not understood" below. All of the unseen wordings and 24 % of the others lie above."""

# How sure to be, from the classifier's share and the share of known words. A logistic fit on demo wordings, clean and misheard, against
# wordings of entries left out and questions about other things: P(right) by classifier and vocabulary together.
_OFFSET, _PER_LOGIT, _PER_KNOWN = -0.79, 0.95, 1.66

_NONE = ""
_WORD = re.compile(r"[^\W_]")
_SENTENCE_END = re.compile(r"(?<=[.?!;:])\s+|(?<=[。？！；：])")


@dataclass(frozen=True, slots=True)
class Match:
    """One entry that may answer the question. `confidence` is the probability (0–1) that it is the right one."""

    entry_id: str
    confidence: float


class Matcher:
    """Finds the entries of one language that answer a question. Immutable, so that any number of calls share one."""

    def __init__(self, labels: Sequence[str], vectors: Vectors, learnt: Weights) -> None:
        self._labels = tuple(labels)
        self._vectors = vectors
        self._weights = learnt

    @classmethod
    def of(cls, language: str, kept: Mapping[str, NDArray[Any]], embedding: Embedding | None = None) -> Matcher:
        """What `kept` gave, with the embedding that it was learnt with. Raises KeyError for anything else."""
        return cls([str(label) for label in kept["labels"]], Vectors(language, kept, embedding), weights.weights(kept))

    def kept(self) -> dict[str, NDArray[Any]]:
        """What this matcher is made of, all but the embedding."""
        return {"labels": np.array(self._labels), **self._vectors.kept(), **self._weights.kept()}

    @classmethod
    def build(cls, entries: Sequence[Entry], embedding: Embedding | None = None) -> Matcher:
        """Learn the entries of one language from titles, example questions and answers. Raises ValueError for none or mixed languages."""
        languages = {entry.language for entry in entries}
        if len(languages) != 1:
            raise ValueError(f"a matcher needs entries of exactly one language, got {sorted(languages) or 'none'}")
        language = languages.pop()
        examples = [(text, entry.id) for entry in entries for text in _texts(entry)]
        examples += [(text, _NONE) for text in background.SENTENCES.get(language, ())]
        return cls.learn([text for text, _ in examples], [label for _, label in examples], language, embedding)

    @classmethod
    def learn(cls, texts: Sequence[str], labels: Sequence[str], language: str, embedding: Embedding | None = None) -> Matcher:
        """Learn from texts and their labels, one each, as an evaluation on a labelled corpus does. The label "" means none of the others."""
        names, owners = np.unique(np.asarray(labels), return_inverse=True)
        vectors, rows = Vectors.learnt(texts, language, embedding, many=len(texts) >= words.MANY * len(names))
        return cls([str(name) for name in names], vectors, weights.learnt(rows, owners, len(names)))

    def match(self, text: str, top: int = 3) -> tuple[Match, ...]:
        """The `top` most likely entries, best first; empty when `text` holds no words."""
        if not _WORD.search(text):
            return ()
        columns, values = self._vectors.row(text)
        share = shares(self._weights.scores(columns, values))
        known = self._vectors.known(text)
        best = [at for at in np.argsort(-share, kind="stable") if self._labels[at] != _NONE][:top]
        return tuple(Match(self._labels[at], _confidence(float(share[at]), known)) for at in best)


def _texts(entry: Entry) -> tuple[str, ...]:
    """What the classifier learns from. The answer's sentences bring words that callers use and a lead did not think of."""
    return (entry.title, *entry.questions, *_SENTENCE_END.split(entry.answer))


def _confidence(share: float, known: float) -> float:
    share = min(max(share, 1e-6), 1 - 1e-6)
    return 1 / (1 + math.exp(-(_OFFSET + _PER_LOGIT * math.log(share / (1 - share)) + _PER_KNOWN * known)))
