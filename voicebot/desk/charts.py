"""Anger as a gauge and as a curve: small drawings made of numbers alone, so that no word of a caller can get into their markup. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from voicebot.handover.story import Felt
from voicebot.handover.written import ANGRY, TENSE, level

WIDTH, HEIGHT = 240, 72
RADIUS, MIDDLE = 52, 60


def gauge(felt: Felt | None, label: str) -> str:
    """A half circle filled as far as the latest anger goes, with its number; `label` is what a screen reader says."""
    score = felt.score if felt else 0.0
    track = _arc(1.0)
    filled = f'<path class="filled {level(felt)}" d="{_arc(score)}"/>' if score > 0 else ""
    number = f"{round(score * 100)}" if felt else "–"
    text = f'<text x="{MIDDLE}" y="58" text-anchor="middle">{number}</text>'
    return f'<svg class="gauge" viewBox="0 0 120 66" role="img" aria-label="{escape(label)}"><path class="track" d="{track}"/>{filled}{text}</svg>'


def curve(felt: Sequence[Felt], label: str) -> str:
    """Anger over the call, left to right in time, with the two limits as lines."""
    limits = "".join(f'<line class="limit" x1="0" x2="{WIDTH}" y1="{_y(at)}" y2="{_y(at)}"/>' for at in (TENSE, ANGRY))
    first, last = (felt[0].at_ms, felt[-1].at_ms) if felt else (0, 0)
    places = [(_x(each.at_ms, first, last), _y(each.score)) for each in felt]
    line = f'<polyline points="{" ".join(f"{x},{y}" for x, y in places)}"/>' if len(places) > 1 else ""
    dots = "".join(f'<circle class="{level(each)}" cx="{x}" cy="{y}" r="3.5"/>' for each, (x, y) in zip(felt, places, strict=True))
    return f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{limits}{line}{dots}</svg>'


def _arc(share: float) -> str:
    angle = math.pi * (1 - share)
    x, y = MIDDLE + RADIUS * math.cos(angle), MIDDLE - RADIUS * math.sin(angle)
    return f"M {MIDDLE - RADIUS} {MIDDLE} A {RADIUS} {RADIUS} 0 0 1 {x:.1f} {y:.1f}"


def _x(at_ms: int, first: int, last: int) -> float:
    return round(6 + (WIDTH - 12) * (at_ms - first) / (last - first), 1) if last > first else WIDTH / 2


def _y(score: float) -> float:
    return round(6 + (HEIGHT - 12) * (1 - score), 1)
