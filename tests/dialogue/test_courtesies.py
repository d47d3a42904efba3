"""Yes, no and thanks after an offer and a survey, slower speech, and what is said again. The other courtesies are told in test_policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voicebot.dialogue.courtesies import anything_else, asked_again, marked
from voicebot.dialogue.decisions import (
    CALM,
    Answer,
    Asked,
    Clarify,
    EndCall,
    HandOver,
    Line,
    Pressed,
    Prompt,
    Reply,
    Rules,
    Silent,
    Spoke,
    State,
    Step,
    Told,
    Verify,
    Why,
)
from voicebot.dialogue.errand import Errand
from voicebot.dialogue.intents import Intents
from voicebot.dialogue.policy import decide

ENGLISH = Intents.load("en")
SURVEY = Rules(survey=True)
SERVED = State(answered=("data-left",), asked=Asked.ANSWERED, lines=(Answer("data-left"),), errand=Errand(offer="data-pack"))


def said(text: str, state: State, rules: Rules = SURVEY) -> Step:
    return decide(state, Spoke(text, 0.9, (), ENGLISH.of(text)), CALM, rules)


def test_one_offer_after_the_question_is_solved_and_never_a_second() -> None:
    offered = said("thanks", SERVED)
    assert offered.decision == Reply((Answer("data-pack", "offer"),))
    assert offered.state.asked is Asked.OFFER
    declined = said("no thank you", offered.state)
    assert (declined.decision, declined.accepted) == (Reply((Told("offer_declined"),)), False)
    again = anything_else(replace(declined.state, asked=Asked.ANSWERED), SURVEY)
    assert again.decision == Reply((Prompt("anything_else"),))


def test_an_accepted_offer_is_only_noted() -> None:
    accepted = said("yes", said("thanks", SERVED).state)
    assert (accepted.decision, accepted.accepted) == (Reply((Told("offer_noted"),)), True)
    assert accepted.state.asked is Asked.MORE


@pytest.mark.parametrize(
    "state",
    [replace(SERVED, style="calming"), replace(SERVED, style="brief"), replace(SERVED, answered=()), replace(SERVED, errand=Errand())],
)
def test_no_offer_to_the_upset_the_hurried_the_unserved_or_without_one_that_fits(state: State) -> None:
    assert anything_else(state, SURVEY).decision == Reply((Prompt("anything_else"),))


def test_silence_after_an_answer_brings_the_offer_as_well() -> None:
    assert decide(SERVED, Silent(6_000), CALM, SURVEY).decision == Reply((Answer("data-pack", "offer"),))


def test_who_was_served_is_asked_for_a_mark_and_may_give_it_by_key_or_word() -> None:
    asked = said("goodbye", SERVED)
    assert asked.decision == Reply((Told("survey"),))
    by_key = decide(asked.state, Pressed("4"), CALM, SURVEY)
    assert (by_key.decision, by_key.mark) == (EndCall((Told("survey_thanks"),), "contained"), 4)
    assert said("five", asked.state).mark == 5
    assert decide(asked.state, Silent(6_000), CALM, SURVEY).decision == EndCall((Told("survey_thanks"),), "contained")
    skipped = said("no thanks", asked.state)
    assert (type(skipped.decision), skipped.mark) == (EndCall, None)


def test_a_person_can_still_be_had_instead_of_a_mark() -> None:
    asked = said("goodbye", SERVED)
    assert isinstance(said("agent please", asked.state).decision, HandOver)
    assert isinstance(decide(asked.state, Pressed("0"), CALM, SURVEY).decision, HandOver)


@pytest.mark.parametrize(("state", "rules"), [(State(), SURVEY), (SERVED, Rules()), (replace(SERVED, style="calming"), SURVEY)])
def test_no_survey_for_the_unserved_the_upset_or_where_it_is_off(state: State, rules: Rules) -> None:
    assert isinstance(said("goodbye", state, rules).decision, EndCall)


def test_the_mark_stands_in_the_step() -> None:
    assert marked(SERVED, 3).mark == 3
    assert marked(SERVED, None).mark is None


def test_slower_is_said_again_at_once_and_kept() -> None:
    step = said("slower please", SERVED)
    assert step.decision == Reply((Told("slower"), Answer("data-left")))
    assert step.state.slow
    assert step.state.lines == (Answer("data-left"),)
    worn = said("slower please", replace(SERVED, repeats=2))
    assert isinstance(worn.decision, HandOver)
    assert worn.decision.reason is Why.NOT_HEARD


def test_what_is_asked_again_is_the_same_kind_of_question() -> None:
    lines: tuple[Line, ...] = (Prompt("again"),)
    assert asked_again(State(options=("a",)), lines) == Clarify(lines, ("a",))
    assert asked_again(State(errand=Errand(asking="pin")), lines) == Verify("pin", lines)
    assert asked_again(State(errand=Errand(asking="area")), lines) == Reply(lines)
