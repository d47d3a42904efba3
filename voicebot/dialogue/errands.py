"""The part of the policy that serves a caller from his own account: what he wants, who he is, which of several he means, and what he is told.

Pure. It asks the shell for data by decisions (`Lookup`, `Verify`) and is asked again with what was found. Nothing of an account is said, or even
fetched, before the caller has proved who he is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from voicebot.dialogue import slots
from voicebot.dialogue.courtesies import asked_again
from voicebot.dialogue.decisions import Answer, Asked, Line, Lookup, Prompt, Reply, Rules, Sense, Spoke, State, Step, Told, Why
from voicebot.dialogue.errand import Asking, Checked, Errand, Fetched, Found, Known, Located, LookupFailed, Topic, Want
from voicebot.dialogue.intents import Intent
from voicebot.dialogue.steps import after, answer, hand_over
from voicebot.dialogue.tell import outage, told, which

MAX_MISSES = 2
SHORT = 5
"""Words up to which "no, the mobile plan" corrects what was told, whatever KB entry is like it."""
TOLD_AS = {
    Topic.BILL: "bill-higher",
    Topic.DUE: "bill-due-date",
    Topic.PLAN: "plan-change",
    Topic.DATA: "data-left",
    Topic.OUTAGE: "outage",
    Topic.TICKET: "technician",
}
"""The KB entry whose title names what was told, in the briefing and the record."""


def errand(state: State, spoke: Spoke, _sense: Sense, rules: Rules) -> Step | None:
    """The step for words about the caller's account, or that answer what he was asked for it; None for others."""
    if not rules.accounts:
        return None
    if Intent.OTHERS in spoke.intents:
        return after(state, Reply((Told("only_yours"),)), "asked for another customer's data", errand=_dropped(state.errand))
    entries, wants = _questions(spoke, rules)
    if wants:
        state = replace(state, answered=(*state.answered, *entries), errand=replace(state.errand, wants=wants, asking="", misses=0))
        return pursue(state, f"wants {', '.join(want.topic for want in wants)}", tuple(map(Answer, entries)))
    return _owed(state, spoke, rules) if state.errand.asking else _correction(state, spoke, rules)


def pursue(state: State, reason: str, lines: tuple[Line, ...] = ()) -> Step:
    """What the first of the wants needs next, after `lines`."""
    now = state.errand
    if now.wants[0].topic is Topic.OUTAGE:
        return _looking(state, Lookup("place", lines, now.wants[0].words), reason)
    if now.verified:
        return _looking(state, Lookup("account", lines), reason)
    return _ask(state, "pin", reason, lines) if now.customer else _looking(state, Lookup("customer", lines), reason)


def found(state: State, what: Found, rules: Rules) -> Step:
    """The step after a look-up or a proof."""
    match what:
        case Known(customer):
            return _known(state, customer, rules)
        case Checked():
            return _checked(state, what, rules)
        case LookupFailed(why):
            return _failed(state, why)
    return _answered(state, what, rules) if state.errand.wants else after(state, Reply((Prompt("how_can_i_help"),)), "nothing is wanted any more")


def ask_lines(asking: Asking) -> tuple[Line, ...]:
    """The question for what is owed."""
    return (Told(f"ask_{asking}"),)


def _questions(spoke: Spoke, rules: Rules) -> tuple[tuple[str, ...], tuple[Want, ...]]:
    """What is asked: KB entries and wants, in their order. A sentence with two questions has two parts."""
    parts = spoke.parts if sum(topic_of(part, rules) is not None for part in spoke.parts) else (spoke,)
    wants = {topic: slots.filled(Want(topic), part.text, rules.language) for part in parts if (topic := topic_of(part, rules))}
    entries = tuple(entry for part in parts if not topic_of(part, rules) and (entry := sure_entry(part, rules))) if len(parts) > 1 else ()
    return entries, tuple(wants.values())


def topic_of(spoke: Spoke, rules: Rules) -> Topic | None:
    """The topic of the account these words ask for, by their wording or by the KB entry that fits them."""
    named = next((topic for topic in Topic if Intent(topic) in spoke.intents), None)
    entry = sure_entry(spoke, rules)
    return named or (rules.triage.topics.get(entry) if entry else None)


def sure_entry(spoke: Spoke, rules: Rules) -> str | None:
    """The entry that surely fits."""
    return spoke.matches[0].entry_id if spoke.matches and spoke.matches[0].confidence >= rules.accept else None


# What the caller owes.


def _owed(state: State, spoke: Spoke, rules: Rules) -> Step | None:
    now = state.errand
    if spoke.intents & {Intent.NEVER_MIND, Intent.NO}:
        return after(state, Reply((Told("let_be"),)), "let it be", errand=_dropped(now))
    if Intent.FORGOT in spoke.intents and now.protected:
        return hand_over(state, Why.UNVERIFIED, "cannot prove who he is")
    if now.asking == "plan" and (kind := slots.plan(spoke.text, rules.language)):
        chosen = replace(now.wants[0], plan=kind)
        return pursue(_with(state, wants=(chosen, *now.wants[1:]), asking=""), f"means {kind}")
    area = now.asking == "area" and not spoke.intents
    if _passes_by(spoke, rules) and not (area and _length(spoke, rules) <= SHORT):
        return _aside(state, spoke, rules)
    if area:
        return pursue(_with(state, wants=(replace(now.wants[0], words=spoke.text), *now.wants[1:])), "names an area")
    return None if spoke.intents - {Intent.YES, Intent.GREETING} else _missing(state, "no answer to what was asked")


def _passes_by(spoke: Spoke, rules: Rules) -> bool:
    entry = sure_entry(spoke, rules)
    return entry is not None and not spoke.intents and entry not in rules.triage.topics


