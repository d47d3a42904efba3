"""Calls by outcome along the time as stacked bars, each a link to its calls. SVG made of our own numbers and escaped words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from voicebot.desk.pages.calls_query import written
from voicebot.desk.pages.figures import calls_link
from voicebot.store.search_insight import Hour

OUTCOMES = ("contained", "handed_over", "abandoned", "failed", "lost")
"""From the bottom up."""
WIDTH, HEIGHT, FOOT = 1_000, 150, 18
LABELS = 12
"""So many bars may have a name below them; of more, every second or third has."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Calls by outcome from `begun` on and before `ended`; `name` is what stands below."""

    name: str
    begun: datetime
    ended: datetime
    calls: Mapping[str, int]


def bars(hours: Iterable[Hour], since_utc: datetime, until_utc: datetime, *, by_day: bool) -> tuple[Bar, ...]:
    """One bar a local day, or a local hour, without a gap from `since_utc` to `until_utc`."""
    counted: dict[datetime, Counter[str]] = {}
    for hour in hours:
        counted.setdefault(_begin(hour.begun_utc, by_day), Counter())[hour.outcome] += hour.calls
    return tuple(
        Bar(f"{begun:%d.%m.}" if by_day else f"{begun:%H}", begun, ended, counted.get(begun, Counter()))
        for begun, ended in _steps(since_utc, until_utc, by_day)
    )


def stacked(found: Sequence[Bar], label: str, names: Mapping[str, str]) -> str:
    """The drawing; `label` is what a screen reader says, `names` the outcomes in words."""
    highest = max((sum(each.calls.values()) for each in found), default=0) or 1
    step, every = WIDTH / max(1, len(found)), -(-len(found) // LABELS)
    pieces = "".join(piece for at, each in enumerate(found) for piece in _pieces(each, at * step, step, highest, names))
    middle = 'text-anchor="middle"'
    texts = "".join(
        f'<text x="{(at + 0.5) * step:.1f}" y="{HEIGHT - 5}" {middle}>{escape(each.name)}</text>' for at, each in enumerate(found) if at % every == 0
    )
    return f'<svg class="stack" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{pieces}{texts}</svg>'


def _pieces(each: Bar, x: float, step: float, highest: int, names: Mapping[str, str]) -> Iterator[str]:
    y = float(HEIGHT - FOOT)
    for outcome in OUTCOMES:
        if calls := each.calls.get(outcome, 0):
            high = calls / highest * (HEIGHT - FOOT - 4)
            y -= high
            link = escape(calls_link(since=written(each.begun), until=written(each.ended), outcome=outcome))
            told = escape(f"{each.name} {names[outcome]}: {calls}")
            shape = f'x="{x + step * 0.1:.1f}" y="{y:.1f}" width="{step * 0.8:.1f}" height="{high:.1f}"'
            yield f'<a href="{link}"><rect class="{outcome}" {shape}><title>{told}</title></rect></a>'


def _steps(since_utc: datetime, until_utc: datetime, by_day: bool) -> Iterator[tuple[datetime, datetime]]:
    begun, until = _begin(since_utc, by_day), until_utc.astimezone()
    while begun < until:
        ended = _begin(begun + timedelta(hours=36 if by_day else 1, minutes=0 if by_day else 1), by_day)
        yield begun, ended
        begun = ended


def _begin(moment: datetime, by_day: bool) -> datetime:
    local = moment.astimezone().replace(minute=0, second=0, microsecond=0)
    return local.replace(hour=0, tzinfo=None).astimezone() if by_day else local
