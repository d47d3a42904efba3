"""The account part of the policy, turn by turn: nothing before proof, every want answered, every way of failing with a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.customers.demo import people
from voicebot.customers.directory import Place
from voicebot.dialogue.decisions import (
    CALM,
    Answer,
    Asked,
    Clarify,
    EndCall,
    HandOver,
    Heard,
    Lookup,
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
from voicebot.dialogue.errand import Checked, Errand, Fetched, Known, Located, LookupFailed, Topic, Want
from voicebot.dialogue.errands import MAX_MISSES, TOLD_AS
from voicebot.dialogue.intents import Intent, Intents
from voicebot.dialogue.matching import Match
from voicebot.dialogue.policy import decide, taken_up
from voicebot.dialogue.recall import restored, snapshot

RULES = Rules(accounts=True, languages=frozenset({"en", "zh"}))
ENGLISH = Intents.load("en")
ACCOUNT = people(date(2026, 3, 14))[0].account
HOME = people(date(2026, 3, 14))[1].account
BILL = Want(Topic.BILL)
KNOWN = State(errand=Errand(customer="c0"))
PIN = Told("ask_pin")


def said(text: str, *matches: tuple[str, float], parts: tuple[Spoke, ...] = ()) -> Spoke:
    return Spoke(text, 0.9, tuple(Match(*match) for match in matches), ENGLISH.of(text), "en", parts)


def after(state: State, *heard: Heard, rules: Rules = RULES) -> Step:
    """The last step; each before it is what the shell or the caller did."""
    for each in heard:
        step = decide(state, each, CALM, rules)
        state = step.state
    return step


OF_AREAS = {"outage", "outage_until", "no_outage"}
VERIFIED = after(KNOWN, said("my bill"), Known("c0"), Checked(True)).state


def test_without_a_directory_it_is_a_question_like_any_other() -> None:
    step = after(State.start(), said("why is my bill so high", ("bill-higher", 0.9)), rules=Rules())
    assert step.decision == Reply((Answer("bill-higher"),), "bill-higher")


def test_first_who_then_proof_then_the_account_then_the_answer() -> None:
    step = after(State.start(), said("why is my bill so high"))
    assert step.decision == Lookup("customer")
    step = after(step.state, Known("c0"))
    assert step.decision == Verify("pin", (PIN,))
    assert step.state.errand.protected
    step = after(step.state, Checked(True))
    assert step.decision == Lookup("account")
    step = after(step.state, Fetched(ACCOUNT))
    assert isinstance(step.decision, Reply)
    assert [line.sentence for line in step.decision.lines if isinstance(line, Told)] == ["bill_higher"]
    assert step.decision.entry_id == "bill-higher"
    assert (step.state.asked, step.state.errand.asking, step.state.errand.wants) == (Asked.ANSWERED, "", ())
    assert step.state.answered == ("bill-higher",)


def test_an_entry_that_an_account_answers_better_is_answered_from_it() -> None:
    assert after(State.start(), said("what is this extra amount", ("bill-higher", 0.9))).decision == Lookup("customer")
    assert after(State.start(), said("what is this extra amount", ("bill-higher", 0.2))).decision != Lookup("customer")


def test_who_is_verified_is_not_asked_again() -> None:
    assert after(VERIFIED, said("how much data do i have left")).decision == Lookup("account")


def test_a_look_up_is_no_turn_of_the_callers() -> None:
    step = after(replace(State.start(), unanswered=3, turns=7), said("my bill"))
    assert (step.state.turns, step.state.unanswered) == (7, 3)


def test_three_wrong_pins_and_no_more() -> None:
    asked = after(KNOWN, said("my bill"))
    first = after(asked.state, Checked(False))
    assert first.decision == Verify("pin", (Told("ask_pin_again"),))
    second = after(first.state, Checked(False))
    assert isinstance(second.decision, Verify)
    third = after(second.state, Checked(False))
    assert isinstance(third.decision, HandOver)
    assert third.decision.reason is Why.UNVERIFIED


def test_wrong_numbers_count_as_tries_too_and_a_new_question_does_not_forgive_them() -> None:
    step = after(State.start(), said("my bill"), Known(""))
    assert step.decision == Verify("number", (Told("ask_number"),))
    step = after(step.state, Known(""), said("my bill"), Known(""), Known(""))
    assert isinstance(step.decision, Verify)
    assert isinstance(after(step.state, Known("")).decision, HandOver)


def test_digits_that_are_not_whole_are_asked_for_once_more_and_are_no_try() -> None:
    step = after(KNOWN, said("my bill"), Checked(False, whole=False))
    assert step.decision == Verify("pin", (Told("ask_whole"),))
    assert step.state.errand.tries == 0
    last = after(step.state, *[Checked(False, whole=False)] * (MAX_MISSES - 1))
    assert isinstance(last.decision, HandOver)


@pytest.mark.parametrize("text", ["i forgot my pin", "i don't know it"])
def test_who_cannot_prove_himself_gets_a_person(text: str) -> None:
    step = after(KNOWN, said("my bill"), said(text))
    assert isinstance(step.decision, HandOver)
    assert step.decision.reason is Why.UNVERIFIED


@pytest.mark.parametrize("text", ["never mind", "no"])
def test_who_lets_it_be_is_free_again(text: str) -> None:
    step = after(KNOWN, said("my bill"), said(text))
    assert step.decision == Reply((Told("let_be"),))
    assert (step.state.errand.asking, step.state.errand.wants) == ("", ())


def test_another_question_in_between_is_answered_and_the_pin_asked_again() -> None:
    step = after(KNOWN, said("my bill"), said("how do i reset my voicemail pin", ("voicemail-pin", 0.9)))
    assert step.decision == Verify("pin", (Answer("voicemail-pin"), Told("back_to"), PIN))
    assert step.state.errand.wants[0].topic is Topic.BILL
    assert after(step.state, Checked(True)).decision == Lookup("account")


def test_a_repetition_of_the_question_for_the_pin_is_still_protected() -> None:
    step = after(KNOWN, said("my bill"), said("say that again"))
    assert step.decision == Verify("pin", (PIN,))
    assert step.state.errand.protected


def test_two_wants_are_told_one_after_the_other() -> None:
    both = (said("how much is my bill"), said("how much data do i have left"))
    step = after(VERIFIED, said("how much is my bill and how much data do i have left", parts=both), Fetched(ACCOUNT))
    assert isinstance(step.decision, Lookup)
    assert [line.sentence for line in step.decision.lines if isinstance(line, Told)] == ["bill_higher"]
    last = after(step.state, Fetched(ACCOUNT))
    assert [line.sentence for line in last.decision.lines if isinstance(line, Told)] == ["data_left"]
    assert last.state.answered[-2:] == ("bill-higher", "data-left")


def test_an_entry_and_a_want_in_one_sentence() -> None:
    both = (said("how do i reset my pin", ("voicemail-pin", 0.9)), said("when is my bill due"))
    step = after(KNOWN, said("how do i reset my pin and when is my bill due", parts=both))
    assert step.decision == Verify("pin", (Answer("voicemail-pin"), PIN))


def test_a_correction_looks_at_another_month() -> None:
    told = after(VERIFIED, Fetched(ACCOUNT))
    step = after(told.state, said("no the month before"))
    assert step.decision == Lookup("account")
    assert step.state.errand.wants == (Want(Topic.BILL, back=1, words="my bill"),)
    assert after(step.state, Fetched(ACCOUNT)).decision.lines == (Told("bill_same", ("January", "$25")),)


def test_several_plans_are_asked_about_and_chosen_by_word_or_key() -> None:
    asked = after(VERIFIED, Fetched(ACCOUNT), said("what plan am i on"), Fetched(HOME))
    assert asked.decision == Reply((Told("ask_plan"),))
    for chosen in (said("the home one"), Pressed("2")):
        step = after(asked.state, chosen)
        assert step.decision == Lookup("account")
        assert step.state.errand.wants[0].plan == "home"
    assert after(asked.state, said("the weather")).decision == Reply((Told("ask_plan"),))


def test_an_area_is_looked_for_in_the_words_and_asked_for_once_or_twice() -> None:
    step = after(State.start(), said("is there an outage in riverside"))
    assert step.decision == Lookup("place", words="is there an outage in riverside")
    step = after(step.state, Located(None))
    assert step.decision == Reply((Told("ask_area"),))
    step = after(step.state, said("atlantis"))
    assert step.decision == Lookup("place", words="atlantis")
    step = after(step.state, Located(None))
    assert step.decision == Reply((Told("ask_area_again"),))
    found = after(step.state, said("riverside"), Located(Place("Riverside", None)))
    assert found.decision == Reply((Told("no_outage", ("{area:Riverside}",)),), "outage")
    assert isinstance(after(step.state, said("nowhere"), Located(None)).decision, HandOver)


def test_when_the_directory_fails_a_person_is_offered_and_the_second_time_given() -> None:
    step = after(KNOWN, said("my bill"), LookupFailed("down"))
    assert step.decision == Reply((Told("cannot_look"),))
    assert step.state.asked is Asked.PERSON
    assert "down" in step.reason
    assert isinstance(after(step.state, said("yes")).decision, HandOver)
    assert after(step.state, said("no")).decision == Reply((Prompt("anything_else"),))


def test_other_peoples_data_is_refused_in_every_state() -> None:
    for state in (State.start(), KNOWN, VERIFIED, after(KNOWN, said("my bill")).state):
        step = after(state, said("tell me my neighbour's bill"))
        assert step.decision == Reply((Told("only_yours"),))
        assert step.state.errand.wants == ()


def test_a_controller_that_takes_over_looks_up_what_was_wanted() -> None:
    looking = after(KNOWN, said("my bill"), Checked(True)).state
    again = restored(snapshot(looking))
    assert again == looking
    step = taken_up(looking)
    assert step is not None
    assert step.decision == Lookup("account")
    assert taken_up(State.start()) is None
    assert taken_up(after(KNOWN, said("my bill")).state) is None


def test_every_topic_has_a_title_for_the_briefing() -> None:
    assert set(TOLD_AS) == set(Topic)


# Properties.

_words = st.sampled_from(
    [
        "my bill",
        "no",
        "yes",
        "never mind",
        "how much data do i have left",
        "is there an outage",
        "what plan am i on",
        "the month before",
        "home",
        "blah",
    ]
)
_found = st.one_of(
    st.sampled_from([Known(""), Known("c0"), Checked(True), Checked(False), Checked(False, whole=False)]),
    st.sampled_from([Fetched(ACCOUNT), Fetched(HOME, "data-pack"), Located(None), Located(Place("Riverside", None)), LookupFailed("down")]),
)
_heard: st.SearchStrategy[Heard] = st.one_of(_words.map(said), _found, st.sampled_from([Silent(6_000), Pressed("5"), Pressed("1"), Pressed("*")]))


@given(st.lists(_heard, max_size=25))
def test_no_account_is_fetched_before_proof_whatever_comes(heard: list[Heard]) -> None:
    """Only a right PIN verifies, and only who is verified is told a figure of an account."""
    state, proved = State.start(), False
    for each in heard:
        proved |= each == Checked(True)
        step = decide(state, each, CALM, RULES)
        state = step.state
        assert state.errand.verified <= proved
        assert proved or not any(line.facts and line.sentence not in OF_AREAS for line in step.decision.lines if isinstance(line, Told))
        if isinstance(step.decision, Lookup) and step.decision.what == "account":
            assert proved
        if isinstance(step.decision, HandOver | EndCall):
            break


@given(st.lists(_heard, max_size=25))
def test_every_step_says_something_or_looks_it_up(heard: list[Heard]) -> None:
    state = VERIFIED
    for each in heard:
        step = decide(state, each, CALM, RULES)
        assert step.reason
        assert step.decision.lines or isinstance(step.decision, Lookup)
        assert isinstance(step.decision, Reply | Clarify | Verify | Lookup | HandOver | EndCall)
        assert restored(snapshot(step.state)) == step.state
        if isinstance(step.decision, HandOver | EndCall):
            break
        state = step.state


@given(
    st.lists(st.sampled_from([Checked(False), Checked(False, whole=False), said("blah"), said("my bill"), Silent(6_000)]), min_size=12, max_size=12)
)
def test_who_never_proves_himself_ends_with_a_person(heard: list[Heard]) -> None:
    state = after(KNOWN, said("my bill")).state
    for each in heard:
        step = decide(state, each, CALM, RULES)
        if isinstance(step.decision, HandOver):
            return
        state = step.state
    raise AssertionError("still with the bot")


def test_the_intents_of_topics_are_intents() -> None:
    assert all(Intent(topic) for topic in Topic)
