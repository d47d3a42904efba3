"""How a feeling changes what is said, and what it never changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.decisions import CALM, Answer, Clarify, Decision, EndCall, Prompt, Reply, Rules, Sense, Spoke, State, Step, Style, Told
from voicebot.dialogue.intents import Intent
from voicebot.dialogue.matching import Match
from voicebot.dialogue.policy import decide
from voicebot.dialogue.style import chosen, styled

ANGRY, HURRIED, SAD = Sense(anger=0.7), Sense(urgency=0.8), Sense(sadness=0.6)
REPLY = Reply((Answer("bill-higher"),), "bill-higher")


@pytest.mark.parametrize(
    ("sense", "hurried", "before", "style"),
    [
        (CALM, False, "neutral", "neutral"),
        (ANGRY, False, "neutral", "calming"),
        (Sense(anger=0.9, urgency=0.9, sadness=0.9), True, "neutral", "calming"),
        (CALM, False, "calming", "calming"),
        (HURRIED, False, "calming", "calming"),
        (HURRIED, False, "neutral", "brief"),
        (CALM, True, "warm", "brief"),
        (CALM, False, "brief", "brief"),
        (SAD, False, "neutral", "warm"),
        (Sense(anger=0.49, urgency=0.49, sadness=0.49), False, "neutral", "neutral"),
    ],
)
def test_chosen(sense: Sense, hurried: bool, before: Style, style: Style) -> None:
    assert chosen(sense, hurried, before) == style


def _said(decision: Decision, style: Style, **state: bool) -> Step:
    return styled(Step(decision, State(style=style, lines=decision.lines, **state), "why"))  # type: ignore[arg-type]


def test_the_upset_hear_once_that_their_trouble_was_understood_and_the_calm_answer() -> None:
    first = _said(REPLY, "calming")
    assert first.decision.lines == (Told("sorry_about", ("{title:bill-higher}",)), Answer("bill-higher", "calm"))
    assert first.state.lines == first.decision.lines
    assert first.state.acknowledged
    assert _said(REPLY, "calming", acknowledged=True).decision.lines == (Answer("bill-higher", "calm"),)


def test_no_chirpy_goodbye_for_the_upset() -> None:
    assert _said(EndCall((Prompt("goodbye"),), "contained"), "calming").decision == EndCall((Told("goodbye_plain"),), "contained")
    assert _said(EndCall((Prompt("goodbye"),), "contained"), "warm").decision.lines == (Prompt("goodbye"),)


def test_the_hurried_get_the_short_answer() -> None:
    assert _said(REPLY, "brief").decision.lines == (Answer("bill-higher", "short"),)
    repeated = Reply((Prompt("again"), Answer("bill-higher", "short")), "bill-higher")
    assert _said(repeated, "brief").decision == repeated


@pytest.mark.parametrize("style", ["neutral", "warm"])
def test_other_callers_hear_what_was_decided(style: Style) -> None:
    assert _said(REPLY, style).decision == REPLY


@given(st.sampled_from([REPLY, Clarify((Prompt("other_words"),), ("a",)), EndCall((), "no_audio")]), st.sampled_from(["brief", "calming", "warm"]))
def test_what_is_decided_never_changes(decision: Decision, style: Style) -> None:
    step = _said(decision, style)
    assert type(step.decision) is type(decision)
    assert step.reason == "why"


def test_an_angry_caller_is_offered_nothing_and_not_asked_for_a_mark() -> None:
    rules = Rules(survey=True)
    state = decide(State.start(), Spoke("my bill", matches=(Match("bill-higher", 0.9),)), ANGRY, rules).state
    assert state.style == "calming"
    bye = decide(state, Spoke("goodbye", intents=frozenset({Intent.GOODBYE})), CALM, rules)
    assert bye.decision == EndCall((Told("goodbye_plain"),), "contained")
