"""How soon a caller's turn is taken for over, and how often too soon: the adaptive hold beside every fixed one, on the same heard audio. Pure.

What an ear heard is gone through again with other holds, so that all points of a curve come from one recognition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

from voicebot.settings import Turns
from voicebot.speech.endpointing import Endpointing, UtteranceEnded
from voicebot.testbed.overlap import Noted

FIXED_MS = tuple(range(200, 1_301, 100))
SCALES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0, 2.5)
BANDS_MS = ((0, 0), (200, 400), (400, 650), (650, 900))
"""Pauses inside a turn, by length; the first: turns without one."""
GOAL_CUT, GOAL_MS = 0.05, 500


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a caller as it was heard. Its speech ends at `end_ms`; `pause_ms` is the longest pause put into it, 0 for none."""

    name: str
    pause_ms: int
    end_ms: int
    noted: Noted


@dataclass(frozen=True, slots=True)
class Point:
    """One way to hold. `cut`: share of turns ended before their speech did. Delays are from the end of speech to the end of the turn, over turns
    that were not cut; `by_band` is the share cut by pause band."""

    name: str
    turns: int
    cut: float
    median_ms: float
    p95_ms: float
    by_band: tuple[float, ...]
    adaptive: bool


def scaled(turns: Turns, by: float) -> Turns:
    """All three holds longer or shorter."""
    names = ("hold_complete_ms", "hold_ms", "hold_hanging_ms")
    return turns.model_copy(update={name: round(getattr(turns, name) * by) for name in names})


def fixed(turns: Turns, hold_ms: int) -> Turns:
    """One hold whatever was said."""
    return turns.model_copy(update=dict.fromkeys(("hold_complete_ms", "hold_ms", "hold_hanging_ms"), hold_ms))


def ended_ms(noted: Noted, turns: Turns) -> tuple[int, ...]:
    """When turns would have ended with these holds, by the same frames and verdicts."""
    endpointing = Endpointing(turns)
    due = list(noted.verdicts)
    ends: list[int] = []
    for voiced, stirring in noted.frames:
        events = list(endpointing.frame(voiced, stirring))
        while due and due[0][0] <= endpointing.now_ms:
            _, paused_at_ms, verdict = due.pop(0)
            events += endpointing.verdict(paused_at_ms, verdict)
        ends += [endpointing.now_ms for event in events if isinstance(event, UtteranceEnded)]
    return tuple(ends)


def point(name: str, heard: Sequence[Turn], turns: Turns, adaptive: bool) -> Point:
    """What these holds come to over all turns."""
    ends = {turn.name: ended_ms(turn.noted, turns) for turn in heard}
    cut = {turn.name: any(end_ms < turn.end_ms for end_ms in ends[turn.name]) for turn in heard}
    delays = sorted(ends[turn.name][-1] - turn.end_ms for turn in heard if ends[turn.name] and not cut[turn.name])
    bands = [[cut[turn.name] for turn in heard if low <= turn.pause_ms <= high] for low, high in BANDS_MS]
    p95_ms = quantiles(delays, n=20)[-1] if len(delays) > 1 else float("nan")
    mean = tuple(sum(band) / len(band) if band else float("nan") for band in bands)
    return Point(name, len(heard), sum(cut.values()) / len(heard), median(delays) if delays else float("nan"), p95_ms, mean, adaptive)


def curves(heard: Sequence[Turn], turns: Turns) -> tuple[Point, ...]:
    """The adaptive hold at several scales, then every fixed hold."""
    adaptive = [point(f"adaptive × {by:g}", heard, scaled(turns, by), True) for by in SCALES]
    return (*adaptive, *(point(f"fixed {ms} ms", heard, fixed(turns, ms), False) for ms in FIXED_MS))


def unbeaten(points: Iterable[Point]) -> tuple[str, ...]:
    """The fixed holds for which no adaptive point is at least as good in both."""
    found = list(points)
    better = [one for one in found if one.adaptive]
    return tuple(
        one.name for one in found if not one.adaptive and not any(each.cut <= one.cut and each.median_ms <= one.median_ms for each in better)
    )


def met(points: Iterable[Point]) -> bool:
    """Whether the adaptive hold as it is set is within the goal: at most 5 % cut at a median of 500 ms."""
    return any(one.name == "adaptive × 1" and one.cut <= GOAL_CUT and one.median_ms <= GOAL_MS for one in points)


def table(points: Iterable[Point]) -> str:
    """For a person."""
    bands = "  ".join(f"{low}-{high}".rjust(9) if high else "no pause".rjust(9) for low, high in BANDS_MS)
    lines = [f"{'hold':<16}{'cut':>7}{'median':>9}{'p95':>9}   cut by pause ms: {bands}"]
    for one in points:
        shares = "  ".join(f"{share:9.1%}" for share in one.by_band)
        lines.append(f"{one.name:<16}{one.cut:7.1%}{one.median_ms:7.0f} ms{one.p95_ms:6.0f} ms{'':>20}{shares}")
    return "\n".join(lines)


def plain(points: Iterable[Point]) -> list[dict[str, Any]]:
    """For a program."""
    return [asdict(one) for one in points]
