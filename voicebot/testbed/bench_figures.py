"""Figures beside their bars, as a table for people and as JSON for programs, and how trials become figures. Pure.

The bars are those of the design's table of turn figures.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.table import Table

from voicebot.testbed import measure

Unit = Literal["ms", "s", "%", ""]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number; `bar` is what it must reach, None when it is only told. `at_most`: lower is better."""

    name: str
    measured: float
    unit: Unit = ""
    bar: float | None = None
    at_most: bool = True

    @property
    def passed(self) -> bool | None:
        """None without a bar. What could not be measured (nan) never passes."""
        if self.bar is None:
            return None
        return self.measured <= self.bar if self.at_most else self.measured >= self.bar

    @property
    def target(self) -> str:
        return "" if self.bar is None else f"{'≤' if self.at_most else '≥'} {_number(self.bar, self.unit)}"

    @property
    def told(self) -> str:
        return _number(self.measured, self.unit)


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gives: figures, and each trial as it went."""

    figures: tuple[Figure, ...]
    trials: tuple[Mapping[str, Any], ...] = ()

    @property
    def passed(self) -> bool:
        """No figure misses its bar."""
        return all(figure.passed is not False for figure in self.figures)


def spread(name: str, values_ms: Sequence[float], bars: Mapping[str, float]) -> tuple[Figure, ...]:
    """p50, p95 and worst of `values_ms` with how many there are; `bars` by "p50", "p95", "worst"."""
    found = measure.figures(values_ms)
    return tuple(Figure(f"{name} {which} (n={found.count})", getattr(found, which), "ms", bars.get(which)) for which in ("p50", "p95", "worst"))


def share(name: str, hits: int, of: int, bar: float | None, at_most: bool) -> Figure:
    """`hits` of `of` in per cent; nan when nothing was tried."""
    return Figure(f"{name} ({hits} of {of})", 100 * hits / of if of else math.nan, "%", bar, at_most)


def table(title: str, figures: Sequence[Figure]) -> Table:
    shown = Table(title=title, title_justify="left")
    for column in ("figure", "target", "measured", ""):
        shown.add_column(column, justify="right" if column in {"target", "measured"} else "left")
    for figure in figures:
        verdict = {None: "", True: "[green]pass[/]", False: "[bold red]FAIL[/]"}[figure.passed]
        shown.add_row(figure.name, figure.target, figure.told, verdict)
    return shown


def to_json(results: Mapping[str, Result]) -> str:
    """One object by name of run; what is infinite or was not measured is null."""
    return json.dumps({name: _plain(result) for name, result in results.items()}, ensure_ascii=False, indent=2)


def _plain(result: Result) -> dict[str, Any]:
    figures = [{"name": f.name, "measured": _finite(f.measured), "unit": f.unit, "target": f.target, "passed": f.passed} for f in result.figures]
    trials = [{key: _finite(value) for key, value in trial.items()} for trial in result.trials]
    return {"passed": result.passed, "figures": figures, "trials": trials}


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 1) if math.isfinite(value) else None
    return value


def _number(value: float, unit: Unit) -> str:
    if math.isnan(value):
        return "not measured"
    if math.isinf(value):
        return "never"
    if unit == "%" and abs(value) < 10:
        return f"{value:.2g} %"
    return f"{value:.1f} {unit}" if unit == "s" else f"{value:,.0f} {unit}".strip()
