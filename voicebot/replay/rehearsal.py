"""What the bot would have done in a call that others had: the caller's utterances, one after the other, through the policy of the calls.

Pure. What the caller would have said to the bot instead is not known: an utterance is taken as it was said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from voicebot.bot import Tongue, understood
from voicebot.dialogue.decisions import CALM, Clarify, EndCall, HandOver, Lookup, Reply, State, Step, Verify
from voicebot.dialogue.policy import decide
from voicebot.replay.transcripts import Told
from voicebot.values import Transcript, Utterance

Deed = Literal["answered", "asked", "talked", "escalated", "ended"]
Outcome = Literal["contained", "escalated", "unanswered"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance and what the bot would have done. `entry_id`: the entry it would have answered with."""

    said: str
    deed: Deed
    spoken: str
    reason: str
    entry_id: str | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """One call. `why`: for which reason a person would have taken over."""

    name: str
    turns: tuple[Turn, ...]
    outcome: Outcome
    why: str = ""
    unheard: int = 0
    """Utterances after the bot would have let go."""


@dataclass(frozen=True, slots=True)
class Totals:
    """All calls together; the counts by name are the most frequent first."""

    calls: int
    turns: int
    contained: int
    escalated: int
    unanswered: int
    deeds: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, int], ...]
    entries: tuple[tuple[str, int], ...]
    not_understood: tuple[str, ...]


def replayed(call: Told, tongue: Tongue) -> Replayed:
    """One call through the policy, until the bot would have let go or the caller said no more."""
    state, turns = State.start(), list[Turn]()
    step: Step | None = None
    for text, confidence in call.said:
        heard = understood(tongue, Utterance(0, 0, Transcript(text, confidence)))
        step = decide(state, heard, CALM, tongue.rules)
        state = step.state
        turns.append(_turn(text, step, tongue))
        if isinstance(step.decision, HandOver | EndCall):
            break
    return Replayed(call.name, tuple(turns), *_outcome(step), unheard=len(call.said) - len(turns))


def totals(calls: Iterable[Replayed]) -> Totals:
    """The figures over all calls."""
    found = list(calls)
    turns = [turn for call in found for turn in call.turns]
    outcomes = Counter(call.outcome for call in found)
    return Totals(
        calls=len(found),
        turns=len(turns),
        contained=outcomes["contained"],
        escalated=outcomes["escalated"],
        unanswered=outcomes["unanswered"],
        deeds=_ranked(turn.deed for turn in turns),
        reasons=_ranked(call.why for call in found if call.why),
        entries=_ranked(turn.entry_id for turn in turns if turn.entry_id),
        not_understood=tuple(turn.said for turn in turns if turn.reason.startswith("not understood")),
    )


def _turn(said: str, step: Step, tongue: Tongue) -> Turn:
    decision, script = step.decision, tongue.scripts[True]
    spoken = " ".join(script.text(line) for line in decision.lines)
    match decision:
        case Reply(entry_id=entry_id):
            return Turn(said, "answered" if entry_id else "talked", spoken, step.reason, entry_id)
        case Clarify() | Lookup() | Verify():
            return Turn(said, "asked", spoken, step.reason)
        case HandOver():
            return Turn(said, "escalated", spoken, step.reason)
        case EndCall():
            return Turn(said, "ended", spoken, step.reason)


def _outcome(step: Step | None) -> tuple[Outcome, str]:
    match step:
        case Step(decision=HandOver(reason=reason)):
            return "escalated", str(reason)
        case Step(state=State(answered=answered, misses=0)) if answered:
            return "contained", ""
    return "unanswered", ""


def _ranked(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(names).items(), key=lambda one: (-one[1], one[0])))
