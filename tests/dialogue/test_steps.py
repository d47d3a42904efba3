"""What each step says, what the call remembers after it, and what it forgets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.decisions import Answer, Asked, EndCall, HandOver, MenuItem, Prompt, Reply, Rules, State, Why
from voicebot.dialogue.steps import PROMPTS, after, answer, hand_over, menu_lines, missed, read_menu, say

MENU = {"2": "roaming", "1": "pin"}


@given(st.from_type(State))
def test_a_turn_is_counted_what_held_for_one_turn_is_forgotten_and_the_rest_kept(state: State) -> None:
    step = after(state, EndCall((), "contained"), "why")
    forgotten = replace(state, lines=(), asked=Asked.QUESTION, options=(), silences=0, repeats=0)
    assert step.state == replace(forgotten, turns=state.turns + 1, unanswered=state.unanswered + 1)
    assert (step.decision, step.reason, step.opt_outs) == (EndCall((), "contained"), "why", frozenset())


def test_changes_win_over_what_is_forgotten_and_counted() -> None:
    step = say(State(unanswered=3, silences=1), "still_there", "silence", silences=2, unanswered=0)
    assert (step.state.silences, step.state.unanswered) == (2, 0)
    assert step.state.lines == step.decision.lines == (Prompt("still_there"),)


def test_an_answer_forgives_all_that_went_wrong_before() -> None:
    troubled = State(unanswered=5, misses=1, noises=2, wrong_keys=1, silences=1, answered=("roaming",), same=2)
    step = answer(troubled, "pin", "match")
    assert step.decision == Reply((Answer("pin"),), "pin")
    later = step.state
    assert (later.unanswered, later.misses, later.noises, later.wrong_keys, later.silences) == (0, 0, 0, 0, 0)
    assert (later.asked, later.answered, later.same) == (Asked.ANSWERED, ("roaming", "pin"), 1)


def test_the_same_question_is_answered_shorter_with_an_offer_and_then_by_a_person() -> None:
    first = answer(State.start(), "pin", "match")
    second = answer(first.state, "pin", "match")
    assert second.decision == Reply((Prompt("again"), Answer("pin", "short"), Prompt("offer_person")), "pin")
    assert (second.state.asked, second.state.same) == (Asked.PERSON, 2)
    third = answer(second.state, "pin", "match")
    assert third.decision == HandOver(Why.SAME_QUESTION, "normal", (Prompt("connecting_sorry"),))
    assert [step.reason for step in (first, second, third)] == ["match", "match, asked twice", "match, asked 3 times"]


def test_another_question_in_between_starts_the_count_anew() -> None:
    state = State.start()
    for entry_id in ("pin", "roaming", "pin"):
        state = answer(state, entry_id, "match").state
    assert (state.same, state.answered) == (1, ("pin", "roaming", "pin"))


def test_by_keys_the_same_entry_is_read_as_often_as_it_is_asked_for() -> None:
    state = State.start(menu=True)
    for _ in range(4):
        step = answer(state, "pin", "key 1")
        assert step.decision == Reply((Answer("pin"), Prompt("menu_after")), "pin")
        state = step.state
    assert state.menu


@pytest.mark.parametrize("why", Why)
def test_every_reason_for_a_person_has_a_line_and_danger_alone_is_urgent(why: Why) -> None:
    decision = hand_over(State.start(), why, "reason").decision
    assert isinstance(decision, HandOver)
    assert decision.reason is why
    assert (decision.urgency == "high") is (why in {Why.EMERGENCY, Why.SELF_HARM, Why.FRAUD, Why.VULNERABLE})
    [line] = decision.lines
    assert isinstance(line, Prompt)
    assert PROMPTS[line.name] == 0
    assert (line.name == "connecting") is (why in {Why.PERSON, Why.ACCEPTED, Why.VULNERABLE, Why.COMPLEX, Why.ABUSE, Why.LANGUAGE, Why.SUPERVISOR})


def test_what_is_missed_once_too_often_goes_to_a_person() -> None:
    rules = Rules(max_misses=2)
    first = missed(State.start(), "say_again", "no match", rules)
    assert (first.decision, first.state.misses) == (Reply((Prompt("say_again"),)), 1)
    second = missed(first.state, "other_words", "no match", rules)
    assert isinstance(second.decision, HandOver)
    assert (second.decision.reason, second.reason) == (Why.NOT_UNDERSTOOD, "no match; 2 times in a row")


def test_the_menu_is_read_in_its_own_order_with_a_person_last_and_led_by_keys_from_then_on() -> None:
    step = read_menu(State.start(), "asked for", Rules(menu=MENU))
    assert step.decision == Reply((Prompt("menu_intro"), MenuItem("2", "roaming"), MenuItem("1", "pin"), Prompt("menu_person")))
    assert step.state.menu


def test_a_menu_without_entries_offers_a_person_alone() -> None:
    assert menu_lines(Rules()) == (Prompt("menu_person"),)
