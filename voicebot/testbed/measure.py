"""From recordings and journal lines to figures. Pure: no clock, no network, no opinion on what is good enough.

What never happened counts as infinite, so that it makes a percentile worse instead of leaving it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from voicebot.store.events import CallerSpoke, CallSealed, Event, HandoverDecided, Line, QueueEntered
from voicebot.testbed import audio
from voicebot.testbed.g711 import Samples
from voicebot.testbed.recording import LATE_S, Recording

LEAST_SCORE = 0.8
"""The same audio scores above 0.9 through G.711 and some noise, other words in the same voice at most 0.6."""
LEAST_HEARD_S = 1.0
"""A reference shorter than this must be heard whole. Less of a longer one may be a word it shares with another sentence."""
SAME_START_S = 0.3
"""References that begin within this span are the same phrase heard once: the one that agrees longest is it."""
LISTENED_S = 10.0
"""A reply that does not begin by then is none."""
SILENT_S = 1.0
"""Quiet of this length is the bot's silence, not the end of a sentence."""
TAIL_S = 1.0
AGAIN_S = 0.5
"""An answer that took this much longer than it is long, without the time it held still, was begun again."""
TORN_S = 0.4
"""So much of an answer may be missing at its end: agreement is counted in steps, and a caller who hangs up cuts the last word."""
MISSED_MS = 400
"""A recogniser's utterance may be this much shorter than the voice on the wire: soft beginnings and ends."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something the bot said, recognised by its cached audio: `answer/ID`, `short/ID` or `prompt/NAME`; wire time of its first voiced packet."""

    name: str
    at_s: float
    heard_s: float

    @property
    def entry_id(self) -> str | None:
        """The KB entry whose answer it is; None when it is no answer."""
        kind, _, name = self.name.partition("/")
        return name if kind in {"answer", "short"} else None


@dataclass(frozen=True, slots=True)
class Figures:
    """Percentiles by nearest rank, in the unit of the values; infinite where it did not happen, nan where nothing was measured."""

    count: int
    p50: float
    p95: float
    worst: float


def figures(values: Iterable[float]) -> Figures:
    ordered = sorted(values)
    if not ordered:
        return Figures(0, math.nan, math.nan, math.nan)
    return Figures(len(ordered), percentile(ordered, 50), percentile(ordered, 95), ordered[-1])


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that `share` per cent of `ordered` do not exceed (nearest rank). Raises IndexError when there is none."""
    return ordered[max(math.ceil(share / 100 * len(ordered)), 1) - 1]


def phrases(references: Mapping[str, Samples], heard: Recording, from_s: float, to_s: float) -> tuple[Phrase, ...]:
    """What the bot said from `from_s` to `to_s`, in order. References that begin alike are told apart by how long they agree."""
    search = audio.Search(heard.audio(from_s, to_s))
    found: list[tuple[float, float, str]] = []
    for name, reference in references.items():
        match = search.locate(reference)
        if match.score >= LEAST_SCORE and match.heard_s >= min(LEAST_HEARD_S, len(reference) / audio.RATE_HZ - 0.1):
            found.append((match.heard_s, match.offset_s + _lead_s(reference), name))
    kept: list[tuple[float, float, str]] = []
    for heard_s, voice_s, name in sorted(found, reverse=True):
        if all(abs(voice_s - other_s) > SAME_START_S for _, other_s, _ in kept):
            kept.append((heard_s, voice_s, name))
    return tuple(Phrase(name, _wire_s(heard, from_s + voice_s), heard_s) for heard_s, voice_s, name in sorted(kept, key=lambda each: each[1]))


def answer(said: Iterable[Phrase]) -> Phrase | None:
    """The first approved answer among what was said: not a filler, a "sorry?" or a question back."""
    return next((phrase for phrase in said if phrase.entry_id is not None), None)


def heard_whole(phrase: Phrase, reference: Samples, until_s: float) -> bool:
    """Whether the caller heard `reference` as it is until its end, or until `until_s`: frames that were dropped shift the rest or tear a hole."""
    return phrase.heard_s >= min(len(reference) / audio.RATE_HZ, until_s - phrase.at_s) - TORN_S


def mouth_to_ear_ms(last_voiced_s: float, said: Iterable[Phrase]) -> float:
    """From the caller's last voiced packet to the first voiced packet of the answer; infinite when none was heard."""
    found = answer(said)
    return (found.at_s - last_voiced_s) * 1000 if found else math.inf


