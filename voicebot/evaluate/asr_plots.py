"""Pictures of how well speech was recognised, as PNG files: what went wrong on each line, and whether confidence tells right from wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from voicebot.evaluate.asr import Figures, Heard

BINS = 10


def draw(folder: Path, found: Sequence[Figures], heard: Sequence[Heard]) -> list[Path]:
    """errors.png and confidence.png in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"errors.png": _errors(found), "confidence.png": _confidence(heard)}
    for name, picture in pictures.items():
        picture.savefig(folder / name, dpi=120)
    return [folder / name for name in pictures]


def _errors(found: Sequence[Figures]) -> Figure:
    picture = Figure(figsize=(7, 1.5 + 0.5 * len(found)), layout="constrained")
    axes = picture.add_subplot(xlabel="errors a word said")
    names, begin = [one.line for one in found], np.zeros(len(found))
    for kind in ("substituted", "deleted", "inserted"):
        shares = np.array([getattr(one.words, kind) / max(1, one.words.length) for one in found])
        axes.barh(names, shares, left=begin, label=kind)
        begin = begin + shares
    spread = np.array([[one.word_error - one.low for one in found], [one.high - one.word_error for one in found]])
    axes.errorbar(begin, names, xerr=np.maximum(0, spread), fmt="none", ecolor="black", capsize=3)
    axes.invert_yaxis()
    axes.legend(loc="best")
    return picture


def _confidence(heard: Sequence[Heard]) -> Figure:
    picture = Figure(figsize=(6, 4), layout="constrained")
    axes = picture.add_subplot(xlabel="confidence", ylabel="recordings", xlim=(0, 1))
    right = [one.transcript.confidence for one in heard if not one.words.count]
    wrong = [one.transcript.confidence for one in heard if one.words.count]
    axes.hist([right, wrong], bins=BINS, range=(0, 1), stacked=True, label=["every word right", "some wrong"])
    axes.legend(loc="best")
    return picture
