"""`voicebot evaluate matching`: the matcher of the calls on a labelled corpus: how often it is right, how fast, and what it knows it does not know.

The threshold against questions from outside is found on the training rows alone, by matchers that have not seen them.
"""

from __future__ import annotations

import csv
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from voicebot.dialogue.matching import Match, Matcher
from voicebot.dialogue.vectors import Embedding
from voicebot.errors import EvaluationError

OUTSIDE = ""
"""The matcher's label for "none of these"."""
FOLDS = 3
KEPT = 0.996
"""Share of the right answers that the threshold may not cost."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question and the category it belongs to."""

    text: str
    category: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What was found. The last three are None without a category that stands for out of scope; an in-scope answer below the threshold is wrong."""

    train: int
    test: int
    categories: int
    accuracy: float
    top3: float
    p50_ms: float
    p95_ms: float
    build_s: float
    threshold: float | None = None
    in_scope_accuracy: float | None = None
    out_of_scope_recall: float | None = None


def read(path: Path) -> list[Example]:
    """The rows of a CSV file with the columns text and category. Raises EvaluationError naming file, line and fix."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if not {"text", "category"} <= set(table.fieldnames or ()):
                raise EvaluationError(f"{path}: no columns text and category in the first line; add them")
            rows = [_example(row, f"{path}:{table.line_num}") for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path}: cannot be read ({error}); give a CSV file in UTF-8") from None
    if not rows:
        raise EvaluationError(f"{path}: holds no questions; add a row for each")
    return rows


def _example(row: dict[str, str | None], place: str) -> Example:
    text, category = (row.get("text") or "").strip(), (row.get("category") or "").strip()
    if not text or not category:
        raise EvaluationError(f"{place}: text or category is empty; fill in both")
    return Example(text, category)


@dataclass(frozen=True, slots=True)
class Learner:
    """How matchers are made. `outside` is the category that no question should be given, None where there is none."""

    language: str = "en"
    embedding: Embedding | None = None
    outside: str | None = None

    def learnt(self, train: Sequence[Example]) -> Matcher:
        """A matcher of the categories: each one's name counts as an example, as the title of an entry does."""
        names = sorted({row.category for row in train} - {self.outside})
        texts = [*(row.text for row in train), *(name.replace("_", " ") for name in names)]
        labels = [*(OUTSIDE if row.category == self.outside else row.category for row in train), *names]
        return Matcher.learn(texts, labels, self.language, self.embedding)


def few(examples: Iterable[Example], shots: int, seed: int) -> list[Example]:
    """`shots` examples of each category, drawn by `seed`."""
    by_category: defaultdict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_category[example.category].append(example)
    dice = random.Random(seed)  # noqa: S311  a draw, not a secret
    return [one for _, rows in sorted(by_category.items()) for one in dice.sample(rows, min(shots, len(rows)))]


def measure(train: Sequence[Example], test: Sequence[Example], learner: Learner) -> Figures:
    """Learn `train`, ask `test`."""
    began = time.perf_counter()
    matcher = learner.learnt(train)
    build_s = time.perf_counter() - began
    timed = [_timed(matcher, row.text) for row in test]
    asked = [(row, found) for row, (found, _) in zip(test, timed, strict=True)]
    inside = [(row.category, [match.entry_id for match in found]) for row, found in asked if row.category != learner.outside]
    p50_ms, p95_ms = np.percentile([ms for _, ms in timed], (50, 95))
    figures = Figures(
        train=len(train),
        test=len(test),
        categories=len({row.category for row in train} - {learner.outside}),
        accuracy=_share(found[:1] == [wanted] for wanted, found in inside),
        top3=_share(wanted in found for wanted, found in inside),
        p50_ms=round(float(p50_ms), 3),
        p95_ms=round(float(p95_ms), 3),
        build_s=round(build_s, 2),
    )
    return figures if learner.outside is None else _with_scope(figures, asked, threshold(_unseen(train, learner)), learner.outside)


def threshold(right: Iterable[float]) -> float:
    """The confidence that all but a small share of right answers reach. Raises EvaluationError when none was right."""
    confidences = sorted(right)
    if not confidences:
        raise EvaluationError("no training question finds its category; give more examples of each")
    return confidences[int(len(confidences) * (1 - KEPT))]


def _timed(matcher: Matcher, text: str) -> tuple[tuple[Match, ...], float]:
    began = time.perf_counter()
    return matcher.match(text, 3), (time.perf_counter() - began) * 1_000


def _with_scope(figures: Figures, asked: Iterable[tuple[Example, tuple[Match, ...]]], limit: float, outside: str) -> Figures:
    taken = [(row.category, found[0].entry_id if found and found[0].confidence >= limit else outside) for row, found in asked]
    return replace(
        figures,
        threshold=limit,
        in_scope_accuracy=_share(said == wanted for wanted, said in taken if wanted != outside),
        out_of_scope_recall=_share(said == outside for wanted, said in taken if wanted == outside),
    )


def _unseen(train: Sequence[Example], learner: Learner) -> Iterator[float]:
    """The confidences of right answers that matchers give to training questions which they have not learnt."""
    places = list(range(len(train)))
    random.Random(0).shuffle(places)  # noqa: S311  a draw, not a secret
    for fold in range(FOLDS):
        held = set(places[fold::FOLDS])
        matcher = learner.learnt([row for place, row in enumerate(train) if place not in held])
        for row in (train[place] for place in sorted(held)):
            found = matcher.match(row.text, 1)
            if found and found[0].entry_id == row.category:
                yield found[0].confidence


def _share(right: Iterable[bool]) -> float:
    answers = list(right)
    return sum(answers) / len(answers) if answers else 0.0
