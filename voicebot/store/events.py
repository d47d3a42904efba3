"""What can happen in a call, as the journal keeps it: frozen structs, tagged by name, written as JSON.

A new event is one new class here and nothing else. Rows live for years, so a field or a Literal value is only ever added
(a field with a default), never renamed, removed or given another meaning. Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

import functools
import operator
from datetime import datetime
from typing import Any, Literal

import msgspec

from voicebot.store.event import Event, tag
from voicebot.store.handover_events import (
    AgentAnswered,
    AgentJoined,
    AgentLeft,
    AgentRang,
    BriefingImproved,
    BriefingStarted,
    CallbackRequested,
    HandoverDecided,
    NobodyThere,
    QueueEntered,
    QueueLeft,
)
from voicebot.values import SpeechKind

__all__ = [
    "AgentAnswered",
    "AgentJoined",
    "AgentLeft",
    "AgentRang",
    "BriefingImproved",
    "BriefingStarted",
    "CallbackRequested",
    "Event",
    "HandoverDecided",
    "NobodyThere",
    "QueueEntered",
    "QueueLeft",
    "tag",
]
"""Beside the events of this file: all are found in one place."""

Outcome = Literal["contained", "handed_over", "abandoned", "failed", "lost"]
"""contained: the bot served the caller; handed_over: an agent did; abandoned: the caller hung up or fell silent first;
failed: a fault ended it; lost: found unsealed after a crash, end unknown."""


class CallStarted(Event, frozen=True):
    """A call came in; always the first line of its record."""

    ani: str
    dnis: str
    language: str
    channel: str
    at_utc: datetime
    knowledge_version: str = ""


class CallAnswered(Event, frozen=True):
    """The bot answered: the zero of the call's clock."""


class NoticeGiven(Event, frozen=True):
    """The caller was told that this is a machine that analyses the voice, and whether it records; not `whole`: a key cut that short."""

    recorded: bool
    whole: bool = True


class CallerSpoke(Event, frozen=True):
    """One utterance of the caller as the recogniser understood it; `confidence` is 0–1."""

    text: str
    confidence: float
    start_ms: int
    end_ms: int


class BotSpoke(Event, frozen=True):
    """One phrase of the bot: `heard_ms` of its `length_ms` were played, `heard_text` is that part in words."""

    text: str
    kind: SpeechKind
    start_ms: int
    heard_ms: int
    length_ms: int
    cut: bool
    heard_text: str
    entry_id: str | None = None


class Composed(Event, frozen=True):
    """A language model was asked to word an answer from `sources`; `refused` says why its text was not spoken, "" when it is spoken next."""

    engine: str
    sources: tuple[str, ...]
    took_ms: int
    refused: str = ""


class DigitPressed(Event, frozen=True):
    """One DTMF key. Keys of protected input are journalled as `x`."""

    key: str


class CallerOnHold(Event, frozen=True):
    """The caller put the call on hold; the bot waits, and analyses nothing that comes."""


class CallerOffHold(Event, frozen=True):
    """The caller is back from hold; the bot goes on."""


class BargedIn(Event, frozen=True):
    """The caller spoke over the bot at `at_ms`; the bot was silent `silent_after_ms` later and gave way or resumed."""

    outcome: Literal["taken", "resumed"]
    at_ms: int
    silent_after_ms: int


class Decided(Event, frozen=True):
    """What the policy chose and why; `alternatives` are the entry ids it weighed and left, `state` is what the call remembers from here on."""

    decision: str
    reason: str
    entry_id: str | None = None
    confidence: float | None = None
    alternatives: tuple[str, ...] = ()
    state: dict[str, Any] = msgspec.field(default_factory=dict)
    kind: str = ""
    complexity: str = ""


class AngerScored(Event, frozen=True):
    """How angry one utterance was judged, 0–1; what voice, words and behaviour added (log odds), the `evidence`, what is remembered (`state`)."""

    score: float
    voice: float = 0.0
    words: float = 0.0
    behaviour: float = 0.0
    urgency: float = 0.0
    sadness: float = 0.0
    escalate: bool = False
    evidence: tuple[str, ...] = ()
    state: dict[str, Any] = msgspec.field(default_factory=dict)


class TurnMeasured(Event, frozen=True):
    """Latency of one turn per stage; `total_ms` runs from the caller's last voiced frame to the answer's first frame sent."""

    hold_ms: float
    recognise_ms: float
    decide_ms: float
    first_audio_ms: float
    total_ms: float


class CallerHungUp(Event, frozen=True):
    """The caller ended the call."""


class Fault(Event, frozen=True):
    """Something of ours or beside us broke; `where` is the part, `what` one line."""

    where: str
    what: str


class Resumed(Event, frozen=True):
    """A controller took the call over from one that was lost; nothing was heard or said for about `gap_ms`."""

    reason: str
    gap_ms: int


class Recorded(Event, frozen=True):
    """Recording into `path` was switched on or off; `why`, when it was not the beginning."""

    path: str
    on: bool
    why: str = ""


class OptedOut(Event, frozen=True):
    """The caller refused something: recording, analysis."""

    what: str


class LookedUp(Event, frozen=True):
    """The directory of customers was asked for `what`; `failed` says why it gave no answer. What it answered never stands here."""

    what: str
    took_ms: int
    failed: str = ""


class OfferAnswered(Event, frozen=True):
    """The caller accepted the offer of a KB entry, which makes it a task for an agent, or declined it."""

    entry_id: str
    accepted: bool


class SurveyAnswered(Event, frozen=True):
    """The caller's mark for this call, 1 (bad) to 5 (very good); None when he gave none."""

    mark: int | None
    by: str = "bot"


class CallSealed(Event, frozen=True):
    """The end of the record: `by` names the part that sealed it. Nothing follows."""

    outcome: Outcome
    by: str
    duration_ms: int


class Unknown(Event, frozen=True):
    """Stands for a row that this version cannot read, so that the rest of the record can be shown; never written."""

    tag: str
    why: str


class Line(msgspec.Struct, frozen=True):
    """One line of the journal as it is queued, spooled and stored. `payload` is the event as JSON text."""

    call_id: str
    seq: int
    t_ms: int
    at_utc: datetime
    type: str
    payload: str

    @property
    def event(self) -> Event:
        """The event, or `Unknown` when this version cannot read it."""
        return decode(self.payload)


def encode(event: Event) -> str:
    """JSON text. Raises TypeError, ValueError or OverflowError for a value that JSON cannot hold."""
    return _ENCODER.encode(event).decode()


def decode(payload: str) -> Event:
    """The event in `payload`; fields added by a later version are ignored, a row beyond reading becomes `Unknown`."""
    try:
        event: Event = _DECODER.decode(payload)
    except msgspec.MsgspecError as error:
        return Unknown(_tag_in(payload), str(error))
    return event


def _tag_in(payload: str) -> str:
    try:
        return msgspec.json.decode(payload, type=_Tagged).type
    except msgspec.MsgspecError:
        return ""


class _Tagged(msgspec.Struct):
    type: str = ""


_ANY_EVENT: Any = functools.reduce(operator.or_, Event.__subclasses__())
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_ANY_EVENT)
