"""Pictures: two PNG files that show both curves, or one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voicebot.errors import EvaluationError
from voicebot.evaluate.plots import draw

SCORES = np.array([0.9, 0.7, 0.4, 0.1])
ANGRY = np.array([True, True, False, False])


@pytest.mark.parametrize("calm", [~ANGRY, np.zeros(4, bool)], ids=["with calm", "without calm"])
def test_both_pictures_are_drawn(tmp_path: Path, calm: np.ndarray) -> None:
    paths = draw(tmp_path / "plots", SCORES, ANGRY, calm)
    assert [path.name for path in paths] == ["roc.png", "reliability.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


@pytest.mark.parametrize("angry", [np.ones(4, bool), np.zeros(4, bool)], ids=["all angry", "none angry"])
def test_one_kind_alone_cannot_be_drawn(tmp_path: Path, angry: np.ndarray) -> None:
    with pytest.raises(EvaluationError, match="one kind"):
        draw(tmp_path, SCORES, angry, ~angry)
