"""Rebuilds the parameters of the word model (scripts/train-anger words): one text model from GoEmotions, one from the telephone sentences of
voicebot/evaluate/texts, and the weights of the categories from both.

GoEmotions (Apache-2.0) and banking77 (CC BY 4.0, as calm questions) train the English model of comments; nothing else is read.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from voicebot.emotion.words import ANGRY, EXCUSES, FEATURES, OTHERS, PARAMETERS, TELEPHONE, TEXT, Head, Lexicon, TextModel, Words, pieces, softened
from voicebot.errors import EvaluationError
from voicebot.evaluate.sentences import Sentence, training

PIECES = 20_000
LEAST_SEEN = {TEXT: 3, TELEPHONE: 2}
"""Texts that must hold a piece before it is known."""
FOLDS = 3
PRIOR = {"anger": 0.14, "urgency": 0.1, "sadness": 0.1}
"""Share of each that the probabilities assume."""
CALM_QUESTIONS = 3_000
COMMENTS = 0.5
"""Weight of all comments of GoEmotions in the head of anger; the telephone sentences weigh 1 together."""
STRONG, WEAK, NEVER = (1.8, 3.0), (0.8, 2.0), (-2.0, 0.0)
BOUNDS = {
    **dict.fromkeys(ANGRY, STRONG),
    **dict.fromkeys(("repetition", "waiting", "demand"), WEAK),
    **dict.fromkeys((*OTHERS, *EXCUSES), NEVER),
    "profanity": (2.2, 3.0),
    "joy": (-2.0, -1.2),
    "question": (-2.0, -0.8),
    "intensity": (0.0, 0.8),
    TEXT: (0.7, 1.0),
    TELEPHONE: (0.8, 1.5),
}
"""The least and the most that a phrase of each category counts for anger (log odds), set by hand: some categories had few sentences to learn from."""
LARGEST = 5.0
"""Bound of the other heads."""
OTHER_HEADS = {"urgency": "urgent", "sadness": "sad"}
_ANGER = "0"
_AT = {name: at for at, name in enumerate(FEATURES)}

Rows = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labelled = tuple[list[str], Flags]


def goemotions(path: Path) -> Labelled:
    """Comments of one file (text, Ekman labels, id) and which are angry. Raises EvaluationError."""
    try:
        rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
        return [row[0] for row in rows], np.array([_ANGER in row[1].split(",") for row in rows])
    except (OSError, IndexError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: not a file of GoEmotions ({error}); it has text, labels and id between tabs") from error


def calm_questions(path: Path) -> list[str]:
    """Questions of banking77. Raises EvaluationError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [row["text"].strip() for row in csv.DictReader(file)][::3][:CALM_QUESTIONS]
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: not the training file of banking77 ({error}); it has the columns text and category") from error


def fit_text(texts: Sequence[str], angry: Flags, least_seen: int) -> TextModel:
    """Naive Bayes scaled logistic regression (Wang and Manning, 2012) over the pieces that tell most."""
    groups = [_group(found, angry, least_seen) for found in zip(*(pieces(text) for text in texts), strict=True)]
    model = LogisticRegression(C=1.0, solver="liblinear", class_weight="balanced").fit(hstack([matrix for _, _, matrix in groups]).tocsr(), angry)
    names, ratios = [name for known, _, _ in groups for name in known], np.concatenate([ratio for _, ratio, _ in groups])
    return TextModel(float(model.intercept_[0]), dict(zip(names, map(float, model.coef_[0] * ratios), strict=True)))


