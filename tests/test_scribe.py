"""What stands in the record of a call as it happens, with the call's own time, and that it is remembered at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit.record import Record
from voicebot.dialogue.decisions import Answer, Clarify, Prompt, Reply, State, Step
from voicebot.errors import AriError
from voicebot.memory import Memory, recalled
from voicebot.metrics import Metrics
from voicebot.scribe import MARGIN_MS, Scribe
from voicebot.store.events import BargedIn, BotSpoke, CallerSpoke, Decided, DigitPressed, Event, Fault, TurnMeasured
from voicebot.values import Digit, NoAudio, Silence, Sound, Transcript, Unrecognised, Utterance

WORDS = Utterance(1_000, 2_000, Transcript("my bill", 0.8), taken_ms=2_400, recognise_ms=40)


class Bench:
    """A call taken over five seconds in; this process has held it for `clock_ms`."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.record = Record()
        self.metrics = Metrics()
        self.clock_ms = 2_500
        self.scribe = Scribe(self.record, self.metrics, memory or Memory(t_ms=5_000), lambda: self.clock_ms)

    def last(self) -> Event:
        return self.record.lines[-1][1]


SOUNDS: dict[str, tuple[Sound, list[Event]]] = {
    "words": (WORDS, [CallerSpoke("my bill", 0.8, 6_000, 7_000)]),
    "a key": (Digit("5", 100), [DigitPressed("5")]),
    "a recogniser that broke": (Unrecognised("it crashed"), [Fault("recogniser", "it crashed")]),
    "silence": (Silence(6_000), []),
    "a dead line": (NoAudio(4_000), []),
}


@pytest.mark.parametrize("what", SOUNDS)
def test_what_is_heard_is_written_with_the_calls_time(what: str) -> None:
    sound, written = SOUNDS[what]
    bench = Bench()
    bench.scribe.heard(sound)
    assert [event for _, event in bench.record.lines] == written
    assert {t_ms for t_ms, _ in bench.record.lines} <= {7_500}


def test_a_card_number_is_written_nowhere_and_told_to_whoever_records() -> None:
    bench = Bench()
    blanked: list[tuple[int, int]] = []
    for at_ms, text in ((1_000, "my card number is"), (4_000, "four five three two"), (8_000, "it is lost")):
        bench.scribe.heard(Utterance(at_ms, at_ms + 1_000, Transcript(text, 0.8)), lambda start_ms, end_ms: blanked.append((start_ms, end_ms)))
    assert [event.text for _, event in bench.record.lines if isinstance(event, CallerSpoke)] == ["my card number is", "[redacted]", "it is lost"]
    assert blanked == [(4_000 - MARGIN_MS, 5_000 + MARGIN_MS)]
    assert "four" not in bench.scribe.memory.last_words


def test_a_decision_carries_the_state_after_it() -> None:
    bench = Bench()
    state = State(misses=1, lines=(Prompt("say_again"),))
    bench.scribe.decided(Step(Reply(state.lines, "bill-copy"), state, "matched"))
    decided = bench.last()
    assert isinstance(decided, Decided)
    assert (decided.decision, decided.reason, decided.entry_id, decided.alternatives) == ("Reply", "matched", "bill-copy", ())
    assert bench.scribe.memory.state == state
    bench.scribe.decided(Step(Clarify(state.lines, ("a", "b")), state, "two"))
    decided = bench.last()
    assert isinstance(decided, Decided)
    assert decided.alternatives == ("a", "b")


@pytest.mark.parametrize(
    ("heard_ms", "cut", "words"), [(2_000, False, "one two"), (1_961, False, "one two"), (1_000, True, ""), (1_400, True, "one")]
)
def test_what_was_heard_of_a_phrase(heard_ms: int, cut: bool, words: str) -> None:
    bench = Bench()
    bench.scribe.spoke(Answer("bill-copy"), "one two", 6_000, heard_ms, 2_000)
    assert bench.last() == BotSpoke("one two", "answer", 6_000, heard_ms, 2_000, cut, words, "bill-copy")


def test_a_prompt_has_no_entry() -> None:
    bench = Bench()
    bench.scribe.spoke(Prompt("again"), "once more", 6_000, 500, 500)
    spoken = bench.last()
    assert isinstance(spoken, BotSpoke)
    assert (spoken.entry_id, spoken.kind) == (None, "prompt")


def test_barge_in_and_latency() -> None:
    bench = Bench()
    bench.scribe.barged_in("taken", 1_000, 120)
    assert bench.last() == BargedIn("taken", 6_000, 120)
    bench.scribe.measured(WORDS, 3.0)
    assert bench.last() == TurnMeasured(400, 40, 3.0, 100, 500)
    assert b'stage="total"' in bench.metrics.render()


def test_a_fault_is_one_line_and_counted() -> None:
    bench = Bench()
    bench.scribe.fault(AriError("Asterisk closed the control connection"))
    assert bench.last() == Fault("call", "Asterisk closed the control connection")
    assert b'voicebot_faults_total{where="call"} 1.0' in bench.metrics.render()


def test_the_seal_has_the_calls_time_and_memory_is_the_journals() -> None:
    bench = Bench(Memory())
    made: list[Any] = [Fault("recogniser", "x"), DigitPressed("1")]
    for event in made:
        bench.clock_ms += 10
        bench.scribe.write(event)
    assert recalled(bench.record.history) == bench.scribe.memory
    bench.scribe.seal("contained", "bot")
    assert bench.record.history[-1].t_ms == 2_520
    assert bench.record.outcome == "contained"
