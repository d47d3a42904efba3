"""A recording as a picture: how loud caller and bot are along the time, drawn from the file itself. It reads recordings and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from voicebot.errors import VoicebotError
from voicebot.handover.story import Felt
from voicebot.handover.written import ANGRY, TENSE

WIDTH, HEIGHT = 1_000, 96
COLUMNS = 500
HEADER_BYTES = 44
RATE_HZ, BLOCK_BYTES = 16_000, 4
"""As `telephony/recording.py` writes them: stereo pcm, caller left."""
FULL = 32_768


class AudioError(VoicebotError):
    """A recording that cannot be read."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """The loudest moment of each of COLUMNS slices of a recording, 0-1, caller and bot; `length_ms` is the whole."""

    caller: tuple[float, ...]
    bot: tuple[float, ...]
    length_ms: int


def inside(path: Path, folder: Path) -> Path:
    """The recording at `path`, if it lies in the folder of recordings. Raises AudioError for any other path and for one that is gone."""
    whole = path.resolve()
    if not whole.is_relative_to(folder.resolve()) or whole.suffix != ".wav" or not whole.is_file():
        raise AudioError("this recording is gone, or is kept elsewhere than [recording] folder says")
    return whole


def peaks(path: Path) -> Peaks:
    """Read a recording once. Raises AudioError."""
    try:
        size = path.stat().st_size - HEADER_BYTES
        blocks = max(0, size // BLOCK_BYTES)
        pcm = np.memmap(path, "<i2", "r", HEADER_BYTES, (blocks, 2)) if blocks else np.zeros((0, 2), "<i2")
    except OSError as error:
        raise AudioError(f"{path.name}: cannot be read: {error.strerror}") from None
    edges = np.linspace(0, blocks, COLUMNS + 1, dtype=np.int64)
    slices = [_loudest(pcm[first:last]) for first, last in pairwise(edges)]
    return Peaks(tuple(caller for caller, _ in slices), tuple(bot for _, bot in slices), blocks * 1_000 // RATE_HZ)


def wave(found: Peaks, felt: Sequence[Felt], start_ms: int, label: str) -> str:
    """Caller above and bot below the middle, the anger as a line across; SVG made of numbers alone. `label` must need no escaping."""
    middle, step = HEIGHT / 2, WIDTH / COLUMNS
    bars = "".join(
        f'<rect class="{who}" x="{at * step:g}" width="{step * 0.8:g}" y="{middle - high if who == "caller" else middle:.1f}" height="{high:.1f}"/>'
        for who, side in (("caller", found.caller), ("bot", found.bot))
        for at, share in enumerate(side)
        if (high := share**0.6 * (middle - 2)) >= 0.5
    )
    limits = "".join(f'<line class="limit" x1="0" x2="{WIDTH}" y1="{HEIGHT * (1 - at):g}" y2="{HEIGHT * (1 - at):g}"/>' for at in (TENSE, ANGRY))
    length = max(1, found.length_ms)
    places = [(WIDTH * (each.at_ms - start_ms) / length, HEIGHT * (1 - each.score)) for each in felt if 0 <= each.at_ms - start_ms <= length]
    anger = f'<polyline class="anger" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>' if len(places) > 1 else ""
    head = f'<line class="head-line" x1="0" x2="0" y1="0" y2="{HEIGHT}"/>'
    shape = f'viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none"'
    return f'<svg class="wave" {shape} role="img" aria-label="{label}">{limits}{bars}{anger}{head}</svg>'


def _loudest(piece: np.ndarray) -> tuple[float, float]:
    if not len(piece):
        return 0.0, 0.0
    highest, lowest = piece.max(axis=0).astype(np.int32), piece.min(axis=0).astype(np.int32)
    caller, bot = np.maximum(highest, -lowest) / FULL
    return min(1.0, float(caller)), min(1.0, float(bot))
