"""A call's record kept in memory, and told in lines a person can read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar, cast

from voicebot.store import events
from voicebot.store.events import Event, Line, Outcome, encode, tag
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal

E = TypeVar("E", bound=Event)
BEGUN = events.CallStarted("0201555777", "100", "en", "c1", datetime(2026, 3, 14, 9, 26, tzinfo=UTC))


class _Memory:
    """Stands for the journal behind a record: keeps its lines, and has no room for the `refuses`-th."""

    def __init__(self, refuses: int) -> None:
        self.lines: list[Line] = []
        self.offered = 0
        self.refuses = refuses

    def _accept(self, call_id: str, seq: int, t_ms: int, event: Event) -> bool:
        self.offered += 1
        if self.offered == self.refuses:
            return False
        self.lines.append(Line(call_id, seq, int(t_ms), BEGUN.at_utc, tag(event), encode(event)))
        return True

    def on_sealed(self, _call_id: str, _outcome: Outcome) -> None: ...

    def _forget(self, _record: CallJournal) -> None: ...

    async def _flush(self) -> None: ...

    async def _look_at(self, _call_id: str, _next_seq: int) -> None: ...


class Record(CallJournal):
    """A real record in front of a journal in memory. What must never happen to it is kept in `wrongs`, since a call may not raise for it.

    Call and floor may both see the end of a call, in either order: a call that comes after the floor's seal is late, not wrong.
    """

    def __init__(self, call_id: str = "c1", refuses: int = 0) -> None:
        self._memory = _Memory(refuses)
        super().__init__(cast(Journal, self._memory), call_id, BEGUN.at_utc)
        self.closed = False
        """Whether the journal this belongs to takes no more."""
        self.wrongs: list[str] = []

    def append(self, t_ms: int, event: Event) -> None:
        if (self.sealed and self.sealed_by != "floor") or self.closed:
            self.wrongs.append(f"after the {'end of the journal' if self.closed else 'seal'}: {told(event)}")
        super().append(t_ms, event)

    def seal(self, t_ms: int, outcome: Outcome, by: str) -> bool:
        if self.sealed and self.sealed_by != "floor":
            self.wrongs.append("sealed twice")
        return super().seal(t_ms, outcome, by)

    @property
    def history(self) -> list[Line]:
        """Every line, from the start of the call to its seal."""
        return list(self._memory.lines)

    @property
    def offered(self) -> int:
        """How many lines the journal was to take."""
        return self._memory.offered

    @property
    def lines(self) -> list[tuple[int, Event]]:
        """All but the seal, with their times."""
        return [(line.t_ms, line.event) for line in self._memory.lines if line.type != tag(events.CallSealed)]

    @property
    def _seal(self) -> events.CallSealed | None:
        return next((line.event for line in self._memory.lines if isinstance(line.event, events.CallSealed)), None)

    @property
    def outcome(self) -> str:
        return self._seal.outcome if self._seal else ""

    @property
    def sealed_by(self) -> str:
        return self._seal.by if self._seal else ""

    @property
    def story(self) -> list[str]:
        """What the call wrote, one line an event, without measures of turns, which follow each, and without what the floor saw."""
        return [told(event) for _, event in self.lines if not isinstance(event, events.TurnMeasured | events.QueueEntered)]

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
    events.CallAnswered: "answered",
    events.NoticeGiven: "notice given",
    events.BotSpoke: "bot, {kind}: {text}",
    events.CallerSpoke: "caller: {text}",
    events.DigitPressed: "caller presses {key}",
    events.BargedIn: "caller speaks over the bot: {outcome}",
    events.Decided: "decided {decision}: {reason}",
    events.HandoverDecided: "handover to {queue}: {reason}",
    events.CallerHungUp: "caller hung up",
    events.Fault: "fault, {where}: {what}",
    events.OptedOut: "opted out of {what}",
    events.Recorded: "recording",
    events.LookedUp: "looked up {what}",
}
_SHADES: Mapping[str, tuple[str, str]] = {"cut": ("", " (cut)"), "urgent": ("", ", urgent"), "recorded": ("", ", recorded"), "on": (" off", " on")}
