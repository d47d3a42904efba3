"""The pictures are drawn whatever the figures are."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.evaluate.asr import Heard, Recording, figures
from voicebot.evaluate.asr_plots import draw
from voicebot.values import Transcript

RIGHT = Heard(Recording(Path("a.wav"), "pay my bill"), Transcript("pay my bill", 0.9), 2_000, 1.0)
WRONG = Heard(Recording(Path("b.wav"), "yes"), Transcript("no no", 0.4), 2_000, 1.0)


@pytest.mark.parametrize("heard", [[RIGHT, WRONG], [RIGHT], [WRONG], []])
def test_both_pictures_are_written(tmp_path: Path, heard: list[Heard]) -> None:
    found = [figures(name, heard) for name in ("alaw", "ulaw, babble 10 dB")]
    pictures = draw(tmp_path / "new/folder", found, heard)
    assert [picture.name for picture in pictures] == ["errors.png", "confidence.png"]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
