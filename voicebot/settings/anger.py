"""The section [anger] of the settings: whether callers' anger is looked for, and from where on each queue wants to be asked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

LogOdds = Annotated[float, Field(ge=0, le=10)]


class QueueLimits(BaseModel):
    """Log odds above the usual share of anger; see voicebot/emotion/fusion.py. Higher: fewer callers are handed over for being upset."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sharp: LogOdds = 3.6
    """One utterance this angry is enough."""
    sustained: LogOdds = 2.0
    """A level that holds for two utterances is enough."""
    support: LogOdds = 0.8
    """So much of it must come from words or behaviour: a voice alone never moves a call."""


class Anger(BaseModel):
    """Anger from voice and words."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    enabled: bool = True
    voice: bool = True
    """Analyse the voice in a worker process; else words and behaviour alone are weighed."""
    parameters: Literal["fitted", "by-hand"] = "fitted"
    """by-hand: round figures that no corpus was fitted for; weaker (models/anger.md)."""
    workers: Annotated[int, Field(gt=0, le=16)] = 1
    priority: bool = False
    """Who is upset comes before others in the queue. Off: it would teach shouting."""
    queues: dict[Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")], QueueLimits] = {}
    """Limits of a queue that wants others than the usual ones."""

    def limits(self, queue: str) -> QueueLimits:
        """What holds for `queue`."""
        return self.queues.get(queue, QueueLimits())
