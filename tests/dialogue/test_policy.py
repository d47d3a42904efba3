"""Conversations as a call-centre lead would write them, and the proof that no way of failing goes on for ever.

A script is read line by line. What happens on the line: `caller:` words, `[entry 0.9]` what the matcher makes of them, `noise:` words that the
recogniser doubts, `key:`, `silence`, `no audio`, `recogniser fails`. What must follow: `bot:` the lines it says, `which:` a question back,
`person:` a handover, `end:` the call is over.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.decisions import (
    CALM,
    Answer,
    Clarify,
    Decision,
    EndCall,
    HandOver,
    Heard,
    Line,
    Lookup,
    MenuItem,
    NoAudio,
    Pressed,
    Prompt,
    RecogniserFailed,
    Reply,
    Rules,
    Sense,
    Silent,
    Spoke,
    State,
    Step,
    Told,
    Verify,
    Why,
)
from voicebot.dialogue.intents import Intent, Intents
from voicebot.dialogue.matching import Match
from voicebot.dialogue.policy import decide, opening
from voicebot.dialogue.prompts import GAPS, Prompts
from voicebot.dialogue.steps import PROMPTS

RULES = Rules(accept=0.6, clarify=0.35, margin=0.1, menu={"1": "pin", "2": "roaming"})
ENGLISH = Intents.load("en")

SPEECH = {
    "a question is answered, thanks, no more, goodbye": """
        caller: how do i reset my voicemail pin [pin 0.9, roaming 0.1]
        bot: pin
        caller: thanks
        bot: anything_else
        caller: no that's it thank you
        end: contained, goodbye
    """,
    "thanks twice ends the call": """
        caller: my pin [pin 0.9]
        bot: pin
        caller: thank you
        bot: anything_else
        caller: thank you bye
        end: contained, goodbye
    """,
    "okay, and another question": """
        caller: my pin [pin 0.9]
        bot: pin
        caller: okay
        bot: anything_else
        caller: yes
        bot: go_ahead
        caller: is roaming included [roaming 0.8]
        bot: roaming
        caller: no thanks
        end: contained, goodbye
    """,
    "no to anything else": """
        caller: my pin [pin 0.9]
        bot: pin
        silence
        bot: anything_else
        caller: no
        end: contained, goodbye
    """,
    "a question wins over the hello and the thanks around it": """
        caller: hello how do i reset my pin thank you [pin 0.9]
        bot: pin
    """,
    "only hello": """
        caller: hello
        bot: how_can_i_help
        caller: goodbye
        end: unanswered, goodbye
    """,
    "yes and no to nothing, thanks for nothing": """
        caller: yes
        bot: go_ahead
        caller: no
        bot: go_ahead
        caller: thanks
        bot: anything_else
    """,
    "two close entries: the first": """
        caller: what about my plan [pin 0.7, roaming 0.65]
        which: did_you_mean(pin, roaming)
        caller: the first one
        bot: pin
    """,
    "two close entries: yes means the likelier": """
        caller: what about my plan [pin 0.7, roaming 0.65]
        which: did_you_mean(pin, roaming)
        caller: yes
        bot: pin
    """,
    "two close entries: the second": """
        caller: what about my plan [pin 0.5, roaming 0.4]
        which: did_you_mean(pin, roaming)
        caller: the second
        bot: roaming
    """,
    "two close entries: named": """
        caller: what about my plan [pin 0.5, roaming 0.4]
        which: did_you_mean(pin, roaming)
        caller: the roaming one [roaming 0.5, billing 0.4]
        bot: roaming
    """,
    "two close entries: key 2": """
        caller: what about my plan [pin 0.5, roaming 0.4]
        which: did_you_mean(pin, roaming)
        key: 2
        bot: roaming
    """,
    "two close entries: neither, but something else": """
        caller: what about my plan [pin 0.5, roaming 0.4]
        which: did_you_mean(pin, roaming)
        caller: neither
        bot: other_words
        caller: my bill [bill 0.9]
        bot: bill
    """,
    "two close entries: another question is simply answered": """
        caller: what about my plan [pin 0.5, roaming 0.4]
        which: did_you_mean(pin, roaming)
        caller: why is my bill so high [bill 0.9, pin 0.85]
        bot: bill
    """,
    "two close entries: thanks is no choice": """
        caller: what about my plan [pin 0.5, roaming 0.4]
        which: did_you_mean(pin, roaming)
        caller: thank you
        bot: anything_else
    """,
    "no second question back in a row": """
        caller: what about my plan [pin 0.5, roaming 0.4]
        which: did_you_mean(pin, roaming)
        caller: my bill or my contract [bill 0.5, contract 0.45]
        bot: say_again
    """,
    "one unsure entry is asked about": """
        caller: the thing with the message [pin 0.5, roaming 0.2]
        which: did_you_mean_this(pin)
        caller: yes
        bot: pin
    """,
    "the choice survives silence, a pause and a noise": """
        caller: what about my plan [pin 0.5, roaming 0.4]
        which: did_you_mean(pin, roaming)
        silence
        bot: still_there
        caller: one moment please
        bot: take_your_time
        noise: uh
        bot: say_again_noise
        caller: the second one
        bot: roaming
    """,
    "the question back is repeated": """
        caller: what about my plan [pin 0.5, roaming 0.4]
        which: did_you_mean(pin, roaming)
        caller: pardon
        which: did_you_mean(pin, roaming)
        caller: the second one
        bot: roaming
    """,
    "not understood twice": """
        caller: the blue one with the thing [pin 0.1]
        bot: say_again
        caller: the thing i said
        person: was not understood, connecting_sorry
    """,
    "not understood, then understood, counts anew": """
        caller: the blue one with the thing
        bot: say_again
        caller: my pin [pin 0.9]
        bot: pin
        caller: the blue one with the thing
        bot: say_again
    """,
    "noise is forgiven once": """
        noise: bah
        bot: say_again_noise
        noise: bah
        bot: say_again
        noise: bah
        person: was not understood, connecting_sorry
    """,
    "neither, then not understood": """
        caller: what about my plan [pin 0.5, roaming 0.4]
        which: did_you_mean(pin, roaming)
        caller: no
        bot: other_words
        caller: the thing i said
        person: was not understood, connecting_sorry
    """,
    "the answer was not what was asked": """
        caller: my pin [pin 0.9]
        bot: pin
        caller: no that's not what i meant
        bot: other_words
    """,
    "say that again, then shorter, then a person": """
        caller: my pin [pin 0.9]
        bot: pin
        caller: say that again
        bot: pin
        caller: sorry what did you say
        bot: pin:short
        key: *
        person: could not hear the answer, connecting_sorry
    """,
    "say that again right after the greeting": """
        caller: pardon
        bot: how_can_i_help
    """,
    "the same question twice: the short answer and a person if wanted": """
        caller: my pin [pin 0.9]
        bot: pin
        caller: how do i reset my pin [pin 0.9]
        bot: again, pin:short, offer_person
        caller: yes please
        person: accepted the offer of a person, connecting
    """,
    "the offer of a person is declined": """
        caller: my pin [pin 0.9]
        bot: pin
        caller: how do i reset my pin [pin 0.9]
        bot: again, pin:short, offer_person
        caller: no thanks
        bot: anything_else
    """,
    "the same question three times": """
        caller: my pin [pin 0.9]
        bot: pin
        caller: my pin [pin 0.9]
        bot: again, pin:short, offer_person
        caller: my pin [pin 0.9]
        person: asked the same question again, connecting_sorry
    """,
    "another question in between is a fresh start": """
        caller: my pin [pin 0.9]
        bot: pin
        caller: roaming [roaming 0.9]
        bot: roaming
        caller: my pin [pin 0.9]
        bot: pin
    """,
    "a person, in the middle of anything": """
        caller: what about my plan [pin 0.5, roaming 0.4]
        which: did_you_mean(pin, roaming)
        caller: just give me a human please [pin 0.9]
        person: asked for a person, connecting
    """,
    "danger goes before everything": """
        caller: get me an agent there is a gas leak in my kitchen [pin 0.9]
        person: reports an emergency, connecting_emergency, high
    """,
    "self-harm": """
        caller: i want to kill myself
        person: speaks of self-harm, connecting_self_harm, high
    """,
    "fraud in progress": """
        caller: someone is asking me for a code right now
        person: reports fraud in progress, connecting_fraud, high
    """,
    "is this a robot": """
        caller: are you a robot
        bot: about_bot
    """,
    "key 0 at any time": """
        caller: my pin [pin 0.9]
        bot: pin
        key: 0
        person: asked for a person, connecting
    """,
    "silent from the start": """
        silence
        bot: still_there
        silence
        person: stayed silent, connecting_sorry
    """,
    "silent after an answer": """
        caller: my pin [pin 0.9]
        bot: pin
        silence
        bot: anything_else
        silence
        bot: still_there
        silence
        person: stayed silent, connecting_sorry
    """,
    "nobody there at all never fills the queue": """
        no audio
        end: no_audio
    """,
    "a menu for who asks for it, and speech is still understood": """
        caller: main menu
        bot: menu_intro, 1=pin, 2=roaming, menu_person
        caller: my bill [bill 0.9]
        bot: bill
    """,
    "a stray key brings the menu": """
        key: 7
        bot: menu_intro, 1=pin, 2=roaming, menu_person
        key: 1
        bot: pin, menu_after
        key: 1
        bot: pin, menu_after
    """,
    "a menu answer heard before does not count as a question asked before": """
        recogniser fails
        bot: menu_intro, 1=pin, 2=roaming, menu_person
        key: 2
        bot: roaming, menu_after
        key: 2
        bot: roaming, menu_after
        caller: is roaming included [roaming 0.9]
        bot: again, roaming:short, offer_person
    """,
    "the recogniser fails: the menu is the last resort": """
        recogniser fails
        bot: menu_intro, 1=pin, 2=roaming, menu_person
        key: 2
        bot: roaming, menu_after
    """,
    "the recogniser fails again and again": """
        recogniser fails
        bot: menu_intro, 1=pin, 2=roaming, menu_person
        recogniser fails
        bot: menu_intro, 1=pin, 2=roaming, menu_person
        recogniser fails
        person: could not be heard by the bot, connecting_sorry
    """,
    "saying hello for ever": "caller: hello\nbot: how_can_i_help\n" * 5 + "caller: hello\nperson: got no answer in many turns, connecting_sorry",
}

MENU = {
    "keys lead to answers, star repeats, hash reads the menu": """
        key: 1
        bot: pin, menu_after
        key: *
        bot: pin, menu_after
        key: #
        bot: menu_intro, 1=pin, 2=roaming, menu_person
    """,
    "unknown key twice": """
        key: 9
        bot: wrong_key, menu_intro, 1=pin, 2=roaming, menu_person
        key: 8
        person: pressed unknown keys, connecting_sorry
    """,
    "silent in the menu": """
        silence
        bot: still_there, menu_intro, 1=pin, 2=roaming, menu_person
        silence
        person: stayed silent, connecting_sorry
    """,
}


def _matches(text: str | None) -> tuple[Match, ...]:
    pairs = (pair.split() for pair in text.split(",")) if text else ()
    return tuple(Match(entry_id, float(confidence)) for entry_id, confidence in pairs)


def _heard(line: str) -> Heard:
    what, _, rest = line.partition(":")
    fixed: dict[str, Heard] = {"silence": Silent(6_000), "no audio": NoAudio(), "recogniser fails": RecogniserFailed()}
    if what in fixed:
        return fixed[what]
    if what == "key":
        return Pressed(rest.strip())
    said = re.fullmatch(r"\s*([^\[]*?)\s*(?:\[(.*)\])?", rest)
    assert said is not None
    return Spoke(said[1], 0.1 if what == "noise" else 0.9, _matches(said[2]), ENGLISH.of(said[1]))


def _line(line: Line) -> str:
    match line:
        case Prompt(name, titles):
            return f"{name}({', '.join(titles)})" if titles else name
        case Answer(entry_id, variant):
            return entry_id if variant == "full" else f"{entry_id}:{variant}"
        case MenuItem(key, entry_id):
            return f"{key}={entry_id}"
        case Told(sentence):
            return sentence


def _written(decision: Decision) -> str:
    lines = [_line(line) for line in decision.lines]
    match decision:
        case Reply() | Lookup() | Verify():
            return "bot: " + ", ".join(lines)
        case Clarify():
            return "which: " + ", ".join(lines)
        case HandOver(reason, urgency):
            return f"person: {', '.join([reason, *lines, *(['high'] if urgency == 'high' else [])])}"
        case EndCall(_, outcome):
            return "end: " + ", ".join([outcome, *lines])


def _played(script: str, state: State, rules: Rules = RULES) -> list[Step]:
    lines = [line.strip() for line in script.strip().splitlines()]
    steps = []
    for heard, expected in zip(lines[::2], lines[1::2], strict=True):
        steps.append(decide(state, _heard(heard), CALM, rules))
        state = steps[-1].state
        assert _written(steps[-1].decision) == expected, f"after {heard!r}: {steps[-1].reason}"
    return steps


@pytest.mark.parametrize("name", SPEECH)
def test_conversation(name: str) -> None:
    _played(SPEECH[name], State.start())


@pytest.mark.parametrize("name", MENU)
def test_conversation_by_keys(name: str) -> None:
    _played(MENU[name], State.start(menu=True))


def test_a_script_that_expects_something_else_fails() -> None:
    with pytest.raises(AssertionError, match="matched pin"):
        _played("caller: my pin [pin 0.9]\nbot: roaming", State.start())


def test_no_speech_may_end_the_call_instead_of_filling_the_queue() -> None:
    rules = replace(RULES, no_speech_then="end")
    _played("silence\nbot: still_there\nsilence\nend: silent, goodbye", State.start(), rules)
    answered = "caller: my pin [pin 0.9]\nbot: pin\nsilence\nbot: anything_else\nsilence\nbot: still_there\nsilence\nend: contained, goodbye"
    _played(answered, State.start(), rules)


def test_a_hotline_without_a_menu_still_offers_a_person() -> None:
    bare = Rules()
    _played(
        "key: #\nbot: menu_person\nkey: 5\nbot: wrong_key, menu_person\nkey: 5\nperson: pressed unknown keys, connecting_sorry", State.start(), bare
    )
    _played("recogniser fails\nperson: could not be heard by the bot, connecting_sorry", State.start(), bare)


def test_the_opening_reads_the_menu_only_where_the_bot_does_not_listen() -> None:
    assert opening(State.start(), RULES) == (Prompt("greeting"),)
    menu = (Prompt("menu_intro"), MenuItem("1", "pin"), MenuItem("2", "roaming"), Prompt("menu_person"))
    assert opening(State.start(menu=True), RULES) == (Prompt("greeting"), *menu)


def test_an_upset_caller_gets_a_person_with_the_evidence() -> None:
    step = decide(State.start(), _heard("caller: my pin [pin 0.9]"), Sense(escalate=True, evidence="said 'ridiculous'"), RULES)
    assert isinstance(step.decision, HandOver)
    assert step.decision.reason is Why.UPSET
    assert "ridiculous" in step.reason


def test_who_complains_and_is_upset_goes_as_upset_with_the_complaint_in_the_reason() -> None:
    step = decide(State.start(), _heard("caller: i want to make a complaint"), Sense(escalate=True, evidence="said 'ridiculous'"), RULES)
    assert isinstance(step.decision, HandOver)
    assert step.decision.reason is Why.UPSET
    assert (step.reason, step.triaged and step.triaged.kind) == ("upset: said 'ridiculous'; complains", "complaint")


def test_danger_and_the_wish_for_a_person_stay_what_they_are_however_upset() -> None:
    for text, why in (("there is a fire", Why.EMERGENCY), ("give me an agent", Why.PERSON)):
        step = decide(State.start(), _heard(f"caller: {text}"), Sense(escalate=True), RULES)
        assert isinstance(step.decision, HandOver)
        assert step.decision.reason is why


@pytest.mark.parametrize("first", [False, True])
def test_the_upset_come_first_only_where_the_hotline_says_so(*, first: bool) -> None:
    step = decide(State.start(), _heard("caller: my pin"), Sense(escalate=True), replace(RULES, upset_first=first))
    assert isinstance(step.decision, HandOver)
    assert (step.decision.urgency == "high") is first


def test_opting_out_is_confirmed_and_flagged() -> None:
    step = decide(State.start(), _heard("caller: please don't record me"), CALM, RULES)
    assert step.opt_outs == {"recording"}
    assert step.decision.lines == (Prompt("no_recording"), Prompt("how_can_i_help"))
    both = decide(State.start(), _heard("caller: don't analyse my voice and don't record this call"), CALM, RULES)
    assert both.opt_outs == {"analysis", "recording"}
    assert both.decision.lines[:2] == (Prompt("no_analysis"), Prompt("no_recording"))


def test_opting_out_is_obeyed_even_when_something_more_urgent_decides() -> None:
    step = decide(State.start(), _heard("caller: don't record me give me an agent"), CALM, RULES)
    assert isinstance(step.decision, HandOver)
    assert step.opt_outs == {"recording"}
    late = decide(replace(State.start(), unanswered=5), _heard("caller: don't record me"), CALM, RULES)
    assert isinstance(late.decision, HandOver)
    assert late.opt_outs == {"recording"}


@pytest.mark.parametrize(("text", "noise"), [("", True), ("嗯那", True), ("我要查话费", False)])
def test_noise_in_mandarin_is_two_characters_at_most(text: str, noise: bool) -> None:
    step = decide(State.start(), Spoke(text, 0.1, language="zh"), CALM, RULES)
    assert step.decision.lines == (Prompt("say_again_noise" if noise else "say_again"),)


def test_an_unsure_recogniser_does_not_silence_a_sentence() -> None:
    step = decide(State.start(), Spoke("my pin is gone", 0.1, (Match("pin", 0.9),)), CALM, RULES)
    assert step.decision.lines == (Answer("pin"),)


@pytest.mark.parametrize(
    ("confidences", "expected"),
    [
        ((0.6, 0.49), Reply),  # sure, and far enough ahead
        ((0.6, 0.51), Clarify),  # sure, but a rival is too close
        ((0.59, 0.35), Clarify),  # not sure, two are worth asking about
        ((0.59, 0.34), Clarify),  # not sure, one is worth asking about
        ((0.34, 0.33), Reply),  # neither: say that again
    ],
)
def test_thresholds_hold_at_their_edges(confidences: tuple[float, float], expected: type[Decision]) -> None:
    matches = (Match("pin", confidences[0]), Match("roaming", confidences[1]))
    assert isinstance(decide(State.start(), Spoke("my pin is gone", matches=matches), CALM, RULES).decision, expected)


# Properties: whatever happens, nobody is caught in a loop.

_confidence = st.floats(0, 1)
_match_lists = st.lists(
    st.builds(Match, st.sampled_from(["pin", "roaming", "bill"]), _confidence), max_size=3, unique_by=lambda match: match.entry_id
)
_sorted_matches = _match_lists.map(lambda found: tuple(sorted(found, key=lambda match: -match.confidence)))
_intents = st.frozensets(st.sampled_from(Intent), max_size=3)
_spoke = st.builds(Spoke, st.text(max_size=20), _confidence, _sorted_matches, _intents, st.sampled_from(["en", "zh"]))
_keys = st.sampled_from("0123456789*#ABCD").map(Pressed)
_others: st.SearchStrategy[Heard] = st.one_of(st.builds(Silent, st.integers(0, 60_000)), st.just(NoAudio()), st.just(RecogniserFailed()), _keys)
_anything: st.SearchStrategy[Heard] = st.one_of(_spoke, _others)
_unanswerable: st.SearchStrategy[Heard] = st.one_of(
    st.builds(Spoke, st.text(max_size=20), _confidence, st.just(()), _intents, st.sampled_from(["en", "zh"])),
    st.sampled_from("3456789*#ABCD").map(Pressed),
    st.just(Silent(6_000)),
    st.just(RecogniserFailed()),
)
_failures: st.SearchStrategy[Heard] = st.sampled_from([Spoke("blah blah"), Spoke("", 0.0), Pressed("9"), Silent(6_000), RecogniserFailed()])
_rules = st.builds(
    Rules,
    max_misses=st.integers(1, 3),
    max_silences=st.integers(1, 3),
    max_wrong_keys=st.integers(1, 3),
    no_speech_then=st.sampled_from(["queue", "end"]),
    menu=st.sampled_from([{}, {"1": "pin", "2": "roaming"}]),
)


def _run(events: list[Heard], rules: Rules, menu: bool) -> list[Step]:
    state, steps = State.start(menu), []
    for event in events:
        steps.append(decide(state, event, CALM, rules))
        if isinstance(steps[-1].decision, HandOver | EndCall):
            break
        state = steps[-1].state
    return steps


@given(st.lists(_unanswerable, min_size=6, max_size=6), _rules, st.booleans())
def test_without_an_answer_every_call_ends_within_the_bound(events: list[Heard], rules: Rules, menu: bool) -> None:
    assert isinstance(_run(events, rules, menu)[-1].decision, HandOver | EndCall)


@given(st.lists(_failures, min_size=6, max_size=6), st.booleans())
def test_failing_in_any_mixture_ends_with_a_person_within_six_turns(events: list[Heard], menu: bool) -> None:
    assert isinstance(_run(events, RULES, menu)[-1].decision, HandOver)


@given(st.lists(_anything, max_size=30), _rules, st.booleans())
def test_every_step_has_a_reason_known_prompts_and_something_to_say(events: list[Heard], rules: Rules, menu: bool) -> None:
    previous: Decision | None = None
    for step in _run(events, rules, menu):
        prompts = [line for line in step.decision.lines if isinstance(line, Prompt)]
        assert all(PROMPTS[prompt.name] == len(prompt.titles) for prompt in prompts)
        assert step.reason
        assert step.decision.lines or step.decision == EndCall((), "no_audio")
        if isinstance(step.decision, Clarify) and isinstance(previous, Clarify):
            assert step.decision == previous  # repeated on request, never a new question on top of a question
        previous = step.decision


@given(st.lists(_anything, max_size=10), _rules, st.sampled_from([Intent.PERSON, Intent.EMERGENCY, Intent.SELF_HARM, Intent.FRAUD]))
def test_a_person_or_danger_wins_in_every_state(events: list[Heard], rules: Rules, intent: Intent) -> None:
    steps = _run(events, rules, menu=False)
    state = steps[-1].state if steps else State.start()
    step = decide(state, Spoke("whatever", 1.0, (Match("pin", 1.0),), frozenset({intent, Intent.NO})), CALM, rules)
    assert isinstance(step.decision, HandOver)
    assert (step.decision.urgency == "high") is (intent is not Intent.PERSON)


@given(st.lists(_anything, max_size=10), _rules)
def test_key_0_reaches_a_person_in_every_state(events: list[Heard], rules: Rules) -> None:
    steps = _run(events, rules, menu=True)
    state = steps[-1].state if steps else State.start()
    assert isinstance(decide(state, Pressed("0"), CALM, rules).decision, HandOver)


def test_every_prompt_is_written_in_the_prompt_files_with_its_gaps() -> None:
    written = {field.name for field in fields(Prompts)}
    assert set(PROMPTS) <= written
    assert {name: titles for name, titles in PROMPTS.items() if titles} == {name: len(gaps) for name, gaps in GAPS.items() if name in PROMPTS}


def test_every_prompt_is_used_somewhere() -> None:
    scripts = "\n".join([*SPEECH.values(), *MENU.values()])
    elsewhere = {"greeting", "no_analysis", "no_recording", "connecting_upset"}
    assert {name for name in PROMPTS if not re.search(rf"\b{name}\b", scripts)} == elsewhere


# What is for people, other languages, rude words, two questions at once.


def _said(text: str, *matches: Match, parts: tuple[Spoke, ...] = (), state: State | None = None, rules: Rules = RULES) -> Step:
    return decide(state or State.start(), Spoke(text, 0.9, matches, ENGLISH.of(text), "en", parts), CALM, rules)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("my mother has dementia", Why.VULNERABLE),
        ("i want to make a complaint", Why.COMPLAINT),
        ("my lawyer will call you", Why.COMPLEX),
    ],
)
def test_what_is_for_people_goes_to_one_with_its_reason(text: str, why: Why) -> None:
    step = _said(text, Match("pin", 0.9))
    assert isinstance(step.decision, HandOver)
    assert step.decision.reason is why
    assert step.triaged is not None
    assert step.triaged.complexity == "complex"


def test_rude_words_around_a_question_do_not_matter_and_alone_they_are_met_once() -> None:
    assert _said("my bloody pin is shit", Match("pin", 0.9)).decision == Reply((Answer("pin"),), "pin")
    first = _said("you are an idiot")
    assert first.decision == Reply((Told("please_calm"),))
    second = _said("shut up", state=first.state)
    assert isinstance(second.decision, HandOver)
    assert second.decision.reason is Why.ABUSE


def test_a_language_is_changed_where_it_is_spoken_and_else_a_person_speaks_it() -> None:
    both = replace(RULES, languages=frozenset({"en", "zh"}))
    changed = _said("in chinese please", rules=both)
    assert (changed.decision, changed.state.language) == (Reply((Prompt("how_can_i_help"),)), "zh")
    english_only = replace(RULES, languages=frozenset({"en"}))
    handed = _said("in chinese please", rules=english_only)
    assert isinstance(handed.decision, HandOver)
    assert handed.decision.reason is Why.LANGUAGE
    assert isinstance(_said("in english please", Match("pin", 0.9), rules=both).decision, Reply)
    assert _said("in chinese please", Match("pin", 0.9)).decision == Reply((Answer("pin"),), "pin")


def test_two_questions_of_the_knowledge_base_are_answered_together() -> None:
    parts = tuple(Spoke(text, 0.9, (Match(entry, 0.9),)) for text, entry in (("my pin", "pin"), ("roaming", "roaming")))
    step = _said("my pin and roaming", Match("pin", 0.7), parts=parts)
    assert step.decision == Reply((Answer("pin"), Answer("roaming")), "roaming")
    assert step.state.answered == ("pin", "roaming")
    unsure = (parts[0], replace(parts[1], matches=(Match("roaming", 0.2),)))
    assert _said("my pin and roaming", Match("pin", 0.9), parts=unsure).decision == Reply((Answer("pin"),), "pin")


def test_after_some_answers_a_person_takes_over_always() -> None:
    step = _said("my pin", Match("pin", 0.9), rules=replace(RULES, persons=frozenset({"pin"})))
    assert step.decision == HandOver(Why.COMPLEX, "normal", (Answer("pin"), Prompt("connecting")))


def test_who_is_abusive_again_goes_for_that_however_upset_he_is() -> None:
    upset = Sense(escalate=True, evidence="said 'idiot'")
    first = _said("you are an idiot")
    again = decide(first.state, Spoke("shut up", intents=frozenset({Intent.ABUSE})), upset, RULES)
    at_once = decide(State.start(), Spoke("shut up", intents=frozenset({Intent.ABUSE})), upset, RULES)
    assert [step.decision.reason for step in (again, at_once) if isinstance(step.decision, HandOver)] == [Why.ABUSE, Why.UPSET]
