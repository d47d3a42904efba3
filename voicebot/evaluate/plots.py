"""Pictures of an evaluation: the ROC curve and the reliability diagram as PNG files. It computes nothing of its own."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from voicebot.errors import EvaluationError
from voicebot.evaluate.metrics import Labels, Scores, reliability


def draw(folder: Path, scores: Scores, angry: Labels, calm: Labels) -> list[Path]:
    """roc.png and reliability.png in `folder`. Raises EvaluationError when there are not both kinds of recordings."""
    if not angry.any() or angry.all():
        raise EvaluationError("plots need angry and other recordings; this manifest has one kind")
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"roc.png": _roc(scores, angry, calm), "reliability.png": _reliability(scores, angry)}
    for name, picture in pictures.items():
        picture.savefig(folder / name, dpi=120)
    return [folder / name for name in pictures]


def _roc(scores: Scores, angry: Labels, calm: Labels) -> Figure:
    picture, axes = _square("others taken for angry", "angry found")
    for name, chosen in (("anger against calm", angry | calm), ("anger against all", angry | ~angry)):
        if not angry[chosen].all():
            accused, found, _ = roc_curve(angry[chosen], scores[chosen])
            axes.plot(accused, found, label=name)
    axes.legend(loc="lower right")
    return picture


def _reliability(scores: Scores, angry: Labels) -> Figure:
    picture, axes = _square("score", "share that is angry")
    bins = reliability(scores, angry)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot([part.score for part in bins], [part.angry for part in bins], marker="o")
    for part in bins:
        axes.annotate(str(part.count), (part.score, part.angry), textcoords="offset points", xytext=(4, -12), fontsize=8)
    return picture


def _square(x: str, y: str) -> tuple[Figure, Axes]:
    picture = Figure(figsize=(5, 5), layout="constrained")
    axes = picture.add_subplot(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.02))
    return picture, axes
