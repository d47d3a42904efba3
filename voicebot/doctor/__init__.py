"""`voicebot doctor`: what each job stands on, what that costs, the command that climbs, and what is broken. It changes nothing and starts no call.

The jobs and their rungs are those of the ladder in the design: what production runs, what is embedded, the last resort.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from voicebot.errors import VoicebotError
from voicebot.settings import Settings


class Standing(StrEnum):
    """How a job stands. LOWER: it works, on a lower rung than it could."""

    BEST = "best"
    LOWER = "lower"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `rung` is what the job stands on, `costs` what that means for callers, `climb` the command or setting that helps."""

    job: str
    standing: Standing
    rung: str
    costs: str = ""
    climb: str = ""


Check = Callable[[Settings], Iterable[Finding]]
"""Looks at one job. A VoicebotError it raises is that job's fault, in one line."""


def examine(settings: Settings, checks: Mapping[str, Check]) -> list[Finding]:
    """All findings, in the order of `checks`."""
    return [finding for job, check in checks.items() for finding in _looked_at(job, check, settings)]


def broken(findings: Iterable[Finding]) -> bool:
    """Whether anything does not work at all."""
    return any(finding.standing is Standing.BROKEN for finding in findings)


def summary(findings: Iterable[Finding]) -> Iterator[str]:
    """One line a job: what it stands on, and how to climb where it could stand higher."""
    for finding in findings:
        fault = " (broken)" if finding.standing is Standing.BROKEN else ""
        climb = f"; better: {finding.climb}" if finding.climb else ""
        yield f"{finding.job}: {finding.rung}{fault}{climb}"


def _looked_at(job: str, check: Check, settings: Settings) -> Iterator[Finding]:
    try:
        yield from check(settings)
    except VoicebotError as error:
        yield Finding(job, Standing.BROKEN, str(error))
