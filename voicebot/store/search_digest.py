"""What is kept of a sealed call so that it can be found and counted: one pure function of its journal lines. It reads nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from voicebot.store.events import (
    AgentAnswered,
    AgentJoined,
    AgentLeft,
    AngerScored,
    BotSpoke,
    BriefingStarted,
    CallerSpoke,
    CallSealed,
    CallStarted,
    Decided,
    Event,
    Fault,
    HandoverDecided,
    Line,
    QueueEntered,
    QueueLeft,
)
from voicebot.store.search_terms import terms, wanted

NOT_UNDERSTOOD = "not understood"
"""So begins the reason of a decision for which nothing was known; see dialogue/policy.py."""
MOST_ALIKE = 12


@dataclass(frozen=True, slots=True)
class Digest:
    """One sealed call. `anger` is the highest score, None when none was scored; `wait_ms` runs from the queue to an agent's answer or to giving up,
    `talk_ms` from there to the end; both None when it did not come so far. `unanswered` are questions as they were heard."""

    call_id: str
    started_utc: datetime
    ani: str
    language: str
    outcome: str
    reason: str
    queue: str
    agent: str
    anger: float | None
    duration_ms: int
    wait_ms: int | None
    talk_ms: int | None
    briefed: bool
    unsure: int
    faults: int
    topics: tuple[str, ...]
    led: str
    """The entry that was answered last before the caller was handed over; empty for none."""
    unanswered: tuple[str, ...]
    terms: frozenset[str]


def digest(lines: Iterable[Line]) -> Digest | None:
    """The digest of one call's lines in order; None for a call that is not sealed."""
    record = tuple(lines)
    happened = [(line.t_ms, line.event) for line in record]
    begun, sealed = (happened[0][1], happened[-1][1]) if happened else (None, None)
    if not isinstance(begun, CallStarted) or not isinstance(sealed, CallSealed):
        return None
    events = [event for _, event in happened]
    handed = next((event for event in events if isinstance(event, HandoverDecided)), None)
    topics = tuple(dict.fromkeys(event.entry_id for event in events if isinstance(event, BotSpoke) and event.entry_id and event.heard_text))
    waited, talked = _times(happened)
    return Digest(
        call_id=record[0].call_id,
        started_utc=begun.at_utc,
        ani=begun.ani,
        language=begun.language,
        outcome=sealed.outcome,
        reason=handed.reason if handed else "",
        queue=next((event.queue for event in reversed(events) if isinstance(event, QueueEntered | HandoverDecided)), ""),
        agent=next((event.agent for event in reversed(events) if isinstance(event, AgentAnswered)), ""),
        anger=max((event.score for event in events if isinstance(event, AngerScored)), default=None),
        duration_ms=sealed.duration_ms,
        wait_ms=waited,
        talk_ms=talked,
        briefed=any(isinstance(event, BriefingStarted) for event in events),
        unsure=sum(isinstance(event, Decided) and event.reason.startswith(NOT_UNDERSTOOD) for event in events),
        faults=sum(isinstance(event, Fault) for event in events),
        topics=topics,
        led=topics[-1] if topics and handed else "",
        unanswered=tuple(_unanswered(events)),
        terms=frozenset().union(*(terms(event.text) for event in events if isinstance(event, CallerSpoke))),
    )


def alike(text: str) -> str:
    """The same for questions that hold the same words."""
    return " ".join(sorted(wanted(text))[:MOST_ALIKE])


def _unanswered(events: Sequence[Event]) -> Iterable[str]:
    asked = ""
    for event in events:
        if isinstance(event, CallerSpoke):
            asked = event.text
        elif isinstance(event, Decided):
            if asked and event.reason.startswith(NOT_UNDERSTOOD):
                yield asked
            asked = ""


def _times(happened: Sequence[tuple[int, Event]]) -> tuple[int | None, int | None]:
    queued = _first(happened, QueueEntered)
    answered, joined = _first(happened, AgentAnswered), _first(happened, AgentJoined)
    left = _first(happened[::-1], AgentLeft)
    given_up = _first(happened, QueueLeft)
    end = happened[-1][0]
    waited = None if queued is None else next(each for each in (answered, given_up, end) if each is not None) - queued
    return waited, None if joined is None else (left if left is not None and left > joined else end) - joined


def _first(happened: Sequence[tuple[int, Event]], kind: type[Event]) -> int | None:
    return next((t_ms for t_ms, event in happened if isinstance(event, kind)), None)
