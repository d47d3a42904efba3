"""Each invariant finds what is planted for it in histories that are right, and finds nothing in those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.store import events
from voicebot.store.events import Event, Line
from voicebot.store.history import BETWEEN_LINES_MS, INVARIANTS, Violation, violations

BEGUN = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
History = list[tuple[int, Event]]


def said(kind: Any, start_ms: int, cut: bool = False) -> events.BotSpoke:
    return events.BotSpoke("words", kind, start_ms, 500 if cut else 1_000, 1_000, cut, "words")


def words(start_ms: int) -> events.CallerSpoke:
    return events.CallerSpoke("my bill", 0.9, start_ms, start_ms + 500)


MEASURED = events.TurnMeasured(400, 40, 1, 2, 443)
REPLY, ASK, HAND_OVER, END = (events.Decided(name, "because") for name in ("Reply", "Clarify", "HandOver", "EndCall"))
OPENING: History = [
    (0, events.CallStarted("0201555777", "100", "en", "c1", BEGUN)),
    (0, events.CallAnswered()),
    (1_000, said("greeting", 0)),
    (1_000, events.NoticeGiven(False)),
]
RECORDED_OPENING: History = [*OPENING[:2], (0, events.Recorded("c1.wav", on=True)), *OPENING[2:]]


def lasting(*parts: tuple[int, Event]) -> Callable[[int], History]:
    """A stretch of a call with times from its own begin; the phrases in it know when it begins."""

    def placed(at_ms: int) -> History:
        return [(at_ms + after_ms, _moved(event, at_ms)) for after_ms, event in parts]

    return placed


def _moved(event: Event, by_ms: int) -> Event:
    starts = {name: getattr(event, name) + by_ms for name in ("start_ms", "end_ms", "at_ms") if name in event.__struct_fields__}
    return msgspec.structs.replace(event, **starts)


TURNS = {
    "answered": lasting((500, words(0)), (500, REPLY), (500, MEASURED), (1_500, said("answer", 500))),
    "cut": lasting((500, words(0)), (500, REPLY), (900, events.BargedIn("taken", 800, 80)), (900, said("answer", 500, cut=True))),
    "murmured": lasting((500, words(0)), (500, REPLY), (1_200, events.BargedIn("resumed", 800, 80)), (2_000, said("answer", 500))),
    "spoken over while it was made": lasting((500, words(0)), (500, REPLY), (900, events.BargedIn("taken", 800, 80))),
    "spoken over between two lines": lasting((500, REPLY), (1_500, said("menu", 500)), (1_600, events.BargedIn("taken", 1_520, 80))),
    "key": lasting((100, events.DigitPressed("1")), (100, REPLY), (1_100, said("answer", 100)), (2_100, said("menu", 1_100))),
    "silence": lasting((6_000, REPLY), (7_000, said("prompt", 6_000))),
    "recogniser lost": lasting((500, events.Fault("recogniser", "gone")), (500, REPLY), (1_500, said("menu", 500))),
    "clarified": lasting((500, words(0)), (500, ASK), (1_500, said("clarify", 500))),
}
AGENT = [(3_000, events.AgentRang("6001")), (4_000, events.AgentAnswered("6001")), (4_000, events.BriefingStarted("6001"))]
JOINED = [*AGENT, (8_000, events.AgentJoined("6001")), (30_000, events.CallerHungUp()), (30_000, events.CallSealed("handed_over", "floor", 30_000))]
QUEUED = [(500, words(0)), (500, HAND_OVER), (500, events.HandoverDecided("asked", "support", 0, "Bill.")), (1_500, said("handover", 500))]
ENDS = {
    "open": lasting(),
    "hung up": lasting((900, events.CallerHungUp()), (900, events.CallSealed("contained", "caller", 900))),
    "ended": lasting((500, END), (1_500, said("goodbye", 500)), (1_500, events.CallSealed("contained", "bot", 1_500))),
    "handed over": lasting(*QUEUED, (1_600, events.QueueEntered("support")), *JOINED),
    "nobody answered": lasting(
        *[*QUEUED, (1_600, events.QueueEntered("support")), (3_000, events.AgentRang("6001")), (9_000, events.AgentLeft("6001", "no answer"))],
        *[(9_500, events.QueueLeft("support", "nobody")), (9_900, events.CallerHungUp()), (9_900, events.CallSealed("abandoned", "floor", 9_900))],
    ),
    "hung up on the way": lasting(*QUEUED, (1_500, events.CallerHungUp()), (1_500, events.CallSealed("abandoned", "caller", 1_500))),
    "a fault": lasting((100, events.Fault("call", "broken")), (200, events.QueueEntered("support")), *JOINED),
    "a fault on the way": lasting(*QUEUED, (1_500, events.Fault("call", "refused")), (1_500, events.CallSealed("failed", "call", 1_500))),
    "a fault before the way": lasting((500, HAND_OVER), (500, events.Fault("call", "broken")), (600, events.CallSealed("failed", "call", 600))),
    "lost": lasting(*QUEUED, (1_500, events.CallSealed("lost", "floor", 1_500))),
}


def told(opening: History, turns: Sequence[str], end: str) -> History:
    """A whole call in parts."""
    history = list(opening)
    for part in (*(TURNS[turn] for turn in turns), ENDS[end]):
        history += part(history[-1][0])
    if opening is RECORDED_OPENING:
        off = next((place for place, (_, event) in enumerate(history) if isinstance(event, events.HandoverDecided)), len(history))
        history[off:off] = [(history[off][0], events.Recorded("c1.wav", on=False))] if off < len(history) else []
    return history


def lines(history: Sequence[tuple[int, Event]]) -> list[Line]:
    return [Line("c1", seq, t_ms, BEGUN, events.tag(event), events.encode(event)) for seq, (t_ms, event) in enumerate(history)]


def broken(history: Sequence[tuple[int, Event]]) -> set[str]:
    return {violation.invariant for violation in violations(lines(history))}


CALLS = st.builds(
    told, st.sampled_from([OPENING, RECORDED_OPENING]), st.lists(st.sampled_from(sorted(TURNS)), max_size=5), st.sampled_from(sorted(ENDS))
)


@given(CALLS)
def test_what_may_happen_is_no_violation_nor_is_any_beginning_of_it(history: History) -> None:
    for length in range(len(history) + 1):
        assert violations(lines(history[:length])) == (), f"after {length} lines"


@given(CALLS, st.data())
def test_a_line_that_is_lost_doubled_or_misplaced_is_always_found(history: History, data: st.DataObject) -> None:
    record = lines(history)
    place = data.draw(st.integers(0, len(record) - 2))
    for damaged in (
        record[:place] + record[place + 1 :],
        [*record[: place + 1], *record[place:]],
        [*record[:place], record[place + 1], record[place], *record[place + 2 :]],
    ):
        assert "in order" in {violation.invariant for violation in violations(damaged)}


@given(CALLS, st.data())
def test_time_that_runs_backwards_is_found(history: History, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(history) - 1).filter(lambda place: history[place - 1][0] > 0))
    history[place] = (history[place - 1][0] - 1, history[place][1])
    assert "in order" in broken(history)


@given(CALLS, st.data())
def test_a_seal_that_is_not_the_last_line_and_a_second_start_are_found(history: History, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(history) - 1))
    at_ms = history[place - 1][0]
    assert "sealed last" in broken([*history[:place], (at_ms, events.CallSealed("lost", "floor", at_ms)), *history[place:]])
    assert "starts once" in broken([*history[:place], (at_ms, history[0][1]), *history[place:]])


@given(CALLS)
def test_a_record_without_its_first_lines_is_found(history: History) -> None:
    assert "starts once" in broken(history[1:])
    assert "answered first" in broken([history[0], *history[2:]])
    assert broken([entry for entry in history if not isinstance(entry[1], events.NoticeGiven)]) >= (
        {"notice first"} if any(isinstance(event, events.CallerSpoke | events.Decided) for _, event in history) else set()
    )


AFTER_HANDOVER = [
    said("answer", 9_000),
    said("goodbye", 9_000),
    words(9_000),
    MEASURED,
    events.BargedIn("resumed", 0, 0),
    events.DigitPressed("1"),
    REPLY,
]


@given(st.lists(st.sampled_from(sorted(TURNS)), max_size=3), st.data())
def test_whatever_the_bot_does_after_a_handover_is_found(turns: list[str], data: st.DataObject) -> None:
    history = told(OPENING, turns, "handed over")
    first = next(place for place, (_, event) in enumerate(history) if isinstance(event, events.HandoverDecided))
    place = data.draw(st.integers(first + 1, len(history) - 1))
    for event in AFTER_HANDOVER:
        found = broken([*history[:place], (history[place - 1][0], event), *history[place:]])
        assert found & {"bot silent after handover", "private after handover"}, event


def planted(at: type[Event], event: Event, end: str = "handed over", opening: History = OPENING) -> History:
    """A call with one answer in which `event` comes right after the first line of type `at`."""
    history = told(opening, ["answered"], end)
    place = next(place for place, (_, found) in enumerate(history) if isinstance(found, at))
    return [*history[: place + 1], (history[place][0], event), *history[place + 1 :]]


def without(kind: type[Event], end: str = "handed over") -> History:
    return [entry for entry in told(OPENING, ["answered"], end) if not isinstance(entry[1], kind)]


def ending(outcome: Any, end: str) -> History:
    *rest, (t_ms, _) = told(OPENING, ["answered"], end)
    return [*rest, (t_ms, events.CallSealed(outcome, "floor", t_ms))]


REFUSED = [*RECORDED_OPENING, (1_500, events.OptedOut("recording"))]
PLANTED: dict[str, Sequence[History]] = {
    "starts once": [without(events.CallStarted)],
    "sealed last": [planted(events.CallSealed, events.CallerHungUp())],
    "in order": [[*OPENING, (999, events.CallerHungUp())]],
    "answered first": [without(events.CallAnswered)],
    "notice first": [
        without(events.NoticeGiven),
        [*OPENING[:2], (500, events.BotSpoke("words", "greeting", 0, 500, 1_000, True, "wor")), (500, events.NoticeGiven(False))],
        planted(events.CallAnswered, said("prompt", 0)),
        planted(events.CallAnswered, events.NoticeGiven(False)),
        planted(events.CallAnswered, events.BargedIn("taken", 0, 80)),
    ],
    "bot silent after handover": [planted(events.QueueEntered, said("handover", 0)), planted(events.HandoverDecided, said("answer", 0))],
    "private after handover": [planted(events.QueueEntered, words(0)), planted(events.AgentJoined, MEASURED), planted(events.HandoverDecided, REPLY)],
    "handover carried out": [
        *[without(events.QueueEntered | events.CallerHungUp, "hung up on the way"), ending("abandoned", "lost")],  # type: ignore[arg-type]
        [*OPENING, (1_500, HAND_OVER), (1_500, events.CallSealed("abandoned", "bot", 1_500))],
        [entry for entry in told(OPENING, [], "a fault on the way") if not isinstance(entry[1], events.Fault)],
    ],
    "barge-in over the bot": [
        [*OPENING, (9_000, events.BargedIn("taken", 8_000, 80))],
        [*told(OPENING, ["cut"], "open"), (9_000, events.BargedIn("resumed", 8_000, 80))],
        [*told(OPENING, ["answered"], "open"), (99_000, events.BargedIn("taken", 2_500 + BETWEEN_LINES_MS + 20, 80))],
    ],
    "recording stops": [
        *[
            planted(events.QueueEntered, events.Recorded("c1.wav", on=True)),
            planted(events.NoticeGiven, events.DigitPressed("x"), opening=RECORDED_OPENING),
        ],
        [*RECORDED_OPENING, (1_500, events.HandoverDecided("asked", "support", 0, ""))],
    ],
    "opt-out obeyed": [
        [*REFUSED, (2_500, said("prompt", 1_500))],
        [*REFUSED, (1_500, events.Recorded("c1.wav", on=False)), (3_000, events.Recorded("c1.wav", on=True))],
    ],
    "agents from the queue": [without(events.QueueEntered), without(events.AgentAnswered)],
    "outcome fits": [ending("contained", "handed over"), ending("handed_over", "nobody answered"), ending("contained", "nobody answered")],
}


@pytest.mark.parametrize("invariant", INVARIANTS)
def test_each_invariant_finds_what_is_planted_for_it(invariant: str) -> None:
    for history in PLANTED[invariant]:
        assert invariant in broken(history), history


def test_who_refuses_the_recording_and_is_obeyed_is_no_violation() -> None:
    assert broken([*REFUSED, (1_500, events.Recorded("c1.wav", on=False)), (2_500, said("prompt", 1_500)), (3_000, words(2_500))]) == set()


def test_a_recording_ends_with_the_controller_that_made_it() -> None:
    assert broken([*REFUSED, (2_000, events.Resumed("lost", 500)), (3_000, said("prompt", 2_000)), (3_500, words(3_000))]) == set()
    assert "opt-out obeyed" in broken([*REFUSED, (2_000, events.Resumed("lost", 500)), (2_000, events.Recorded("c1-1.wav", on=True))])
    assert broken([*RECORDED_OPENING, (2_000, events.Resumed("lost", 500)), (2_500, events.DigitPressed("x"))]) == set()


def test_keys_of_protected_input_are_right_while_the_recording_is_off() -> None:
    off = [
        *RECORDED_OPENING,
        (1_500, events.Recorded("c1.wav", on=False)),
        (1_600, events.DigitPressed("x")),
        (1_700, events.Recorded("c1.wav", on=True)),
    ]
    assert broken(off) == set()
    assert "recording stops" in broken([*off, (1_800, events.DigitPressed("x"))])


def test_a_violation_names_the_line_and_says_it_in_words_and_what_cannot_be_read_is_passed_over() -> None:
    record = lines(planted(events.QueueEntered, said("answer", 0)))
    [found] = violations(record)
    assert found == Violation("bot silent after handover", 13, "the bot speaks (answer) after it handed the caller over")
    assert record[found.seq].type == "bot_spoke"
    assert violations([*lines(OPENING), Line("c1", 4, 1_000, BEGUN, "later_version", '{"type":"later_version"}')]) == ()
    assert violations([]) == ()
