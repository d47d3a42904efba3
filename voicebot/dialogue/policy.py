"""What the bot does next: one pure function from what was heard to a typed decision, with its reason.

It names what to say (prompts, KB entries) and never says it; it has no clock, no audio and no I/O. Every way of failing ends with a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from voicebot.dialogue.decisions import (
    Answer,
    Asked,
    Clarify,
    EndCall,
    Heard,
    Line,
    NoAudio,
    OptOut,
    Pressed,
    Prompt,
    Reply,
    Rules,
    Sense,
    Silent,
    Spoke,
    State,
    Step,
    Why,
)
from voicebot.dialogue.intents import DANGER, Intent
from voicebot.dialogue.steps import after, answer, hand_over, menu_lines, missed, read_menu, say

if TYPE_CHECKING:
    from voicebot.dialogue.matching import Match

_OPT_OUTS: Mapping[Intent, tuple[OptOut, str]] = {
    Intent.OPT_OUT_ANALYSIS: ("analysis", "no_analysis"),
    Intent.OPT_OUT_RECORDING: ("recording", "no_recording"),
}


def opening(state: State, rules: Rules) -> tuple[Line, ...]:
    """What the caller hears first."""
    return (Prompt("greeting"), *(menu_lines(rules) if state.menu else ()))


def decide(state: State, heard: Heard, sense: Sense, rules: Rules) -> Step:
    """The next step of a call. Pure and total: any sequence without an answer ends in HandOver or EndCall within `rules.max_unanswered` steps."""
    step = _decide(state, heard, sense, rules)
    if isinstance(step.decision, Reply | Clarify) and step.state.unanswered >= rules.max_unanswered:
        return replace(hand_over(state, Why.NO_PROGRESS, f"{step.state.unanswered} turns without an answer"), opt_outs=step.opt_outs)
    return step


def _decide(state: State, heard: Heard, sense: Sense, rules: Rules) -> Step:
    match heard:
        case Spoke():
            return _spoke(state, heard, sense, rules)
        case Pressed(key):
            return _pressed(state, key, rules)
        case Silent(ms):
            return _silent(state, ms, rules)
        case NoAudio():
            return after(state, EndCall((), "no_audio"), "no audio arrives from the caller")
    return _recogniser_failed(state, rules)


# Speech: the first rung that has something to say decides.


def _spoke(state: State, spoke: Spoke, sense: Sense, rules: Rules) -> Step:
    listening = replace(state, menu=False)
    rungs = (_danger, _person, _upset, _opted_out, _which, _courtesy, _question)
    steps = (rung(listening, spoke, sense, rules) for rung in rungs)
    step = next((step for step in steps if step), None) or _not_understood(listening, spoke, rules)
    return replace(step, opt_outs=frozenset(opt_out for intent, (opt_out, _) in _OPT_OUTS.items() if intent in spoke.intents))


def _danger(state: State, spoke: Spoke, _sense: Sense, _rules: Rules) -> Step | None:
    for intent in DANGER:
        if intent in spoke.intents:
            return hand_over(state, Why[intent.name], f"danger words: {intent}")
    return None


def _person(state: State, spoke: Spoke, _sense: Sense, _rules: Rules) -> Step | None:
    return hand_over(state, Why.PERSON, "asked for a person") if Intent.PERSON in spoke.intents else None


def _upset(state: State, _spoke: Spoke, sense: Sense, _rules: Rules) -> Step | None:
    return hand_over(state, Why.UPSET, f"upset: {sense.evidence}") if sense.escalate else None


def _opted_out(state: State, spoke: Spoke, _sense: Sense, _rules: Rules) -> Step | None:
    confirmations = [Prompt(prompt) for intent, (_, prompt) in _OPT_OUTS.items() if intent in spoke.intents]
    return after(state, Reply((*confirmations, Prompt("how_can_i_help"))), "opted out") if confirmations else None


def _which(state: State, spoke: Spoke, _sense: Sense, rules: Rules) -> Step | None:
    """The caller's reply to "did you mean"."""
    if not state.options:
        return None
    if Intent.NO in spoke.intents:
        return missed(state, "other_words", "meant neither", rules)
    chosen = _chosen(state.options, spoke, rules)
    return answer(state, chosen, "chose between two") if chosen else None


