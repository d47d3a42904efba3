"""A call's record kept in memory, and told in lines a person can read."""

from __future__ import annotations

from collections.abc import Mapping
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
        self.closed = False
        """Whether the journal this belongs to takes no more."""
        self.outcome = ""
        self.sealed_by = ""
        self.wrongs: list[str] = []

    def append(self, t_ms: int, event: Event) -> None:
        if self.sealed or self.closed:
            self.wrongs.append(f"after the {'end of the journal' if self.closed else 'seal'}: {told(event)}")
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
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    text = _WORDS.get(type(event), type(event).__name__).format(**fields)
    for field, words in _SHADES.items():
        text += words[bool(fields[field])] if field in fields else ""
    return text


_WORDS: Mapping[type[Event], str] = {
    CallAnswered: "answered",
    NoticeGiven: "notice given",
    BotSpoke: "bot, {kind}: {text}",
    CallerSpoke: "caller: {text}",
    DigitPressed: "caller presses {key}",
    BargedIn: "caller speaks over the bot: {outcome}",
    Decided: "decided {decision}: {reason}",
    HandoverDecided: "handover to {queue}: {reason}",
    CallerHungUp: "caller hung up",
    Fault: "fault, {where}: {what}",
    OptedOut: "opted out of {what}",
    Recorded: "recording",
}
_SHADES: Mapping[str, tuple[str, str]] = {"cut": ("", " (cut)"), "priority": ("", ", urgent"), "recorded": ("", ", recorded"), "on": (" off", " on")}
