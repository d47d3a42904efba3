"""What the bot does next: one pure function from what was heard to a typed decision, with its reason.

It names what to say (prompts, KB entries) and never says it; it has no clock, no audio and no I/O. Every way of failing ends with a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from voicebot.dialogue.courtesies import MARKS, anything_else, courtesy, given_up, marked, menu, repeat, slower, surveyed
from voicebot.dialogue.decisions import (
    Answer,
    Asked,
    Clarify,
    EndCall,
    HandOver,
    Heard,
    Line,
    NoAudio,
    OptOut,
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
from voicebot.dialogue.errand import Want
from voicebot.dialogue.errands import errand, found, pursue, sure_entry
from voicebot.dialogue.intents import Intent
from voicebot.dialogue.steps import after, answer, hand_over, menu_lines, missed, read_menu
from voicebot.dialogue.style import chosen, styled

if TYPE_CHECKING:
    from voicebot.dialogue.matching import Match

_OPT_OUTS: Mapping[Intent, tuple[OptOut, str]] = {
    Intent.OPT_OUT_ANALYSIS: ("analysis", "no_analysis"),
    Intent.OPT_OUT_RECORDING: ("recording", "no_recording"),
}
_LANGUAGES: Mapping[Intent, str] = {Intent.ENGLISH: "en", Intent.MANDARIN: "zh"}


def opening(state: State, rules: Rules) -> tuple[Line, ...]:
    """What the caller hears first."""
    return (Prompt("greeting"), *(menu_lines(rules) if state.menu else ()))


def decide(state: State, heard: Heard, sense: Sense, rules: Rules) -> Step:
    """The next step of a call. Pure and total: any sequence without an answer ends in HandOver or EndCall within `rules.max_unanswered` steps."""
    hurried = isinstance(heard, Spoke) and Intent.URGENT in heard.intents
    state = replace(state, style=chosen(sense, hurried, state.style))
    step = styled(_decide(state, heard, sense, rules))
    if isinstance(step.decision, Reply | Clarify | Verify) and step.state.unanswered >= rules.max_unanswered:
        return replace(hand_over(state, Why.NO_PROGRESS, f"{step.state.unanswered} turns without an answer"), opt_outs=step.opt_outs)
    return step


def taken_up(state: State) -> Step | None:
    """The look-up that a controller which was lost had under way; None for none."""
    return pursue(state, "looks it up again") if state.errand.wants and not state.errand.asking else None


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
        case RecogniserFailed():
            return _recogniser_failed(state, rules)
    return found(state, heard, rules)


# Speech: the first rung that has something to say decides.


def _spoke(state: State, spoke: Spoke, sense: Sense, rules: Rules) -> Step:
    listening = replace(state, menu=False)
    rungs = (_person, _upset, _abused, _opted_out, _language, _slower, surveyed, errand, _which, courtesy, _question)
    steps = (rung(listening, spoke, sense, rules) for rung in rungs)
    step = next((step for step in steps if step), None) or _not_understood(listening, spoke, rules)
    opt_outs = frozenset(opt_out for intent, (opt_out, _) in _OPT_OUTS.items() if intent in spoke.intents)
    return replace(step, opt_outs=opt_outs, triaged=rules.triage.of(spoke.intents, sure_entry(spoke, rules)))


def _person(state: State, spoke: Spoke, sense: Sense, rules: Rules) -> Step | None:
    """Danger, a person wanted, a complaint, a complex matter: the triage table names what is for people. Of who complains and is upset, that he is
    upset is the better reason: it has evidence."""
    triaged = rules.triage.of(spoke.intents, sure_entry(spoke, rules))
    if sense.escalate and triaged.why == Why.COMPLAINT.name:
        return None
    return hand_over(state, Why[triaged.why], triaged.reason) if triaged.why else None


def _upset(state: State, spoke: Spoke, sense: Sense, rules: Rules) -> Step | None:
    """Who is abusive again goes to a person for that."""
    if not sense.escalate or (state.abuses and _abusive(spoke, rules)):
        return None
    also = rules.triage.of(spoke.intents, sure_entry(spoke, rules)).reason
    return hand_over(state, Why.UPSET, f"upset: {sense.evidence}{f'; {also}' if also else ''}", rules.upset_first)


def _abused(state: State, spoke: Spoke, _sense: Sense, rules: Rules) -> Step | None:
    """Rude words around a question do not matter; alone they are met calmly once, and the second time by a person."""
    if not _abusive(spoke, rules):
        return None
    if state.abuses:
        return hand_over(state, Why.ABUSE, "abusive again")
    return after(state, Reply((Told("please_calm"),)), "abusive", abuses=1)


def _abusive(spoke: Spoke, rules: Rules) -> bool:
    """Whether there is nothing but abuse in these words."""
    return spoke.intents == {Intent.ABUSE} and not sure_entry(spoke, rules)


def _opted_out(state: State, spoke: Spoke, _sense: Sense, _rules: Rules) -> Step | None:
    confirmations = [Prompt(prompt) for intent, (_, prompt) in _OPT_OUTS.items() if intent in spoke.intents]
    return after(state, Reply((*confirmations, Prompt("how_can_i_help"))), "opted out") if confirmations else None


def _language(state: State, spoke: Spoke, _sense: Sense, rules: Rules) -> Step | None:
    """Another language, where the hotline has it; else a person. Where nothing can be changed, it is a question like any other."""
    wanted = next((language for intent, language in _LANGUAGES.items() if intent in spoke.intents), None)
    if wanted is None or not rules.languages or wanted == rules.language:
        return None
    if wanted not in rules.languages:
        return hand_over(state, Why.LANGUAGE, f"wants to speak {wanted}")
    again = state.lines if state.errand.asking else (Prompt("how_can_i_help"),)
    return after(state, Reply(again), f"changes to {wanted}", language=wanted)


def _slower(state: State, spoke: Spoke, _sense: Sense, rules: Rules) -> Step | None:
    return slower(state, rules) if Intent.SLOWER in spoke.intents else None


def _which(state: State, spoke: Spoke, _sense: Sense, rules: Rules) -> Step | None:
    """The caller's reply to "did you mean"."""
    if not state.options:
        return None
    if Intent.NO in spoke.intents:
        return missed(state, "other_words", "meant neither", rules)
    chosen_entry = _chosen(state.options, spoke, rules)
    return answer(state, chosen_entry, "chose between two") if chosen_entry else None


