"""Calls in the shapes that other systems get: from the REST interface and in webhooks. Pure; a field is only ever added."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from voicebot.handover.story import Story
from voicebot.handover.written import Level, Written, level


class CallRow(BaseModel):
    """One call in a list."""

    call_id: str
    started_utc: datetime
    number: str
    hotline: str
    language: str
    stage: str
    reason: str
    urgent: bool
    anger: Level
    agent: str
    outcome: str


class Phrase(BaseModel):
    """What was said, as it was heard."""

    who: str
    text: str
    at_ms: int
    interrupted: bool


class AngerPoint(BaseModel):
    """Anger at one moment, 0-1, with what was heard."""

    at_ms: int
    score: float
    evidence: list[str]


class BriefingText(BaseModel):
    """The written briefing."""

    headline: str
    need: str
    facts: dict[str, str]
    tried: list[str]
    opening: str
    ask: list[str]
    next_step: str


class CallDetail(CallRow):
    """One call, whole."""

    briefing: BriefingText
    transcript: list[Phrase]
    anger_curve: list[AngerPoint]


def row(story: Story) -> dict[str, object]:
    """A call as it stands in a list, and in what webhooks are told."""
    return {
        "call_id": story.call_id,
        "started_utc": story.started_utc,
        "number": story.ani,
        "hotline": story.dnis,
        "language": story.language,
        "stage": story.stage,
        "reason": story.reason,
        "urgent": story.urgent,
        "anger": level(story.last),
        "agent": story.agent or next((hold.agent for hold in reversed(story.holds) if hold.answered), ""),
        "outcome": story.outcome,
    }


def briefing(brief: Written) -> BriefingText:
    """The written briefing as data."""
    return BriefingText(
        headline=brief.headline,
        need=brief.need,
        facts=dict(brief.facts),
        tried=list(brief.tried),
        opening=brief.opening,
        ask=list(brief.ask),
        next_step=brief.next_step,
    )


def detail(story: Story, brief: Written) -> CallDetail:
    """All of a call."""
    return CallDetail.model_validate(
        {
            **row(story),
            "briefing": briefing(brief),
            "transcript": [Phrase(who=each.who, text=each.text, at_ms=each.at_ms, interrupted=each.cut) for each in story.said],
            "anger_curve": [AngerPoint(at_ms=each.at_ms, score=each.score, evidence=list(each.evidence)) for each in story.felt],
        }
    )
