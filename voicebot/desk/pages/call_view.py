"""One call's record as its page shows it: what happened when, in order; where its audio begins; how long each stage took. Pure.

Long numbers are masked; the words stay text, and whoever shows them shows them as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from voicebot.handover.briefing import masked
from voicebot.store.events import (
    AgentAnswered,
    AgentJoined,
    AgentLeft,
    AgentRang,
    AngerScored,
    BargedIn,
    BotSpoke,
    BriefingImproved,
    CallerHungUp,
    CallerSpoke,
    CallSealed,
    CallStarted,
    Decided,
    DigitPressed,
    Event,
    Fault,
    HandoverDecided,
    Line,
    QueueEntered,
    QueueLeft,
    Recorded,
    Resumed,
    TurnMeasured,
)

Kind = Literal["caller", "bot", "decided", "event", "fault"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One row of the course: `what` happened `at_ms`; `unheard` is what the caller kept the bot from saying, `mark` a short remark."""

    at_ms: int
    kind: Kind
    what: str
    unheard: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One recording of the call; it begins at `start_ms` of the call."""

    path: Path
    start_ms: int


@dataclass(frozen=True, slots=True)
class CallView:
    """All that the page shows of a record."""

    moments: tuple[Moment, ...]
    parts: tuple[Part, ...]
    latency: tuple[tuple[int, TurnMeasured], ...]
    """Per turn, with the moment at which it was measured."""
    briefing: str
    sealed: CallSealed | None


def view(lines: Iterable[Line]) -> CallView:
    """The view of one call's lines in order."""
    happened = [(line.t_ms, line.event) for line in lines]
    moments = [moment for t_ms, event in happened if (moment := _moment(t_ms, event))]
    briefings = [told for _, event in happened if (told := _briefing(event))]
    return CallView(
        tuple(sorted(moments, key=lambda moment: moment.at_ms)),
        tuple(_parts(happened)),
        tuple((t_ms, event) for t_ms, event in happened if isinstance(event, TurnMeasured)),
        briefings[-1] if briefings else "",
        next((event for _, event in happened if isinstance(event, CallSealed)), None),
    )


def clock(at_ms: int) -> str:
    """A moment of a call, as 3:07."""
    return f"{at_ms // 60_000}:{at_ms // 1_000 % 60:02d}"


def _parts(happened: Iterable[tuple[int, Event]]) -> Iterable[Part]:
    begun: set[str] = set()
    for t_ms, event in happened:
        if isinstance(event, Recorded) and event.on and event.path and event.path not in begun:
            begun.add(event.path)
            yield Part(Path(event.path), t_ms)


def _briefing(event: Event) -> str:
    return event.briefing if isinstance(event, HandoverDecided) else event.spoken if isinstance(event, BriefingImproved) else ""


def _moment(t_ms: int, event: Event) -> Moment | None:
    made = _BY_TYPE.get(type(event))
    return made(t_ms, event) if made else None


def _bot(_: int, event: BotSpoke) -> Moment:
    whole, heard = masked(event.text), masked(event.heard_text)
    unheard = whole[len(heard) :] if event.cut and whole.startswith(heard) else ""
    return Moment(event.start_ms, "bot", heard, unheard, event.entry_id or "")


def _decided(t_ms: int, event: Decided) -> Moment:
    weighed = f" ({', '.join(event.alternatives)})" if event.alternatives else ""
    return Moment(t_ms, "decided", f"{event.decision}: {masked(event.reason)}{weighed}", mark=event.entry_id or "")


def _angry(t_ms: int, event: AngerScored) -> Moment:
    why = "; ".join(masked(each) for each in event.evidence)
    return Moment(t_ms, "event", f"anger {round(event.score * 100)}" + (f": {why}" if why else ""), mark="!" if event.escalate else "")


def _plain(kind: Kind, told: str) -> Callable[[int, Any], Moment]:
    def made(t_ms: int, event: Any) -> Moment:
        return Moment(t_ms, kind, masked(told.format(event=event)).strip())

    return made


_BY_TYPE: Mapping[type[Event], Callable[[int, Any], Moment]] = {
    CallStarted: _plain("event", "call to {event.dnis}, {event.language}"),
    CallerSpoke: lambda _, event: Moment(event.start_ms, "caller", masked(event.text), mark=f"{round(event.confidence * 100)} %"),
    BotSpoke: _bot,
    Decided: _decided,
    AngerScored: _angry,
    DigitPressed: _plain("caller", "[{event.key}]"),
    BargedIn: lambda _, event: Moment(event.at_ms, "event", f"barge-in: {event.outcome}", mark=f"{event.silent_after_ms} ms"),
    HandoverDecided: _plain("event", "handover to {event.queue}: {event.reason}"),
    QueueEntered: _plain("event", "queue {event.queue}"),
    QueueLeft: _plain("event", "queue {event.queue} left: {event.why}"),
    AgentRang: _plain("event", "rings at {event.agent}"),
    AgentAnswered: _plain("event", "{event.agent} answers, hears the briefing"),
    AgentJoined: _plain("event", "{event.agent} and caller talk"),
    AgentLeft: _plain("event", "{event.agent} leaves: {event.why}"),
    CallerHungUp: _plain("event", "caller hangs up"),
    Resumed: _plain("fault", "taken over by another controller after {event.gap_ms} ms: {event.reason}"),
    Fault: _plain("fault", "fault, {event.where}: {event.what}"),
    CallSealed: _plain("event", "sealed by {event.by}: {event.outcome}"),
}