def _group(counted: Sequence[set[str]], angry: Flags, least_seen: int) -> tuple[list[str], Rows, csr_matrix]:
    """The telling pieces of one kind, their log count ratios, and the scaled row of each text."""
    seen = Counter(piece for found in counted for piece in found)
    names = sorted(piece for piece, count in seen.items() if count >= least_seen)
    matrix = _matrix(counted, names)
    ratio = _ratios(matrix, angry)
    kept = np.sort(np.argsort(-np.abs(ratio) * np.sqrt([seen[name] for name in names]), kind="stable")[: PIECES // 2])
    matrix, ratio = matrix[:, kept], ratio[kept]
    length = np.sqrt(np.maximum(1, np.asarray(matrix.sum(axis=1)).ravel()))
    return [names[n] for n in kept], ratio, csr_matrix(matrix.multiply(1 / length[:, None]).multiply(ratio))


def _matrix(counted: Sequence[set[str]], names: Sequence[str]) -> csr_matrix:
    index = {name: n for n, name in enumerate(names)}
    where = [sorted(index[piece] for piece in found if piece in index) for found in counted]
    ends = np.cumsum([0, *map(len, where)])
    return csr_matrix((np.ones(ends[-1]), np.array([n for row in where for n in row], np.int64), ends), shape=(len(counted), len(names)))


def _ratios(matrix: csr_matrix, angry: Flags) -> Rows:
    with_anger, without = (np.asarray(matrix[chosen].sum(axis=0)).ravel() + 1 for chosen in (angry, ~angry))
    return np.asarray(np.log(with_anger / with_anger.sum()) - np.log(without / without.sum()))


def out_of_fold(texts: Sequence[str], angry: Flags, least_seen: int) -> Rows:
    """The text model's figure of each text, by a model that never saw it: what the heads must learn to trust."""
    found, fold = np.zeros(len(texts)), np.arange(len(texts)) % FOLDS
    for number in range(FOLDS):
        inside = fold == number
        model = fit_text([text for text, left_out in zip(texts, inside, strict=True) if not left_out], angry[~inside], least_seen)
        found[inside] = [softened(model.log_odds(text)) for text, left_out in zip(texts, inside, strict=True) if left_out]
    return found


def figures_of(words: Words, texts: Sequence[str]) -> Rows:
    """One row of FEATURES a text."""
    found = [words.figures(text) for text in texts]
    return np.array([[row.get(name, 0.0) for name in FEATURES] for row in found]).reshape(len(texts), len(FEATURES))


def fit_heads(rows: Rows, own: Sequence[Sentence], comments: tuple[Rows, Flags] | None) -> dict[str, Head]:
    """Anger from the figures of the telephone sentences (`rows`) and, where given, those of `comments`; urgency and sadness from the sentences."""
    heads = {name: _head(rows, np.array([s.kind == kind for s in own]), np.ones(len(own)), name) for name, kind in OTHER_HEADS.items()}
    angry, weight = np.array([sentence.angry for sentence in own]), np.ones(len(own))
    if comments:
        rows, angry = np.vstack([rows, comments[0]]), np.concatenate([angry, comments[1]])
        weight = np.concatenate([weight, np.full(len(comments[1]), len(own) * COMMENTS / len(comments[1]))])
    return {"anger": _head(rows, angry, weight, "anger"), **heads}


def _head(rows: Rows, label: NDArray[np.bool_], weight: NDArray[np.float64], name: str) -> Head:
    """The intercept is fitted again within the bounds, so that the probabilities stay true."""
    share = float(np.sum(weight[label]) / np.sum(weight))
    weight = weight * np.where(label, PRIOR[name] / share, (1 - PRIOR[name]) / (1 - share))
    model = LogisticRegression(C=1.0, max_iter=2_000).fit(rows, label, sample_weight=weight)
    low, high = np.array([BOUNDS[feature] if name == "anger" else (-LARGEST, LARGEST) for feature in FEATURES]).T
    bounded = np.clip(model.coef_[0], low, high)
    line = LogisticRegression(C=1e3).fit((rows @ bounded)[:, None], label, sample_weight=weight)
    slope = min(1.0, float(line.coef_[0][0]))
    intercept = _intercept(slope * (rows @ bounded), weight, PRIOR[name])
    return Head(intercept, dict(zip(FEATURES, (float(value) * slope for value in bounded), strict=True)))


def _intercept(log_odds: Rows, weight: NDArray[np.float64], prior: float) -> float:
    """What makes the mean probability the share that is assumed."""
    low, high = -12.0, 12.0
    for _ in range(60):
        middle = (low + high) / 2
        mean = float(np.average(1 / (1 + np.exp(-(log_odds + middle))), weights=weight))
        low, high = (middle, high) if mean < prior else (low, middle)
    return low


def to_toml(heads: Mapping[str, Head]) -> str:
    """The file that `Words.load` reads, six digits each."""
    lines = ["# Made by scripts/train-anger words; see models/anger.md. Do not edit."]
    for name, head in heads.items():
        lines += ["", f"[{name}]", f"intercept = {head.intercept:.6g}", "", f"[{name}.weight]"]
        lines += [f"{feature} = {weight:.6g}" for feature, weight in head.weight.items() if weight]
    return "\n".join(lines) + "\n"


def packed(model: TextModel) -> bytes:
    """The file that `read_model` reads, the same bytes for the same weights."""
    rows = [("", model.intercept), *sorted(model.weight.items())]
    return gzip.compress("".join(f"{piece}\t{weight:.6g}\n" for piece, weight in rows).encode(), mtime=0)


def trained(texts: Path) -> dict[str, bytes]:
    """Every parameter file by its name, from the folder that holds goemotions/ and banking77/."""
    comments, calm = goemotions(texts / "goemotions" / "train.tsv"), calm_questions(texts / "banking77" / "train.csv")
    written = fit_text([*comments[0], *calm], np.concatenate([comments[1], np.zeros(len(calm), np.bool_)]), LEAST_SEEN[TEXT])
    return {f"{TEXT}-en.tsv.gz": packed(written), **_of_language("en", written, comments), **_of_language("zh", None, None)}


def _of_language(language: str, written: TextModel | None, comments: Labelled | None) -> dict[str, bytes]:
    """The heads and the model of telephone sentences. A head is fitted on what a text model says of texts that it has not seen."""
    own = training(language)
    texts, angry = [sentence.text for sentence in own], np.array([sentence.angry for sentence in own])
    spoken = fit_text(texts, angry, LEAST_SEEN[TELEPHONE])
    rows = figures_of(Words(Lexicon.load(language), {}, {TEXT: written} if written else {}), texts)
    rows[:, _AT[TELEPHONE]] = out_of_fold(texts, angry, LEAST_SEEN[TELEPHONE])
    heads = fit_heads(rows, own, (_of_comments(Words(Lexicon.load(language), {}, {TELEPHONE: spoken}), comments), comments[1]) if comments else None)
    return {f"words-{language}.toml": to_toml(heads).encode(), f"{TELEPHONE}-{language}.tsv.gz": packed(spoken)}


def _of_comments(words: Words, comments: Labelled) -> Rows:
    rows = figures_of(words, comments[0])
    rows[:, _AT[TEXT]] = out_of_fold(*comments, LEAST_SEEN[TEXT])
    return rows


def main() -> None:
    """Write the parameters."""
    parser = argparse.ArgumentParser(description="Rebuild the parameters of the word model.")
    parser.add_argument("folder", type=Path, help="holds goemotions/train.tsv and banking77/train.csv")
    parser.add_argument("--out", type=Path, default=PARAMETERS, help="folder for the parameters; the shipped ones when left out")
    chosen = parser.parse_args()
    for name, content in trained(chosen.folder).items():
        (chosen.out / name).write_bytes(content)
        print(f"{chosen.out / name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