def _chosen(options: tuple[str, ...], spoke: Spoke, rules: Rules) -> str | None:
    if Intent.SECOND in spoke.intents:
        return options[-1]
    if spoke.intents & {Intent.FIRST, Intent.YES}:
        return options[0]
    sure_of_another = bool(spoke.matches) and spoke.matches[0].confidence >= rules.accept and spoke.matches[0].entry_id not in options
    named = (match.entry_id for match in spoke.matches if match.entry_id in options and match.confidence >= rules.clarify)
    return None if sure_of_another else next(named, None)


def _question(state: State, spoke: Spoke, _sense: Sense, rules: Rules) -> Step | None:
    if not spoke.matches or spoke.matches[0].confidence < rules.clarify:
        return None
    best, rival = spoke.matches[0], _rival(spoke.matches, rules)
    sure = best.confidence >= rules.accept
    reason = f"matched {best.entry_id} {best.confidence:.2f}" + (f", {rival.entry_id} {rival.confidence:.2f}" if rival else "")
    if sure and (rival is None or state.options):
        return answer(state, best.entry_id, reason)
    return None if state.options else _clarify(state, (best, *((rival,) if rival else ())), reason)


def _rival(matches: tuple[Match, ...], rules: Rules) -> Match | None:
    if len(matches) < 2 or matches[1].confidence < rules.clarify:
        return None
    best, second = matches[:2]
    apart = best.confidence >= rules.accept and best.confidence - second.confidence >= rules.margin
    return None if apart else second


def _clarify(state: State, matches: tuple[Match, ...], reason: str) -> Step:
    options = tuple(match.entry_id for match in matches)
    prompt = Prompt("did_you_mean" if len(options) == 2 else "did_you_mean_this", options)
    return after(state, Clarify((prompt,), options), reason, asked=Asked.WHICH, options=options)


def _not_understood(state: State, spoke: Spoke, rules: Rules) -> Step:
    if not state.noises and _is_noise(spoke, rules):
        return after(state, Reply((Prompt("say_again_noise"),)), "noise, or no word", noises=1, asked=state.asked, options=state.options)
    best = f"best {spoke.matches[0].entry_id} {spoke.matches[0].confidence:.2f}" if spoke.matches else "no match"
    return missed(state, "say_again", f"not understood, {best}", rules)


def _is_noise(spoke: Spoke, rules: Rules) -> bool:
    few_words = len(spoke.text.split()) <= 1 if spoke.language != "zh" else len(spoke.text) <= 2
    return not spoke.text.strip() or (few_words and spoke.confidence < rules.noise)


# Courtesies: what they mean depends on what the bot asked last.


def _courtesy(state: State, spoke: Spoke, _sense: Sense, rules: Rules) -> Step | None:
    declined = {Intent.NO, Intent.THANKS} <= spoke.intents and state.asked is not Asked.PERSON
    intents = spoke.intents | {Intent.DONE} if declined else spoke.intents
    for intent, react in _COURTESIES:
        if intent in intents:
            return react(state, rules)
    return None


def _yes(state: State, rules: Rules) -> Step:
    if state.asked is Asked.PERSON:
        return hand_over(state, Why.ACCEPTED, "said yes to a person")
    return _anything_else(state, rules) if state.asked is Asked.ANSWERED else say(state, "go_ahead", "has another question")


def _no(state: State, rules: Rules) -> Step:
    if state.asked is Asked.ANSWERED:
        return missed(state, "other_words", "said no to the answer", rules)
    if state.asked is Asked.PERSON:
        return _anything_else(state, rules)
    return _goodbye(state, rules) if state.asked is Asked.MORE else say(state, "go_ahead", "said no to nothing")


def _thanks(state: State, rules: Rules) -> Step:
    return _goodbye(state, rules) if state.asked is Asked.MORE else _anything_else(state, rules)


def _anything_else(state: State, _rules: Rules) -> Step:
    return say(state, "anything_else", "acknowledged", asked=Asked.MORE)