def silent_after_ms(heard: Recording, onset_s: float, until_s: float) -> float | None:
    """From the caller's onset to the end of the bot's last voiced packet before it fell silent; infinite when it spoke on until `until_s`.

    None when the bot was not speaking at `onset_s`: there was nothing to interrupt.
    """
    if heard.onset_s(onset_s - 0.2, onset_s) is None:
        return None
    return next(((begin_s - onset_s) * 1000 for begin_s, end_s in _quiet(heard, onset_s, until_s) if end_s - begin_s >= SILENT_S), math.inf)


def longest_quiet_ms(heard: Recording, from_s: float, to_s: float) -> float:
    """The longest time without voice between `from_s` and `to_s`."""
    return max((end_s - begin_s for begin_s, end_s in _quiet(heard, from_s, to_s)), default=0.0) * 1000


def resumed_after_ms(reference: Samples, heard: Recording, answer_s: float, onset_s: float, until_s: float) -> float:
    """How long the bot held still over a caller's "mm-hm" before it went on with `reference`, begun at `answer_s`, to its end.

    A bot that did not stop at all has held still for as long as its own pauses are. Infinite when the end was never heard, or only after
    the bot had begun the answer again.
    """
    voice = audio.trim(reference)
    tail = voice[-round(TAIL_S * audio.RATE_HZ) :]
    match = audio.locate(tail, heard.audio(onset_s, until_s))
    if match.score < LEAST_SCORE:
        return math.inf
    tail_s = onset_s + max(match.offset_s, 0.0)
    held_ms = longest_quiet_ms(heard, onset_s, tail_s + audio.FRAME_S)
    said_s = tail_s - answer_s - held_ms / 1000
    return held_ms if said_s <= len(voice) / audio.RATE_HZ - TAIL_S + AGAIN_S else math.inf


def turns_taken(lines: Iterable[Line]) -> int:
    """How many times the bot took what it heard for a turn of the caller."""
    return sum(isinstance(line.event, CallerSpoke) for line in lines)


def one_turn(lines: Iterable[Line], spoken_ms: float) -> bool:
    """Whether the first turn the bot took holds all of what was said in `spoken_ms`: a cut at a pause leaves it shorter."""
    first = next((line.event for line in lines if isinstance(line.event, CallerSpoke)), None)
    return isinstance(first, CallerSpoke) and first.end_ms - first.start_ms >= spoken_ms - MISSED_MS


def handover_ms(lines: Sequence[Line]) -> float:
    """From the decision for a person to the caller's entry into the queue, by the journal's clock; infinite when the queue was not reached."""
    decided, entered = _first_utc(lines, HandoverDecided), _first_utc(lines, QueueEntered)
    return (entered - decided).total_seconds() * 1000 if decided and entered else math.inf


def seals(lines: Iterable[Line]) -> int:
    """How many times the record was sealed; anything but one is a fault."""
    return sum(isinstance(line.event, CallSealed) for line in lines)


def _first_utc(lines: Iterable[Line], kind: type[Event]) -> datetime | None:
    return next((line.at_utc for line in lines if isinstance(line.event, kind)), None)


def _lead_s(reference: Samples) -> float:
    frames = np.flatnonzero(audio.voiced(reference))
    return float(frames[0]) * audio.FRAME_S if len(frames) else 0.0


def _wire_s(heard: Recording, voice_s: float) -> float:
    """Wire time of the first voiced packet at or after `voice_s`, or of the packet in which it lies."""
    onset_s = heard.onset_s(voice_s - audio.FRAME_S + 0.001, voice_s + 0.1)
    return heard.wire_s(voice_s) if onset_s is None else onset_s


def _quiet(heard: Recording, from_s: float, to_s: float) -> list[tuple[float, float]]:
    """The spans without voice, by wire time: from the end of one voiced packet to the next."""
    spans: list[tuple[float, float]] = []
    spoken_until_s = cursor_s = from_s
    while (voice_s := heard.onset_s(cursor_s, to_s)) is not None:
        if voice_s > spoken_until_s:
            spans.append((spoken_until_s, voice_s))
        spoken_until_s = max(spoken_until_s, voice_s + audio.FRAME_S)
        cursor_s = max(cursor_s, voice_s - LATE_S) + audio.FRAME_S / 2  # a packet's place in play lies up to LATE_S before its arrival
    return [*spans, (spoken_until_s, to_s)]
