"""Whether the record of a call tells what may happen in a call: a table of invariants, each a pure function of the record's lines.

It reads no database and repairs nothing. What it finds is a fault of ours, or a row that somebody changed; never the caller's doing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from voicebot.store import events
from voicebot.store.events import Event, Line, tag

BETWEEN_LINES_MS = 3_000
"""Between two sentences of one reply the next may still be made: speech of the caller then is a barge-in as well."""
PROTECTED_KEY = "x"
"""How a key of protected input stands in the journal."""
_HEARING = events.CallerSpoke | events.AngerScored | events.TurnMeasured | events.BargedIn | events.DigitPressed | events.Decided
_WITH_AGENT = events.QueueEntered | events.AgentRang | events.AgentAnswered | events.AgentJoined


@dataclass(frozen=True, slots=True)
class Violation:
    """`invariant` is a key of INVARIANTS, `seq` the line at which it shows, `what` says it in words."""

    invariant: str
    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a record, decoded."""

    seq: int
    t_ms: int
    event: Event


Found = Iterator[tuple[Entry, str]]


def violations(lines: Iterable[Line]) -> tuple[Violation, ...]:
    """What is wrong with one call's `lines`, given in order, by seq. A record without a seal is judged by what stands in it so far."""
    history = [Entry(line.seq, line.t_ms, line.event) for line in lines]
    found = (Violation(name, entry.seq, what) for name, invariant in INVARIANTS.items() for entry, what in invariant(history))
    return tuple(sorted(found, key=lambda violation: violation.seq))


def _starts_once(history: Sequence[Entry]) -> Found:
    for place, entry in enumerate(history):
        if isinstance(entry.event, events.CallStarted) != (place == 0):
            yield entry, "starts again" if place else f"begins with {tag(entry.event)}"


def _sealed_last(history: Sequence[Entry]) -> Found:
    for entry, following in pairwise(history):
        if isinstance(entry.event, events.CallSealed):
            yield following, f"{tag(following.event)} after the seal"


def _in_order(history: Sequence[Entry]) -> Found:
    if history and history[0].seq != 0:
        yield history[0], f"the first line has seq {history[0].seq}"
    for before, entry in pairwise(history):
        if entry.seq != before.seq + 1:
            yield entry, f"follows line {before.seq}"
        if entry.t_ms < before.t_ms:
            yield entry, f"at {entry.t_ms} ms, after a line at {before.t_ms} ms"


def _answered_first(history: Sequence[Entry]) -> Found:
    answered = False
    for entry in history:
        answered |= isinstance(entry.event, events.CallAnswered)
        if isinstance(entry.event, events.BotSpoke | _HEARING | events.NoticeGiven) and not answered:
            yield entry, f"{tag(entry.event)} in a call that was not answered"


def _notice_first(history: Sequence[Entry]) -> Found:
    """The greeting holds the notice; before it is over nothing else is said, and nothing heard is used."""
    greeted = cut = noticed = False
    for entry in history:
        match entry.event:
            case events.BotSpoke(kind="greeting"):
                greeted, cut = True, entry.event.cut
            case events.NoticeGiven(whole=whole):
                noticed = True
                if not greeted or (whole and cut):
                    yield entry, "notice given whole, and the greeting was cut" if greeted else "notice given without a greeting"
            case events.BotSpoke() | events.BargedIn() | events.CallerSpoke() | events.TurnMeasured() | events.Decided() if not noticed:
                yield entry, f"{tag(entry.event)} before the notice"
            case _:
                pass


def _bot_silent_after_handover(history: Sequence[Entry]) -> Found:
    """From the decision to hand over only its own announcement is said, and nothing once the caller is in the queue."""
    deciding = queued = False
    for entry in history:
        match entry.event:
            case events.HandoverDecided():
                deciding = True
            case events.BotSpoke(kind=kind) if queued or (deciding and kind != "handover"):
                yield entry, f"the bot speaks ({kind}) after it handed the caller over"
            case event:
                queued |= isinstance(event, _WITH_AGENT)


def _private_after_handover(history: Sequence[Entry]) -> Found:
    """Nothing the caller does is heard, measured or weighed once it is decided that a person takes over, or once he is on the way to one."""
    over = False
    for entry in history:
        if over and isinstance(entry.event, _HEARING):
            yield entry, f"{tag(entry.event)} after the handover"
        over |= isinstance(entry.event, events.HandoverDecided | _WITH_AGENT)


def _handover_carried_out(history: Sequence[Entry]) -> Found:
    """A decision to hand over is carried out, and its end is the queue or a hang-up; else a fault says why it is not."""
    kinds = [type(entry.event) for entry in history]
    sealed = history and isinstance(history[-1].event, events.CallSealed)
    for place, entry in enumerate(history):
        rest = frozenset(kinds[place + 1 :])
        match entry.event:
            case events.Decided(decision="HandOver") if sealed and not rest & {
                events.HandoverDecided,
                events.QueueEntered,
                events.CallerHungUp,
                events.Fault,
            }:
                yield entry, "decided, and never carried out"
            case events.HandoverDecided() if sealed and not rest & {events.QueueEntered, events.CallerHungUp} and not _told_otherwise(history):
                yield entry, "the caller reached neither queue nor hang-up"
            case _:
                pass


