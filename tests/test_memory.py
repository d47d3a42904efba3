"""What a call remembers is made from its journal alone; each event changes what it should and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from voicebot.dialogue.decisions import Answer, Prompt, State
from voicebot.dialogue.recall import snapshot
from voicebot.emotion.fusion import Mood
from voicebot.emotion.temper import Temper
from voicebot.memory import APOLOGY, Memory, recalled, remember
from voicebot.store import events
from voicebot.store.events import Event, Line

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_what_spoke_of_anger_last_is_remembered() -> None:
    memory = remember(remember(Memory(), 1, events.AngerScored(0.6, evidence=("interrupts",))), 2, events.AngerScored(0.5))
    assert memory.evidence == ("interrupts",)


ANGRY = Temper(Mood(level=2.5, support=1.0, angry_turns=2, angry=True, urgency=0.25, turns=3), rising=2, added=1.5)
TWO = (Answer("opening-hours"), Prompt("menu_after"))
DECIDED = events.Decided("Reply", "matched", "opening-hours", state=snapshot(State(lines=TWO, answered=("opening-hours",))))


def spoke(cut: bool = False) -> events.BotSpoke:
    return events.BotSpoke("words", "answer", 0, 400, 1_000, cut, "wor")


def after(*happened: Event) -> Memory:
    return recalled(Line("c1", seq, seq * 10, NOW, events.tag(event), events.encode(event)) for seq, event in enumerate(happened))


CHANGES: dict[str, tuple[Event, dict[str, Any]]] = {
    "answered": (events.CallAnswered(), {"answered": True}),
    "notice": (events.NoticeGiven(False), {"noticed": True}),
    "notice cut short": (events.NoticeGiven(False, whole=False), {}),
    "words": (events.CallerSpoke("my bill", 0.9, 0, 1), {"last_words": "my bill", "said": ("my bill",)}),
    "no words": (events.CallerSpoke("", 0.1, 0, 1), {}),
    "opt-out": (events.OptedOut("recording"), {"opt_outs": frozenset({"recording"})}),
    "recording begins": (events.Recorded("a.wav", True), {"recordings": ("a.wav",)}),
    "recording ends": (events.Recorded("a.wav", False), {}),
    "handover": (events.HandoverDecided("asked", "support", 0, ""), {"let_go": True}),
    "queue": (events.QueueEntered("support"), {"let_go": True}),
    "sealed": (events.CallSealed("contained", "bot", 5), {"let_go": True}),
    "our fault": (events.Fault("call", "broke"), {"let_go": True}),
    "a recogniser's fault": (events.Fault("recogniser", "broke"), {}),
    "taken over before the notice": (events.Resumed("lost", 200), {"resumed": 1}),
    "started": (events.CallStarted("1", "100", "en", "c1", NOW), {}),
    "anger": (events.AngerScored(0.8, state=ANGRY.state()), {"temper": ANGRY}),
    "barge-in": (events.BargedIn("taken", 1, 2), {"interrupted": True}),
    "murmured": (events.BargedIn("resumed", 5, 40), {}),
    "hung up": (events.CallerHungUp(), {}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_an_event_changes(name: str) -> None:
    event, changes = CHANGES[name]
    assert remember(Memory(), 7, event) == Memory(t_ms=7, **changes)


def test_what_the_caller_came_for_is_the_latest_matter_and_stays() -> None:
    kinds = ("account", "person wanted", "fault", "chit-chat", "abuse")
    assert [after(*(events.Decided("Reply", "", kind=kind) for kind in kinds[:count])).matter for count in range(6)] == [
        *("", "account", "account", "fault", "fault", "fault")
    ]


def test_what_was_decided_waits_to_be_said_line_by_line() -> None:
    assert after(DECIDED).unsaid == TWO
    assert after(DECIDED, spoke()).unsaid == TWO[1:]
    assert after(DECIDED, spoke(), spoke()).unsaid == ()
    state = after(DECIDED).state
    assert state is not None
    assert state.answered == ("opening-hours",)


def test_a_caller_who_took_the_turn_is_not_told_the_rest() -> None:
    assert after(DECIDED, spoke(cut=True)).unsaid == ()


def test_who_takes_a_call_over_apologises_first_and_once() -> None:
    assert after(events.NoticeGiven(False), DECIDED, spoke(), events.Resumed("lost", 1)).unsaid == (APOLOGY, *TWO[1:])
    assert after(events.NoticeGiven(False), DECIDED, events.Resumed("lost", 1), events.Resumed("lost", 1)).unsaid == (APOLOGY, *TWO)
    assert after(events.NoticeGiven(False), events.Resumed("lost", 1), spoke()).unsaid == ()


def test_the_last_words_and_the_time_are_those_of_the_last_line() -> None:
    memory = after(events.CallerSpoke("one", 1, 0, 1), events.CallerSpoke("two", 1, 0, 1), DECIDED)
    assert (memory.last_words, memory.t_ms) == ("two", 20)


def test_an_empty_record_is_an_empty_memory() -> None:
    assert after() == Memory()
