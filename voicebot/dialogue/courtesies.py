"""Courtesies: what yes, no, thanks and goodbye mean depends on what the bot asked last. How a call comes to its end stands here too.

Pure, as all of the policy. An offer comes once at most, after a question was answered, and never to an upset caller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from voicebot.dialogue.decisions import Answer, Asked, Clarify, EndCall, Line, Prompt, Reply, Rules, Sense, Spoke, State, Step, Told, Verify, Why
from voicebot.dialogue.intents import Intent
from voicebot.dialogue.steps import after, hand_over, missed, read_menu, say

MARKS = frozenset("12345")
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5}


def courtesy(state: State, spoke: Spoke, _sense: Sense, rules: Rules) -> Step | None:
    """The step for words that are nothing but a courtesy; None for others."""
    declined = {Intent.NO, Intent.THANKS} <= spoke.intents and state.asked not in {Asked.PERSON, Asked.OFFER}
    intents = spoke.intents | {Intent.DONE} if declined else spoke.intents
    for intent, react in _COURTESIES:
        if intent in intents:
            return react(state, rules)
    return None


def surveyed(state: State, spoke: Spoke, _sense: Sense, _rules: Rules) -> Step | None:
    """The caller's mark, in words; whatever else is said to the survey is a new turn."""
    if state.asked is not Asked.SURVEY:
        return None
    mark = next((_NUMBERS[word] for word in (*spoke.text.lower().split(), *spoke.text[:1]) if word in _NUMBERS), None)
    if mark:
        return marked(state, mark)
    return _ended(state, "no mark") if spoke.intents & {Intent.NO, Intent.GOODBYE, Intent.DONE, Intent.THANKS} else None


def marked(state: State, mark: int | None) -> Step:
    """The end, after the survey."""
    return replace(after(state, EndCall((Told("survey_thanks"),), "contained"), f"marked the call {mark}"), mark=mark)


def repeat(state: State, _rules: Rules) -> Step:
    """What was said last, then shorter, then a person."""
    if state.repeats >= 2:
        return hand_over(state, Why.NOT_HEARD, "asked for a third repetition")
    lines = tuple(map(_shortened, state.lines)) if state.repeats else state.lines
    return after(state, asked_again(state, lines), "asked to repeat", asked=state.asked, options=state.options, repeats=state.repeats + 1)


def asked_again(state: State, lines: tuple[Line, ...]) -> Reply | Clarify | Verify:
    """`lines` as the kind of decision that the caller owes an answer to."""
    if state.options:
        return Clarify(lines, state.options)
    match state.errand.asking:
        case "pin" | "number" as proof:
            return Verify(proof, lines)
    return Reply(lines)


def slower(state: State, rules: Rules) -> Step:
    """From here on slowly, beginning with what was said last."""
    step = repeat(replace(state, slow=True), rules)
    if not isinstance(step.decision, Reply | Clarify | Verify):
        return step
    decision = replace(step.decision, lines=(Told("slower"), *step.decision.lines))
    return replace(step, decision=decision, reason="asked for slower speech")


def menu(state: State, rules: Rules) -> Step:
    """Read the menu."""
    return read_menu(state, "asked for the menu", rules)


def given_up(state: State, reason: str, rules: Rules) -> Step:
    """Nobody says anything any more."""
    if rules.no_speech_then == "queue":
        return hand_over(state, Why.SILENT, reason)
    return after(state, EndCall((Prompt("goodbye"),), "contained" if state.answered else "silent"), reason)


def anything_else(state: State, _rules: Rules, reason: str = "acknowledged") -> Step:
    """The question is solved: the one offer, if there is one that fits, else whether there is more."""
    if state.errand.offer and not state.errand.offered and state.answered and state.style not in {"calming", "brief"}:
        offered = replace(state, errand=replace(state.errand, offered=True))
        line = Answer(state.errand.offer, "offer")
        return after(offered, Reply((line,)), f"{reason}, offers {state.errand.offer}", asked=Asked.OFFER)
    return say(state, "anything_else", reason, asked=Asked.MORE)


def _yes(state: State, rules: Rules) -> Step:
    if state.asked is Asked.PERSON:
        return hand_over(state, Why.ACCEPTED, "said yes to a person")
    if state.asked is Asked.OFFER:
        return _offer_answered(state, True)
    return anything_else(state, rules) if state.asked is Asked.ANSWERED else say(state, "go_ahead", "has another question")


def _no(state: State, rules: Rules) -> Step:
    if state.asked is Asked.ANSWERED:
        return missed(state, "other_words", "said no to the answer", rules)
    if state.asked is Asked.PERSON:
        return anything_else(state, rules)
    if state.asked is Asked.OFFER:
        return _offer_answered(state, False)
    return _goodbye(state, rules) if state.asked is Asked.MORE else say(state, "go_ahead", "said no to nothing")


def _offer_answered(state: State, accepted: bool) -> Step:
    """The bot sells nothing: an accepted offer is a task for an agent."""
    told = Told("offer_noted" if accepted else "offer_declined")
    step = after(state, Reply((told,)), f"{'accepted' if accepted else 'declined'} the offer {state.errand.offer}", asked=Asked.MORE, unanswered=0)
    return replace(step, accepted=accepted)


def _thanks(state: State, rules: Rules) -> Step:
    return _goodbye(state, rules) if state.asked is Asked.MORE else anything_else(state, rules)


def _goodbye(state: State, rules: Rules) -> Step:
    if rules.survey and state.answered and state.style != "calming" and state.asked is not Asked.SURVEY:
        return after(state, Reply((Told("survey"),)), "the caller is done, asked for a mark", asked=Asked.SURVEY, unanswered=0)
    return _ended(state, "the caller is done")


def _ended(state: State, reason: str) -> Step:
    return after(state, EndCall((Prompt("goodbye"),), "contained" if state.answered else "unanswered"), reason)


def _shortened(line: Line) -> Line:
    return replace(line, variant="short") if isinstance(line, Answer) else line


def _about_bot(state: State, _rules: Rules) -> Step:
    return say(state, "about_bot", "asked who is speaking")


def _wait(state: State, _rules: Rules) -> Step:
    return say(state, "take_your_time", "asked to wait", asked=state.asked, options=state.options)


def _hello(state: State, _rules: Rules) -> Step:
    return say(state, "how_can_i_help", "only greeted")


_COURTESIES: tuple[tuple[Intent, Callable[[State, Rules], Step]], ...] = (
    (Intent.REPEAT, repeat),
    (Intent.MENU, menu),
    (Intent.ABOUT_BOT, _about_bot),
    (Intent.WAIT, _wait),
    (Intent.GOODBYE, _goodbye),
    (Intent.DONE, _goodbye),
    (Intent.NO, _no),
    (Intent.YES, _yes),
    (Intent.THANKS, _thanks),
    (Intent.GREETING, _hello),
)
