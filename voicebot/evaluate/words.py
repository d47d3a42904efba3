"""`voicebot evaluate words`: how well words alone tell anger, on telephone sentences, a list of your own, or GoEmotions. It trains nothing."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicebot.emotion.words import Words
from voicebot.errors import EvaluationError
from voicebot.evaluate.metrics import THRESHOLD, Figures, figures
from voicebot.evaluate.sentences import Sentence

COLUMNS = ("text", "label", "kind", "language")
"""Of a list: label is anger or other; kind and language may be left out."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text to be judged."""

    text: str
    angry: bool
    kind: str
    language: str


@dataclass(frozen=True, slots=True)
class Confusion:
    """What the texts of one kind were taken for, at a probability of 0.5."""

    language: str
    kind: str
    texts: int
    taken_for_anger: int
    median: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A text with its score and the reasons."""

    text: Text
    score: float
    evidence: tuple[str, ...]


def of_sentences(found: Sequence[Sentence], language: str) -> list[Text]:
    """Those that nothing was trained on."""
    return [Text(sentence.text, sentence.angry, sentence.kind, language) for sentence in found if sentence.held_out]


def read(path: Path, language: str) -> list[Text]:
    """A list as CSV with the columns text and label, or GoEmotions' tab-separated text, labels and id (0 is anger). Raises EvaluationError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix == ".tsv":
                return [Text(row[0], "0" in row[1].split(","), "anger" if "0" in row[1].split(",") else "other", language) for row in _tabbed(file)]
            return [_text(row, language, f"{path}, line {number}") for number, row in enumerate(csv.DictReader(file), 2)]
    except (OSError, UnicodeDecodeError, IndexError, csv.Error) as error:
        raise EvaluationError(f"{path}: cannot be read ({error}); give a CSV file with the columns {', '.join(COLUMNS)}") from error


def judge(texts: Sequence[Text]) -> list[Judged]:
    """Scores by the shipped parameters. Raises EvaluationError for a language without any."""
    scores = [(text, Words.load(text.language).score(text.text)) for text in texts]
    return [Judged(text, score.anger, tuple(map(str, score.evidence))) for text, score in scores]


def report(judged: Sequence[Judged]) -> tuple[list[Figures], list[Confusion]]:
    """Figures by language (`auc_calm`: against neutral), and what each kind was taken for."""
    languages = sorted({one.text.language for one in judged})
    parts = {language: [one for one in judged if one.text.language == language] for language in languages}
    return [_figures(language, part) for language, part in parts.items()], [
        confusion for language, part in parts.items() for confusion in _confusions(language, part)
    ]


def table(found: Sequence[Figures], confusions: Sequence[Confusion]) -> str:
    """For a person."""
    lines = [f"{'':<10} {'n':>5} {'angry':>5} {'AUC neutral':>11} {'AUC all':>8} {'EER':>6} {'F1':>6} {'calibration':>11}"]
    lines += [
        f"{part.group:<10} {part.recordings:>5} {part.angry:>5} {_shown(part.auc_calm):>11} {_shown(part.auc_all):>8} "
        f"{_shown(part.equal_error_rate):>6} {_shown(part.f1):>6} {_shown(part.calibration_error):>11}"
        for part in found
    ]
    lines += ["", f"{'':<10} {'kind':<14} {'n':>5} {'taken for anger':>15} {'median':>7}"]
    lines += [f"{one.language:<10} {one.kind:<14} {one.texts:>5} {one.taken_for_anger:>15} {one.median:>7.3f}" for one in confusions]
    return "\n".join(lines)


def _figures(language: str, part: Sequence[Judged]) -> Figures:
    scores, angry = np.array([one.score for one in part]), np.array([one.text.angry for one in part])
    return figures(language, scores, angry, np.array([one.text.kind == "neutral" for one in part]))


def _confusions(language: str, part: Sequence[Judged]) -> list[Confusion]:
    found = []
    for kind in dict.fromkeys(one.text.kind for one in part):
        scores = [one.score for one in part if one.text.kind == kind]
        found.append(Confusion(language, kind, len(scores), sum(score >= THRESHOLD for score in scores), float(np.median(scores))))
    return found


def _tabbed(file: Iterable[str]) -> list[list[str]]:
    return [line.rstrip("\n").split("\t") for line in file]


def _text(row: dict[str, str | None], language: str, place: str) -> Text:
    text, label = (row.get("text") or "").strip(), (row.get("label") or "").strip()
    if not text or label not in ("anger", "other"):
        raise EvaluationError(f"{place}: text {text!r}, label {label!r}; give a text and a label, anger or other")
    return Text(text, label == "anger", (row.get("kind") or label).strip(), (row.get("language") or language).strip())


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