def _aside(state: State, spoke: Spoke, rules: Rules) -> Step:
    """Another question is answered, and then it goes on where it was."""
    step = answer(state, sure_entry(spoke, rules) or "", "another question in between")
    if not isinstance(step.decision, Reply):
        return step
    lines = (*step.decision.lines, Told("back_to"), *ask_lines(state.errand.asking))
    return replace(step, decision=asked_again(state, lines), state=replace(step.state, lines=lines, asked=Asked.QUESTION))


def _missing(state: State, reason: str) -> Step:
    misses = state.errand.misses + 1
    if misses >= MAX_MISSES:
        return hand_over(state, Why.UNVERIFIED if state.errand.protected else Why.NOT_UNDERSTOOD, f"{reason}; {misses} times")
    line = Told("ask_whole") if state.errand.protected else Told("ask_area_again") if state.errand.asking == "area" else Told("ask_plan")
    return _put(_with(state, misses=misses), (line,), reason)


def _correction(state: State, spoke: Spoke, rules: Rules) -> Step | None:
    """ "No, the month before": another look at what was told last."""
    last = state.errand.last
    if last is None or spoke.intents - {Intent.NO} or (_length(spoke, rules) > SHORT and sure_entry(spoke, rules)):
        return None
    want = slots.corrected(last, spoke.text, rules.language)
    return pursue(_with(state, wants=(want,)), f"corrects the {last.topic}") if want else None


def _length(spoke: Spoke, rules: Rules) -> int:
    """In words; two Chinese characters count as one."""
    return len(spoke.text) // 2 if rules.language == "zh" else len(spoke.text.split())


# What was found.


def _answered(state: State, what: Fetched | Located, rules: Rules) -> Step:
    """What was fetched for something else than is wanted now, or for nobody, is not told."""
    for_outage = state.errand.wants[0].topic is Topic.OUTAGE
    if isinstance(what, Located) and for_outage:
        return _located(state, what, rules)
    if isinstance(what, Fetched) and not for_outage and state.errand.verified:
        return _fetched(state, what, rules)
    return pursue(state, "not what is wanted now")


def _known(state: State, customer: str, rules: Rules) -> Step:
    now = state.errand
    if customer:
        return _ask(_with(state, customer=customer, misses=0), "pin", "must prove who he is")
    if now.asking != "number":
        return _ask(state, "number", "calls from a number that nobody has")
    return _again(state, "no such customer number", rules)


def _checked(state: State, checked: Checked, rules: Rules) -> Step:
    if not checked.right:
        return _again(state, "wrong digits", rules) if checked.whole else _missing(state, "too few digits, or too many")
    verified, reason = _with(state, verified=True, asking="", tries=0, misses=0), "proved who he is"
    return pursue(verified, reason) if verified.errand.wants else after(verified, Reply((Prompt("how_can_i_help"),)), reason)


def _again(state: State, reason: str, rules: Rules) -> Step:
    tries = state.errand.tries + 1
    if tries >= rules.max_tries:
        return hand_over(state, Why.UNVERIFIED, f"{reason}; {tries} times")
    return _put(_with(state, tries=tries, misses=0), (Told(f"ask_{state.errand.asking}_again"),), reason)


def _fetched(state: State, fetched: Fetched, rules: Rules) -> Step:
    want = state.errand.wants[0]
    if which(want, fetched.account):
        return _ask(state, "plan", "has several plans")
    offered = _with(state, offer=state.errand.offer or fetched.offer)
    return _tell(offered, told(want, fetched.account, rules.language), f"told {want.topic}")


def _located(state: State, located: Located, rules: Rules) -> Step:
    if located.place:
        return _tell(state, (outage(located.place, rules.language),), "told outage")
    if state.errand.asking == "area":
        return _missing(state, "no such area")
    return _ask(state, "area", "which area")


def _tell(state: State, lines: tuple[Line, ...], reason: str) -> Step:
    want, *rest = state.errand.wants
    now = replace(state.errand, wants=tuple(rest), last=want, asking="", misses=0)
    answered = (*state.answered, TOLD_AS[want.topic])
    served = replace(state, errand=now, answered=answered, unanswered=0, misses=0, noises=0, wrong_keys=0, same=0)
    if rest:
        return pursue(served, f"{reason}, then {rest[0].topic}", lines)
    return after(served, Reply(lines, TOLD_AS[want.topic]), reason, asked=Asked.ANSWERED, unanswered=0)


def _failed(state: State, why: str) -> Step:
    if state.errand.misses:
        return hand_over(state, Why.DIRECTORY, f"look-up failed again: {why}")
    dropped = replace(_dropped(state.errand), misses=1)
    return after(state, Reply((Told("cannot_look"),)), f"look-up failed: {why}", asked=Asked.PERSON, errand=dropped)


# Steps.


def _ask(state: State, asking: Asking, reason: str, lines: tuple[Line, ...] = ()) -> Step:
    return _put(_with(state, asking=asking, misses=0), (*lines, *ask_lines(asking)), reason)


def _put(state: State, lines: tuple[Line, ...], reason: str) -> Step:
    return after(state, asked_again(state, lines), reason)


def _looking(state: State, lookup: Lookup, reason: str) -> Step:
    """No turn of the caller's: it is not counted as one, and what was said last stays."""
    return after(state, lookup, reason, turns=state.turns, unanswered=state.unanswered, lines=lookup.lines or state.lines)


def _dropped(now: Errand) -> Errand:
    return replace(now, wants=(), asking="", misses=0)


def _with(state: State, **changes: Any) -> State:
    return replace(state, errand=replace(state.errand, **changes))
