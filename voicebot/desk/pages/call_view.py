"""One call's record as its page shows it: what happened when, in order; where its audio begins; how long each stage took. Pure.

Long numbers are masked; the words stay text, and whoever shows them shows them as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from voicebot.desk.wording import saying, table, why
from voicebot.handover import evidence
from voicebot.handover.briefing import masked
from voicebot.store import events
from voicebot.store.events import Event, Line

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
    latency: tuple[tuple[int, events.TurnMeasured], ...]
    """Per turn, with the moment at which it was measured."""
    briefing: str
    sealed: events.CallSealed | None


def view(lines: Iterable[Line], language: str = "en") -> CallView:
    """The view of one call's lines in order, told in the words of `language`."""
    happened = [(line.t_ms, line.event) for line in lines]
    moments = [made(t_ms, event, language) for t_ms, event in happened if (made := _BY_TYPE.get(type(event)))]
    briefings = [told for _, event in happened if (told := _briefing(event))]
    return CallView(
        tuple(sorted(moments, key=lambda moment: moment.at_ms)),
        tuple(_parts(happened)),
        tuple((t_ms, event) for t_ms, event in happened if isinstance(event, events.TurnMeasured)),
        briefings[-1] if briefings else "",
        next((event for _, event in happened if isinstance(event, events.CallSealed)), None),
    )


def clock(at_ms: int) -> str:
    """A moment of a call, as 3:07."""
    return f"{at_ms // 60_000}:{at_ms // 1_000 % 60:02d}"


def _parts(happened: Iterable[tuple[int, Event]]) -> Iterable[Part]:
    begun: set[str] = set()
    for t_ms, event in happened:
        if isinstance(event, events.Recorded) and event.on and event.path and event.path not in begun:
            begun.add(event.path)
            yield Part(Path(event.path), t_ms)


def _briefing(event: Event) -> str:
    return event.briefing if isinstance(event, events.HandoverDecided) else event.spoken if isinstance(event, events.BriefingImproved) else ""


def _caller(_: int, event: events.CallerSpoke, _language: str) -> Moment:
    return Moment(event.start_ms, "caller", masked(event.text), mark=f"{round(event.confidence * 100)} %")


def _bot(_: int, event: events.BotSpoke, _language: str) -> Moment:
    whole, heard = masked(event.text), masked(event.heard_text)
    unheard = whole[len(heard) :] if event.cut and whole.startswith(heard) else ""
    return Moment(event.start_ms, "bot", heard, unheard, event.entry_id or "")


def _decided(t_ms: int, event: events.Decided, language: str) -> Moment:
    weighed = f" ({', '.join(event.alternatives)})" if event.alternatives else ""
    told = _word(language, "decisions", event.decision)
    return Moment(t_ms, "decided", f"{told}: {masked(why(event.reason, language))}{weighed}", mark=event.entry_id or "")


def _angry(t_ms: int, event: events.AngerScored, language: str) -> Moment:
    reasons = "; ".join(masked(evidence.whole(each, language)) for each in event.evidence)
    told = saying(language)("insight.anger", score=round(event.score * 100))
    return Moment(t_ms, "event", told + (f": {reasons}" if reasons else ""), mark="!" if event.escalate else "")


def _barged(_: int, event: events.BargedIn, language: str) -> Moment:
    return Moment(event.at_ms, "event", saying(language)(f"course.barge_{event.outcome}"), mark=f"{event.silent_after_ms} ms")


def _plain(kind: Kind, key: str, **tables: str) -> Callable[[int, Any, str], Moment]:
    """The words of `course.key`, their gaps filled with the event's fields; `tables` names the table of words for what stands in a field."""

    def made(t_ms: int, event: Any, language: str) -> Moment:
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        told = {name: _word(language, tables[name], str(value)) if name in tables else value for name, value in fields.items()}
        return Moment(t_ms, kind, masked(saying(language)(f"course.{key}", **told)).strip())

    return made


def _word(language: str, section: str, value: str) -> str:
    """The words for a value; one that the table does not know stands as it is."""
    return why(value, language) if section == "reasons" else table(language).get(f"{section}.{value}", value)


_BY_TYPE: Mapping[type[Event], Callable[[int, Any, str], Moment]] = {
    events.CallStarted: _plain("event", "started"),
    events.CallerSpoke: _caller,
    events.BotSpoke: _bot,
    events.Decided: _decided,
    events.AngerScored: _angry,
    events.DigitPressed: _plain("caller", "pressed"),
    events.BargedIn: _barged,
    events.HandoverDecided: _plain("event", "handover", reason="reasons"),
    events.QueueEntered: _plain("event", "queued"),
    events.QueueLeft: _plain("event", "queue_left", why="ends"),
    events.NobodyThere: _plain("event", "nobody", why="ends"),
    events.CallbackRequested: _plain("caller", "callback"),
    events.SurveyAnswered: _plain("caller", "survey", by="parties", mark="marks"),
    events.AgentRang: _plain("event", "rang"),
    events.AgentAnswered: _plain("event", "answered"),
    events.AgentJoined: _plain("event", "joined"),
    events.AgentLeft: _plain("event", "agent_left", why="ends"),
    events.CallerHungUp: _plain("event", "hung_up"),
    events.Resumed: _plain("fault", "resumed"),
    events.Fault: _plain("fault", "fault"),
    events.CallSealed: _plain("event", "sealed", by="parties", outcome="outcome"),
}