def _chosen(options: tuple[str, ...], spoke: Spoke, rules: Rules) -> str | None:
    if Intent.SECOND in spoke.intents:
        return options[-1]
    if spoke.intents & {Intent.FIRST, Intent.YES}:
        return options[0]
    sure_of_another = bool(spoke.matches) and spoke.matches[0].confidence >= rules.accept and spoke.matches[0].entry_id not in options
    named = (match.entry_id for match in spoke.matches if match.entry_id in options and match.confidence >= rules.clarify)
    return None if sure_of_another else next(named, None)


def _question(state: State, spoke: Spoke, _sense: Sense, rules: Rules) -> Step | None:
    if (both := _both(spoke, rules)) and not state.options:
        step = answer(state, both[-1], f"two questions: {' and '.join(both)}")
        lines = tuple(map(Answer, both))
        return replace(step, decision=Reply(lines, both[-1]), state=replace(step.state, lines=lines, answered=(*state.answered, *both), same=1))
    if not spoke.matches or spoke.matches[0].confidence < rules.clarify:
        return None
    best, rival = spoke.matches[0], _rival(spoke.matches, rules)
    sure = best.confidence >= rules.accept
    reason = f"matched {best.entry_id} {best.confidence:.2f}" + (f", {rival.entry_id} {rival.confidence:.2f}" if rival else "")
    if sure and (rival is None or state.options):
        return _answered(answer(state, best.entry_id, reason), best.entry_id, rules)
    return None if state.options else _clarify(state, (best, *((rival,) if rival else ())), reason)


def _answered(step: Step, entry_id: str, rules: Rules) -> Step:
    """An entry whose question always needs a person as well: the answer, then the queue."""
    if entry_id not in rules.persons or not isinstance(step.decision, Reply):
        return step
    handed = hand_over(step.state, Why.COMPLEX, f"{step.reason}, always for a person")
    lines = (*step.decision.lines, *handed.decision.lines)
    return replace(handed, decision=HandOver(Why.COMPLEX, "normal", lines), state=replace(handed.state, lines=lines))


def _both(spoke: Spoke, rules: Rules) -> tuple[str, ...]:
    """The entries of a sentence that surely asks for two."""
    entries = tuple(dict.fromkeys(entry for part in spoke.parts if (entry := sure_entry(part, rules))))
    return entries if len(entries) == len(spoke.parts) > 1 else ()


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


# Keys, silence and failure.


def _pressed(state: State, key: str, rules: Rules) -> Step:
    match key:
        case "0":
            return hand_over(state, Why.PERSON, "pressed 0")
        case "*":
            return repeat(state, rules)
        case "#":
            return menu(state, rules)
    return _chosen_by_key(state, key) or _menu_key(state, key, rules)


def _chosen_by_key(state: State, key: str) -> Step | None:
    """A key as the answer to what was asked last."""
    choices = {str(number): option for number, option in enumerate(state.options, start=1)}
    if state.asked is Asked.SURVEY and key in MARKS:
        return marked(state, int(key))
    if state.errand.asking == "plan" and key in {"1", "2"}:
        return _plan_pressed(state, key)
    return answer(state, choices[key], f"pressed {key} to choose") if key in choices else None


def _menu_key(state: State, key: str, rules: Rules) -> Step:
    if state.menu and key in rules.menu:
        return answer(state, rules.menu[key], f"pressed {key} in the menu")
    return _wrong_key(state, key, rules)


def _plan_pressed(state: State, key: str) -> Step:
    want: Want = replace(state.errand.wants[0], plan="mobile" if key == "1" else "home")
    return pursue(replace(state, errand=replace(state.errand, wants=(want, *state.errand.wants[1:]), asking="")), f"pressed {key} to choose")


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
    if state.asked is Asked.SURVEY:
        return marked(state, None)
    if state.asked is Asked.ANSWERED and not state.menu:
        return anything_else(state, rules, f"{reason} after an answer")
    silences = state.silences + 1
    if silences >= rules.max_silences:
        return given_up(state, reason, rules)
    lines = (Prompt("still_there"), *(menu_lines(rules) if state.menu else ()))
    return after(state, Reply(lines), reason, silences=silences, asked=state.asked, options=state.options, lines=state.lines)


def _recogniser_failed(state: State, rules: Rules) -> Step:
    misses = state.misses + 1
    if misses > rules.max_misses or not rules.menu:
        return hand_over(state, Why.RECOGNISER, "the recogniser failed")
    return read_menu(replace(state, misses=misses), "the recogniser failed", rules)