def _goodbye(state: State, _rules: Rules) -> Step:
    return after(state, EndCall((Prompt("goodbye"),), "contained" if state.answered else "unanswered"), "the caller is done")


def _repeat(state: State, _rules: Rules) -> Step:
    if state.repeats >= 2:
        return hand_over(state, Why.NOT_HEARD, "asked for a third repetition")
    lines = tuple(_shortened(line) for line in state.lines) if state.repeats else state.lines
    decision = Clarify(lines, state.options) if state.options else Reply(lines)
    return after(state, decision, "asked to repeat", asked=state.asked, options=state.options, repeats=state.repeats + 1)


def _shortened(line: Line) -> Line:
    return replace(line, variant="short") if isinstance(line, Answer) else line


def _menu(state: State, rules: Rules) -> Step:
    return read_menu(state, "asked for the menu", rules)


def _about_bot(state: State, _rules: Rules) -> Step:
    return say(state, "about_bot", "asked who is speaking")


def _wait(state: State, _rules: Rules) -> Step:
    return say(state, "take_your_time", "asked to wait", asked=state.asked, options=state.options)


def _hello(state: State, _rules: Rules) -> Step:
    return say(state, "how_can_i_help", "only greeted")


_COURTESIES: tuple[tuple[Intent, Callable[[State, Rules], Step]], ...] = (
    (Intent.REPEAT, _repeat),
    (Intent.MENU, _menu),
    (Intent.ABOUT_BOT, _about_bot),
    (Intent.WAIT, _wait),
    (Intent.GOODBYE, _goodbye),
    (Intent.DONE, _goodbye),
    (Intent.NO, _no),
    (Intent.YES, _yes),
    (Intent.THANKS, _thanks),
    (Intent.GREETING, _hello),
)


# Keys, silence and failure.


def _pressed(state: State, key: str, rules: Rules) -> Step:
    choices = {str(number): option for number, option in enumerate(state.options, start=1)}
    match key:
        case "0":
            return hand_over(state, Why.PERSON, "pressed 0")
        case "*":
            return _repeat(state, rules)
        case "#":
            return _menu(state, rules)
        case _ if key in choices:
            return answer(state, choices[key], f"pressed {key} to choose")
        case _ if state.menu and key in rules.menu:
            return answer(state, rules.menu[key], f"pressed {key} in the menu")
    return _wrong_key(state, key, rules)


def _wrong_key(state: State, key: str, rules: Rules) -> Step:
    """A key without a meaning. Outside the menu the first one may just mean that the caller would rather press than speak."""
    if not state.menu and rules.menu:
        return read_menu(state, f"pressed {key}", rules)
    wrong_keys = state.wrong_keys + 1
    if wrong_keys >= rules.max_wrong_keys:
        return hand_over(state, Why.WRONG_KEYS, f"pressed unknown key {key}; {wrong_keys} in a row")
    return after(state, Reply((Prompt("wrong_key"), *menu_lines(rules))), f"pressed unknown key {key}", wrong_keys=wrong_keys)


def _silent(state: State, ms: int, rules: Rules) -> Step:
    reason = f"silent for {ms} ms"
    if state.asked is Asked.ANSWERED and not state.menu:
        return say(state, "anything_else", f"{reason} after an answer", asked=Asked.MORE)
    silences = state.silences + 1
    if silences >= rules.max_silences:
        return _given_up(state, reason, rules)
    lines = (Prompt("still_there"), *(menu_lines(rules) if state.menu else ()))
    return after(state, Reply(lines), reason, silences=silences, asked=state.asked, options=state.options, lines=state.lines)


def _given_up(state: State, reason: str, rules: Rules) -> Step:
    if rules.no_speech_then == "queue":
        return hand_over(state, Why.SILENT, reason)
    return after(state, EndCall((Prompt("goodbye"),), "contained" if state.answered else "silent"), reason)


def _recogniser_failed(state: State, rules: Rules) -> Step:
    misses = state.misses + 1
    if misses > rules.max_misses or not rules.menu:
        return hand_over(state, Why.RECOGNISER, "the recogniser failed")
    return read_menu(replace(state, misses=misses), "the recogniser failed", rules)
