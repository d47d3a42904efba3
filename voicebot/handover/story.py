"""One call as a person wants to know it, folded from its journal line by line: where the caller is, what was said, tried and felt.

Pure. Long numbers are masked on the way in. What a part that is missing would have told (anger, a better briefing) stays empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from voicebot.handover.briefing import masked
from voicebot.store import events
from voicebot.store.events import Event, Line

Stage = Literal["bot", "leaving", "queue", "ringing", "briefing", "agent", "over"]
"""leaving: on the way from the bot to the queue."""
HIGH = 1
"""Priority in the queue from which a call is urgent, where its record does not say."""


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance or phrase as it was heard; `cut` when the caller spoke into it, `sure` is the recogniser's confidence."""

    who: Literal["caller", "bot"]
    text: str
    at_ms: int
    cut: bool = False
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class Felt:
    """Anger of one utterance, 0-1, with the reasons, strongest first; `escalate` when it called for a person."""

    at_ms: int
    score: float
    evidence: tuple[str, ...] = ()
    escalate: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """An agent's phone that rang for the caller at `at_utc`; `answered` and `left` say what came of it."""

    agent: str
    at_utc: datetime
    answered: bool = False
    left: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """One call so far. `since_utc` is when it came to its stage, `holds` are the agents' phones that rang, in order."""

    call_id: str
    started_utc: datetime
    since_utc: datetime
    ani: str = ""
    dnis: str = ""
    language: str = "en"
    stage: Stage = "bot"
    said: tuple[Said, ...] = ()
    felt: tuple[Felt, ...] = ()
    answered: tuple[str, ...] = ()
    """KB entries that were answered, in order."""
    unsure: int = 0
    """How often the bot had to ask back or did not understand."""
    interruptions: int = 0
    keys: int = 0
    resumed: int = 0
    faults: int = 0
    opt_outs: frozenset[str] = frozenset()
    kind: str = ""
    """Of the latest turn that was classed, as the triage table names it."""
    customer: str = ""
    """Of a caller who has proved who he is: how the directory names him; else empty."""
    reason: str = ""
    urgent: bool = False
    briefing: str = ""
    queue: str = ""
    holds: tuple[Hold, ...] = ()
    offers: tuple[tuple[str, bool], ...] = ()
    """KB entries that were offered, each with whether the caller accepted."""
    better_need: str = ""
    """The need in a language model's words, checked against the record; empty for none."""
    outcome: str = ""

    @property
    def agent(self) -> str:
        """The extension that rings, hears the briefing or talks now; empty for none."""
        return self.holds[-1].agent if self.holds and self.stage in ("ringing", "briefing", "agent") else ""

    @property
    def last(self) -> Felt | None:
        """The latest anger, if any was scored."""
        return self.felt[-1] if self.felt else None

    @property
    def evidence(self) -> tuple[str, ...]:
        """What spoke of anger in the latest utterance in which anything did, strongest first."""
        return next((each.evidence for each in reversed(self.felt) if each.evidence), ())


def begin(line: Line) -> Story | None:
    """The story that a record's first line begins; None for any other line."""
    event = line.event
    if not isinstance(event, events.CallStarted):
        return None
    return Story(line.call_id, event.at_utc, event.at_utc, event.ani, event.dnis, event.language)


def told(lines: Iterable[Line]) -> Story | None:
    """The story of one call's lines in order; None without a start."""
    story: Story | None = None
    for line in lines:
        story = fold(story, line) if story else begin(line)
    return story


def fold(story: Story, line: Line) -> Story:
    """The story after one more line."""
    event = line.event
    changes = _BY_TYPE.get(type(event))
    changed = changes(story, event, line) if changes else {}
    if changed.get("stage", story.stage) != story.stage:
        changed["since_utc"] = line.at_utc
    return replace(story, **changed) if changed else story


Changes = dict[str, Any]


def _spoke(story: Story, event: events.CallerSpoke, _: Line) -> Changes:
    return {"said": (*story.said, Said("caller", masked(event.text), event.start_ms, sure=event.confidence))} if event.text else {}


