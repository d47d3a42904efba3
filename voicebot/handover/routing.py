"""Which queue a caller goes to, before whom, and what the dialplan is told of him. Pure: the settings say it by reason, danger comes before all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from voicebot.dialogue.decisions import Style, Why
from voicebot.dialogue.steps import DANGERS
from voicebot.settings.handover import Handover, Way
from voicebot.settings.hours import open_at

MOST = 9
"""The highest priority that settings and a caller's profile can give."""
UPSET = 10
"""Of the upset, where [anger] priority has them come first."""
DANGER = 20
"""Of those in danger: the dialplan lets them wait for a person whatever the hour."""

ANGRY = frozenset({Why.UPSET, Why.ABUSE})
NOT_ASKED: Mapping[str, frozenset[Why]] = {"off": frozenset(Why), "calm": DANGERS | ANGRY, "all": DANGERS}
"""After which handovers nobody is asked for a mark, by [handover] survey."""


@dataclass(frozen=True, slots=True)
class Route:
    """Asterisk's queue, and QUEUE_PRIO in it."""

    queue: str
    priority: int

    @property
    def urgent(self) -> bool:
        """Whether the agent is told so."""
        return self.priority >= UPSET


def route(settings: Handover, why: Why, matter: str = "", urgent: bool = False, known: int = 0, *, wanted: str = "") -> Route:
    """Where a caller goes whose `matter` is one of `queues.MATTERS` or "". `urgent`: the policy wants him to come first; `known`: what his profile
    adds to the priority; `wanted`: the queue that a supervisor named."""
    danger = why in DANGERS
    matters = (why.name.lower(), "danger" if danger else matter)
    way = next((settings.queues[name] for name in matters if name in settings.queues), Way())
    priority = DANGER if danger else UPSET if urgent else min(way.priority + known, MOST)
    return Route(wanted or way.queue or settings.queue, priority)


def connecting(settings: Handover, way: Route, now: datetime) -> bool:
    """Whether the bot may say that it connects the caller: out of hours the dialplan says what is true instead. In danger, always."""
    return way.priority == DANGER or open_at(settings.hours, now)


def told_of(settings: Handover, way: Route, why: Why, style: Style = "neutral", briefing: Path | None = None) -> dict[str, str]:
    """What the dialplan is told, by channel variable. `style`: how the bot spoke to the caller last; `briefing`: where it lies, without extension."""
    asked = why not in NOT_ASKED[settings.survey] and (style != "calming" or settings.survey == "all")
    told = {
        "VOICEBOT_QUEUE": way.queue,
        "VOICEBOT_PRIORITY": str(way.priority),
        "VOICEBOT_REASON": why.value,
        "VOICEBOT_SURVEY": "1" if asked else "",
        "VOICEBOT_BRIEFING": str(briefing or ""),
    }
    return {name: value for name, value in told.items() if value}
