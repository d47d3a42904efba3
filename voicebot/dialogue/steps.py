"""The steps policy.decide can take: each turns a state into a decision, the state after it and the reason.

Nothing here chooses between steps; nothing does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from voicebot.dialogue.decisions import Answer, Asked, Decision, HandOver, Line, MenuItem, Prompt, Reply, Rules, State, Step, Urgency, Why

PROMPTS: Mapping[str, int] = {
    "greeting": 0,
    "how_can_i_help": 0,
    "did_you_mean": 2,
    "did_you_mean_this": 1,
    "say_again": 0,
    "say_again_noise": 0,
    "other_words": 0,
    "anything_else": 0,
    "go_ahead": 0,
    "take_your_time": 0,
    "still_there": 0,
    "about_bot": 0,
    "again": 0,
    "offer_person": 0,
    "no_analysis": 0,
    "no_recording": 0,
    "menu_intro": 0,
    "menu_person": 0,
    "menu_after": 0,
    "wrong_key": 0,
    "connecting": 0,
    "connecting_sorry": 0,
    "connecting_upset": 0,
    "connecting_emergency": 0,
    "connecting_self_harm": 0,
    "connecting_fraud": 0,
    "goodbye": 0,
}
"""Every prompt this module names, with the number of titles it is filled with; each language must have them all."""

_CONNECTING = {
    Why.PERSON: "connecting",
    Why.ACCEPTED: "connecting",
    Why.UPSET: "connecting_upset",
    Why.EMERGENCY: "connecting_emergency",
    Why.SELF_HARM: "connecting_self_harm",
    Why.FRAUD: "connecting_fraud",
    Why.COMPLAINT: "connecting_upset",
    **dict.fromkeys((Why.VULNERABLE, Why.COMPLEX, Why.ABUSE, Why.LANGUAGE, Why.SUPERVISOR), "connecting"),
}
DANGERS = frozenset({Why.EMERGENCY, Why.SELF_HARM, Why.FRAUD, Why.VULNERABLE})


def read_menu(state: State, reason: str, rules: Rules) -> Step:
    return after(state, Reply(menu_lines(rules)), reason, menu=True)


def menu_lines(rules: Rules) -> tuple[Line, ...]:
    items = tuple(MenuItem(key, entry_id) for key, entry_id in rules.menu.items())
    return (*((Prompt("menu_intro"),) if items else ()), *items, Prompt("menu_person"))


def say(state: State, prompt: str, reason: str, **changes: Any) -> Step:
    return after(state, Reply((Prompt(prompt),)), reason, **changes)


def answer(state: State, entry_id: str, reason: str) -> Step:
    same = state.same + 1 if state.answered[-1:] == (entry_id,) else 1
    changes: dict[str, Any] = {"answered": (*state.answered, entry_id), "unanswered": 0, "misses": 0, "noises": 0, "wrong_keys": 0}
    if state.menu:
        return after(state, Reply((Answer(entry_id), Prompt("menu_after")), entry_id), reason, asked=Asked.ANSWERED, same=1, **changes)
    if same == 1:
        return after(state, Reply((Answer(entry_id),), entry_id), reason, asked=Asked.ANSWERED, same=1, **changes)
    if same == 2:
        lines = (Prompt("again"), Answer(entry_id, "short"), Prompt("offer_person"))
        return after(state, Reply(lines, entry_id), f"{reason}, asked twice", asked=Asked.PERSON, same=2, **changes)
    return hand_over(state, Why.SAME_QUESTION, f"{reason}, asked {same} times")


def hand_over(state: State, why: Why, reason: str, first: bool = False) -> Step:
    urgency: Urgency = "high" if first or why in DANGERS else "normal"
    return after(state, HandOver(why, urgency, (Prompt(_CONNECTING.get(why, "connecting_sorry")),)), reason)


def after(state: State, decision: Decision, reason: str, **changes: Any) -> Step:
    """The step for `decision`. What held for one turn only is forgotten unless `changes` keeps it."""
    later = replace(
        state,
        turns=state.turns + 1,
        unanswered=state.unanswered + 1,
        lines=decision.lines,
        asked=Asked.QUESTION,
        options=(),
        silences=0,
        repeats=0,
    )
    return Step(decision, replace(later, **changes), reason)


def missed(state: State, prompt: str, reason: str, rules: Rules) -> Step:
    misses = state.misses + 1
    if misses >= rules.max_misses:
        return hand_over(state, Why.NOT_UNDERSTOOD, f"{reason}; {misses} times in a row")
    return after(state, Reply((Prompt(prompt),)), reason, misses=misses)
