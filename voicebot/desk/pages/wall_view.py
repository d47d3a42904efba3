"""What the wall shows of calls, and who needs help first. Pure: stories and a clock's reading in, rows out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from voicebot.handover.story import Stage, Story
from voicebot.handover.written import TENSE, Level, level

Column = Literal["bot", "waiting", "agent"]
Alert = Literal["urgent", "angry", "rising", "wait", "unsure", "fault"]
COLUMNS: Mapping[Column, frozenset[Stage]] = {
    "bot": frozenset({"bot", "leaving"}),
    "waiting": frozenset({"queue", "ringing", "briefing"}),
    "agent": frozenset({"agent"}),
}
LONG_WAIT = timedelta(seconds=60)
UNSURE = 2
"""So often the bot may be unsure in one call before somebody should look."""
RISE = 0.15
"""By so much anger grows from one utterance to the next to count as rising."""
WEIGHTS: Mapping[Alert, int] = {"urgent": 16, "angry": 8, "wait": 6, "rising": 4, "unsure": 3, "fault": 2}
"""How much each calls for help."""


@dataclass(frozen=True, slots=True)
class Row:
    """One call on the wall; `anger` in per cent, None when none was scored."""

    call_id: str
    column: Column
    stage: Stage
    since_utc: datetime
    ani: str
    language: str
    topic: str
    """Id of the KB entry that was answered last; empty for none."""
    reason: str
    agent: str
    level: Level
    anger: int | None
    alerts: tuple[Alert, ...]

    @property
    def need(self) -> int:
        """How much this call needs help."""
        return sum(WEIGHTS[alert] for alert in self.alerts)


def rows(stories: Iterable[Story], now: datetime) -> tuple[Row, ...]:
    """Calls that are not over, those first that need help most, and of these the longest in their stage."""
    found = [row(story, column, now) for story in stories if (column := _column(story.stage))]
    return tuple(sorted(found, key=lambda each: (-each.need, each.since_utc, each.call_id)))


def row(story: Story, column: Column, now: datetime) -> Row:
    """One call as it stands now."""
    return Row(
        story.call_id,
        column,
        story.stage,
        story.since_utc,
        story.ani,
        story.language,
        story.answered[-1] if story.answered else "",
        story.reason,
        story.agent,
        level(story.last),
        round(story.last.score * 100) if story.last else None,
        alerts(story, now),
    )


def alerts(story: Story, now: datetime) -> tuple[Alert, ...]:
    """What about this call calls for a look, the most pressing first. Nobody is scored once an agent talks: that anger is from before."""
    waiting = story.stage in COLUMNS["waiting"] or story.stage == "leaving"
    found: dict[Alert, bool] = {
        "urgent": story.urgent and story.stage != "agent",
        "angry": level(story.last) == "angry",
        "wait": waiting and now - story.since_utc > LONG_WAIT,
        "rising": level(story.last) != "angry" and _rising(story),
        "unsure": story.unsure >= UNSURE,
        "fault": story.faults > 0,
    }
    return tuple(alert for alert in WEIGHTS if found[alert])


def _rising(story: Story) -> bool:
    steps = [later.score - before.score for before, later in pairwise(story.felt[-3:])]
    return bool(steps) and story.felt[-1].score >= TENSE and (steps[-1] >= RISE or (len(steps) > 1 and min(steps) > 0 and sum(steps) >= RISE))


def _column(stage: Stage) -> Column | None:
    return next((column for column, stages in COLUMNS.items() if stage in stages), None)