def _told_otherwise(history: Sequence[Entry]) -> bool:
    """Whether a record says that its end is unknown, or names the fault that kept the caller from the queue."""
    match history[-1].event:
        case events.CallSealed(outcome="lost"):
            return True
        case events.CallSealed(outcome="failed"):
            return any(isinstance(entry.event, events.Fault) for entry in history)
    return False


def _over_the_bot(history: Sequence[Entry]) -> Found:
    for place, entry in enumerate(history):
        if isinstance(entry.event, events.BargedIn) and not _bot_had_the_word(history[:place], entry.event, history[place + 1 :]):
            yield entry, f"spoken at {entry.event.at_ms} ms, when the bot was silent"


def _bot_had_the_word(before: Sequence[Entry], barge_in: events.BargedIn, after: Sequence[Entry]) -> bool:
    """Each phrase stands in the record when it is over: the one spoken over comes after the barge-in, or was never made."""
    following = next((entry.event for entry in after if isinstance(entry.event, events.BotSpoke | events.Decided)), None)
    if isinstance(following, events.BotSpoke) and following.start_ms <= barge_in.at_ms + barge_in.silent_after_ms:
        return True
    last = next((entry for entry in reversed(before) if isinstance(entry.event, events.BotSpoke | events.Decided)), None)
    if last and isinstance(last.event, events.BotSpoke):
        return not last.event.cut and barge_in.at_ms <= last.t_ms + BETWEEN_LINES_MS
    return last is not None


def _recording_stops(history: Sequence[Entry]) -> Found:
    """Nothing is recorded from the decision on that a person takes over, nor any key of protected input. A recording ends with the controller that
    made it."""
    on, forbidden = False, ""
    for entry in history:
        match entry.event:
            case events.Recorded(on=now):
                on = now
                if on and forbidden:
                    yield entry, f"switched on after {forbidden}"
            case events.Resumed():
                on = False
            case events.DigitPressed(key=key) if on and key == PROTECTED_KEY:
                yield entry, "protected input is recorded"
            case events.HandoverDecided() | events.QueueEntered() | events.AgentJoined() as event:
                forbidden = forbidden or "the handover"
                if on and isinstance(event, events.HandoverDecided):  # the queue may come after a controller that was lost with its recording
                    yield entry, "recorded beyond the handover"
            case _:
                pass


def _opt_out_obeyed(history: Sequence[Entry]) -> Found:
    """Who refuses the recording is not recorded from the next word on, and never again."""
    on = refused = False
    for entry in history:
        match entry.event:
            case events.OptedOut(what="recording"):
                refused = True
            case events.Recorded(on=now):
                on = now
                if on and refused:
                    yield entry, "recording begins although the caller refused"
            case events.Resumed():
                on = False
            case events.BotSpoke() | events.CallerSpoke() | events.HandoverDecided() if on and refused:
                yield entry, "still recorded although the caller refused"
            case _:
                pass


def _agents_from_the_queue(history: Sequence[Entry]) -> Found:
    queued = answered = False
    for entry in history:
        queued |= isinstance(entry.event, events.QueueEntered)
        if isinstance(entry.event, events.AgentRang | events.AgentAnswered) and not queued:
            yield entry, f"{tag(entry.event)} for a caller who is in no queue"
        if isinstance(entry.event, events.AgentJoined) and not answered:
            yield entry, "an agent joined who did not answer"
        answered |= isinstance(entry.event, events.AgentAnswered)


def _outcome_fits(history: Sequence[Entry]) -> Found:
    """`handed_over` means that an agent joined; the bot served only callers who went to no queue."""
    kinds = {type(entry.event) for entry in history}
    for entry in history:
        match entry.event:
            case events.CallSealed(outcome="handed_over") if events.AgentJoined not in kinds:
                yield entry, "handed over, and no agent joined"
            case events.CallSealed(outcome="contained" | "abandoned" as outcome) if events.AgentJoined in kinds:
                yield entry, f"{outcome}, and an agent joined"
            case events.CallSealed(outcome="contained") if kinds & {events.HandoverDecided, events.QueueEntered}:
                yield entry, "contained, and sent to a person"
            case _:
                pass


INVARIANTS: Mapping[str, Callable[[Sequence[Entry]], Found]] = {
    "starts once": _starts_once,
    "sealed last": _sealed_last,
    "in order": _in_order,
    "answered first": _answered_first,
    "notice first": _notice_first,
    "bot silent after handover": _bot_silent_after_handover,
    "private after handover": _private_after_handover,
    "handover carried out": _handover_carried_out,
    "barge-in over the bot": _over_the_bot,
    "recording stops": _recording_stops,
    "opt-out obeyed": _opt_out_obeyed,
    "agents from the queue": _agents_from_the_queue,
    "outcome fits": _outcome_fits,
}
"""What holds for every record, by name."""
