"""A call's record kept in memory, and told in lines a person can read."""

from __future__ import annotations

from typing import Any, TypeVar

from voicebot.store.events import (
    BargedIn,
    BotSpoke,
    CallAnswered,
    CallerHungUp,
    CallerSpoke,
    Decided,
    DigitPressed,
    Event,
    Fault,
    HandoverDecided,
    NoticeGiven,
    OptedOut,
    Recorded,
    TurnMeasured,
)
from voicebot.store.journal import CallJournal

E = TypeVar("E", bound=Event)


class Record(CallJournal):
    """Keeps what is appended; what must never happen to a record is kept in `wrongs`, since a call may not raise for it."""

    def __init__(self, call_id: str = "c1") -> None:
        self.call_id = call_id
        self.lines: list[tuple[int, Event]] = []
        self.sealed = False
        self.outcome = ""
        self.sealed_by = ""
        self.wrongs: list[str] = []

    def append(self, t_ms: int, event: Event) -> None:
        if self.sealed:
            self.wrongs.append(f"after the seal: {told(event)}")
        self.lines.append((t_ms, event))

    def seal(self, t_ms: int, outcome: Any, by: str) -> bool:
        if self.sealed:
            self.wrongs.append("sealed twice")
        self.sealed, self.outcome, self.sealed_by = True, outcome, by
        return True

    @property
    def story(self) -> list[str]:
        """The events in order, one line each; `measured` lines are left out, they follow every turn of speech."""
        return [told(event) for _, event in self.lines if not isinstance(event, TurnMeasured)]

    def of(self, kind: type[E]) -> list[E]:
        return [event for _, event in self.lines if isinstance(event, kind)]


def told(event: Event) -> str:
    """One event in words, without times."""
    match event:
        case CallAnswered():
            return "answered"
        case NoticeGiven(recorded=recorded):
            return "notice given, recorded" if recorded else "notice given"
        case BotSpoke(text=text, kind=kind, cut=cut):
            return f"bot, {kind}: {text}{' (cut)' if cut else ''}"
        case CallerSpoke(text=text):
            return f"caller: {text}"
        case DigitPressed(key=key):
            return f"caller presses {key}"
        case BargedIn(outcome=outcome):
            return f"caller speaks over the bot: {outcome}"
        case Decided(decision=decision, reason=reason):
            return f"decided {decision}: {reason}"
        case HandoverDecided(reason=reason, queue=queue, priority=priority):
            return f"handover to {queue}{' at once' if priority else ''}: {reason}"
        case CallerHungUp():
            return "caller hung up"
        case Fault(where=where, what=what):
            return f"fault, {where}: {what}"
        case OptedOut(what=what):
            return f"opted out of {what}"
        case Recorded(on=on):
            return f"recording {'on' if on else 'off'}"
    return type(event).__name__
