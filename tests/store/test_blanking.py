"""Whatever an event holds of a person goes with its class, and what is left can still be read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from voicebot.store import events
from voicebot.store.blanking import Kept, without
from voicebot.store.events import (
    AgentJoined,
    AngerScored,
    BotSpoke,
    CallerSpoke,
    CallStarted,
    Decided,
    DigitPressed,
    Event,
    HandoverDecided,
    TurnMeasured,
)

SECRET = "zanzibar"
STARTED = CallStarted(SECRET, "100", "en", "PJSIP/a-1", datetime(2026, 3, 1, tzinfo=UTC), "kb-1")


def filled(kind: type[Event]) -> Event:
    """One of this kind with the secret wherever text may stand."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        values[field.name] = _value(str(field.type), field)
    return kind(**values)


def _value(annotation: str, field: Any) -> Any:
    if "Literal" in annotation:
        return next(iter(field.type.__args__))
    for word, value in (
        ("datetime", STARTED.at_utc),
        ("dict", {"said": SECRET}),
        ("tuple", (SECRET,)),
        ("str", SECRET),
        ("bool", True),
        ("float", 0.5),
    ):
        if word in annotation:
            return value
    return 1


@pytest.mark.parametrize("kind", [kind for kind in Event.__subclasses__() if kind is not events.Unknown], ids=lambda kind: kind.__name__)
def test_no_free_text_survives_all_classes_and_the_line_can_be_read(kind: type[Event]) -> None:
    event = filled(kind)
    for kept in Kept:
        event = without(event, kept)
    neutral = {
        "dnis",
        "language",
        "channel",
        "kind",
        "outcome",
        "by",
        "decision",
        "entry_id",
        "queue",
        "agent",
        "where",
        "engine",
        "knowledge_version",
    }
    left = {field.name for field in msgspec.structs.fields(kind) if SECRET in str(getattr(event, field.name))}
    assert left <= neutral | {"sources", "alternatives"}
    assert events.decode(events.encode(event)) == event


@pytest.mark.parametrize(
    ("kept", "event", "blank"),
    [
        (Kept.WORDS, CallerSpoke("hello", 0.9, 0, 10), CallerSpoke("", 0.9, 0, 10)),
        (Kept.WORDS, BotSpoke("a", "answer", 0, 1, 1, False, "a", "bill"), BotSpoke("", "answer", 0, 1, 1, False, "", "bill")),
        (Kept.WORDS, DigitPressed("5"), DigitPressed("x")),
        (Kept.WORDS, AngerScored(0.8, voice=1.0, evidence=("said x",)), AngerScored(0.8, voice=1.0)),
        (Kept.WORDS, STARTED, STARTED),
        (Kept.SCORES, AngerScored(0.8, voice=1.0, evidence=("said x",), escalate=True), AngerScored(0.0, escalate=True)),
        (Kept.SCORES, CallerSpoke("hello", 0.9, 0, 10), CallerSpoke("hello", 0.9, 0, 10)),
        (Kept.NUMBER, STARTED, msgspec.structs.replace(STARTED, ani="")),
        (Kept.NUMBER, AgentJoined("6001"), AgentJoined("6001")),
        (Kept.AUDIO, CallerSpoke("hello", 0.9, 0, 10), CallerSpoke("hello", 0.9, 0, 10)),
        (Kept.WORDS, TurnMeasured(1, 2, 3, 4, 5), TurnMeasured(1, 2, 3, 4, 5)),
    ],
)
def test_each_class_takes_its_own(kept: Kept, event: Event, blank: Event) -> None:
    assert without(event, kept) == blank


def test_what_a_decision_remembers_goes_and_what_was_decided_stays() -> None:
    decided = Decided("Reply", "said 'my bill'", "bill", 0.9, ("bill",), {"last": "my bill"})
    blank = without(decided, Kept.WORDS)
    assert isinstance(blank, Decided)
    assert (blank.decision, blank.entry_id, blank.confidence, blank.reason, blank.state) == ("Reply", "bill", 0.9, "", {})


def test_the_briefing_goes_and_the_queue_stays() -> None:
    assert without(HandoverDecided("is upset", "support", 1, "he said"), Kept.WORDS) == HandoverDecided("", "support", 1, "")