def _bot(story: Story, event: events.BotSpoke, _: Line) -> Changes:
    if not event.heard_text:
        return {}
    answered = (*story.answered, event.entry_id) if event.entry_id and event.entry_id not in story.answered else story.answered
    return {"said": (*story.said, Said("bot", event.heard_text, event.start_ms, event.cut)), "answered": answered}


def _decided(story: Story, event: events.Decided, _: Line) -> Changes:
    known: Changes = {"kind": event.kind or story.kind, "customer": _proved(event.state) or story.customer}
    if event.decision == "Reply":
        return known if event.entry_id else known | {"unsure": story.unsure + ("understood" in event.reason)}
    return known | {"unsure": story.unsure + 1} if event.decision == "Clarify" else known


def _proved(state: Mapping[str, Any]) -> str:
    errand = state.get("errand")
    return str(errand.get("customer", "")) if isinstance(errand, dict) and errand.get("verified") is True else ""


def _handed(_story: Story, event: events.HandoverDecided, _: Line) -> Changes:
    urgent = event.priority >= HIGH if event.urgent is None else event.urgent
    return {"stage": "leaving", "reason": event.reason, "urgent": urgent, "briefing": event.briefing, "queue": event.queue}


def _rang(story: Story, event: events.AgentRang, line: Line) -> Changes:
    return {"stage": "ringing", "holds": (*story.holds, Hold(event.agent, line.at_utc))}


def _answered(story: Story, event: events.AgentAnswered, line: Line) -> Changes:
    known = story.holds and story.holds[-1].agent == event.agent and not story.holds[-1].left
    earlier, hold = (story.holds[:-1], story.holds[-1]) if known else (story.holds, Hold(event.agent, line.at_utc))
    return {"stage": "agent" if not story.briefing else "briefing", "holds": (*earlier, replace(hold, answered=True))}


def _left(story: Story, event: events.AgentLeft, _: Line) -> Changes:
    holds = tuple(replace(hold, left=True) if hold.agent == event.agent else hold for hold in story.holds)
    return {"stage": "over" if story.stage == "agent" else "queue", "holds": holds}


def _sealed(story: Story, event: events.CallSealed, _: Line) -> Changes:
    return {"stage": "over", "outcome": event.outcome, "holds": tuple(replace(hold, left=True) for hold in story.holds)}


def _anger(story: Story, event: events.AngerScored, line: Line) -> Changes:
    score = min(1.0, max(0.0, event.score))
    return {"felt": (*story.felt, Felt(line.t_ms, score, tuple(masked(each) for each in event.evidence), event.escalate))}


_BY_TYPE: Mapping[type[Event], Callable[..., Changes]] = {
    events.CallerSpoke: _spoke,
    events.BotSpoke: _bot,
    events.Decided: _decided,
    events.HandoverDecided: _handed,
    events.AgentRang: _rang,
    events.AgentAnswered: _answered,
    events.AgentLeft: _left,
    events.CallSealed: _sealed,
    events.AngerScored: _anger,
    events.CallAnswered: lambda _story, _event, _line: {"stage": "bot"},
    events.DigitPressed: lambda story, _event, _line: {"keys": story.keys + 1},
    events.BargedIn: lambda story, event, _line: {"interruptions": story.interruptions + (event.outcome == "taken")},
    events.Resumed: lambda story, _event, _line: {"resumed": story.resumed + 1},
    events.Fault: lambda story, _event, _line: {"faults": story.faults + 1},
    events.OptedOut: lambda story, event, _line: {"opt_outs": story.opt_outs | {event.what}},
    events.OfferAnswered: lambda story, event, _line: {"offers": (*story.offers, (event.entry_id, event.accepted))},
    events.BriefingImproved: lambda story, event, _line: {"better_need": masked(event.need) or story.better_need},
    events.QueueEntered: lambda _story, event, _line: {"stage": "queue", "queue": event.queue},
    events.QueueLeft: lambda _story, _event, _line: {"stage": "over"},
    events.BriefingStarted: lambda _story, _event, _line: {"stage": "briefing"},
    events.AgentJoined: lambda _story, _event, _line: {"stage": "agent"},
    events.CallerHungUp: lambda _story, _event, _line: {"stage": "over"},
}
