"""Runs of many trials against a voicebot: questions, interruptions, murmurs, pauses, handovers; each gives figures beside their bars.

Calls come first, figures after: reckoning takes CPU that the calls of the next wave would miss.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voicebot.errors import StoreError
from voicebot.store.calls import CallRecord
from voicebot.store.events import BotSpoke, CallerSpoke, HandoverDecided, QueueEntered
from voicebot.testbed import audio, measure
from voicebot.testbed.bench_figures import Figure, Result, share, spread
from voicebot.testbed.bench_load import Load
from voicebot.testbed.g711 import Samples
from voicebot.testbed.questions import Question, pause_places
from voicebot.testbed.recording import Recording
from voicebot.testbed.rig import ROOT, Rig, Target
from voicebot.testbed.scenario import Exchange, Failed, Overlap, Spoken, Talk, ask_all, say_once, talk_over
from voicebot.testbed.synth import synth, synth_with_pause

LANGUAGE = "en"
SPEECH = ROOT / ".cache" / "testbed"
MURMURS = ("uh huh", "okay", "right", "I see", "yeah", "got it")
PERSON = ("I want to talk to a person", "please connect me to an agent", "can I speak to somebody", "I need a human being", "agent please")
PER_CALL = 3
"""Questions a caller asks before hanging up."""
STAGGER_S = 10.0
"""Callers of one wave dial within this span, about as long as one question with its answer: ten calls at once are not ten people in chorus."""
PAUSE_MS = 500
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """One question as it came out."""

    question: Question
    said: tuple[measure.Phrase, ...]
    mouth_to_ear_ms: float
    why: str = ""
    whole: bool = False
    """The answer came without a hole in it."""

    @property
    def answered(self) -> str | None:
        found = measure.answer(self.said)
        return found.entry_id if found else None

    @property
    def right(self) -> bool:
        return self.answered == self.question.entry_id

    def row(self) -> dict[str, Any]:
        """The trial for JSON."""
        heard = ", ".join(phrase.name for phrase in self.said) or self.why
        return {**_asked(self.question), "heard": heard, "right": self.right, "whole": self.whole, "mouth_to_ear_ms": self.mouth_to_ear_ms}


async def turns(target: Target, questions: Sequence[Question], concurrent: int, progress: Progress) -> tuple[list[Turn], tuple[Figure, ...]]:
    """Put `questions` in waves of `concurrent` calls; what came of each, and with a rig how the calls ended and what CPU they took."""
    references = await target.references(LANGUAGE)
    spoken = [Spoken(question, await synth(question.text, question.voice, SPEECH)) for question in questions]
    talks = [spoken[first : first + PER_CALL] for first in range(0, len(spoken), PER_CALL)]
    took: list[Turn] = []
    ends: list[str] = []
    heard: list[Recording] = []
    load = Load(target.processes if isinstance(target, Rig) else tuple)
    for first in range(0, len(talks), concurrent):
        wave = talks[first : first + concurrent]
        progress(f"calls {first + 1}-{first + len(wave)} of {len(talks)}, {len(took)} of {len(questions)} questions asked")
        with load:
            came = await _at_once(target, wave, load)
        took += [turn_of(references, one) for talk in came for one in talk.came]
        heard += [talk.came[0].heard for talk in came if isinstance(talk.came[0], Exchange)]
        ends += [await _end(target, talk.ani) for talk in came] if isinstance(target, Rig) else []
    return took, (*(Figure(f"calls {end}", count) for end, count in Counter(ends).most_common()), _lost(heard), *load.figures())


def turn_result(took: Sequence[Turn], load: Iterable[Figure], bars: Mapping[str, float]) -> Result:
    """Latency over the turns that an answer, right or wrong, came of; at least four in five must have had one."""
    latencies = [turn.mouth_to_ear_ms for turn in took if turn.answered]
    answered = share("questions that got an answer", len(latencies), len(took), 80, at_most=False)
    right = share("right answers", sum(turn.right for turn in took), len(took), None, at_most=False)
    whole = share("answers heard whole", sum(turn.whole for turn in took), len(latencies), None, at_most=False)
    return Result((*spread("mouth-to-ear", latencies, bars), answered, right, whole, *load), tuple(turn.row() for turn in took))


def right_result(took: Sequence[Turn], bar_share: float) -> Result:
    """How many questions were answered rightly."""
    right = share("right answers heard", sum(turn.right for turn in took), len(took), bar_share, at_most=False)
    return Result((right,), tuple(turn.row() for turn in took))


async def barge_in(target: Target, questions: Sequence[Question], seed: int, progress: Progress) -> Result:
    """Interrupt an answer with another question; from the caller's onset to the bot's silence."""
    chance = random.Random(seed)
    references = await target.references(LANGUAGE)
    rows: list[dict[str, Any]] = []
    for number, question in enumerate(questions, start=1):
        progress(f"interruption {number} of {len(questions)}")
        came = await _overlap(target, question, chance.choice(questions).text)
        rows.append({**_asked(question), **_silent(references, came)})
    values = [row["silent_after_ms"] for row in rows if not row["why"]]
    return Result((*spread("barge-in", values, {"p95": 250}), _played(len(values), len(rows))), tuple(rows))


async def backchannel(rig: Rig, questions: Sequence[Question], seed: int, progress: Progress) -> Result:
    """Say "mm-hm" into an answer: the bot goes on with the same answer within 700 ms and takes no turn."""
    chance = random.Random(seed)
    references = await rig.references(LANGUAGE)
    rows: list[dict[str, Any]] = []
    for number, question in enumerate(questions, start=1):
        progress(f"murmur {number} of {len(questions)}")
        murmur = chance.choice(MURMURS)
        came = await _overlap(rig, question, murmur)
        record = await rig.journal(came.ani) if isinstance(came, Overlap) else None
        rows.append({**_asked(question), "murmur": murmur, **_resumed(references, came, record)})
    played = [row for row in rows if not row["why"]]
    good = sum(row["held_still_ms"] <= 700 and row["turns"] == 1 for row in played)
    held = spread("held still", [row["held_still_ms"] for row in played], {})
    resumed = share("bot resumed within 700 ms, no turn taken", good, len(played), 90, at_most=False)
    return Result((resumed, *held, _played(len(played), len(rows))), tuple(rows))


async def pauses(rig: Rig, questions: Sequence[Question], seed: int, progress: Progress) -> Result:
    """Stop for 500 ms at a random word boundary: was the question still taken as one turn?"""
    rows: list[dict[str, Any]] = []
    for number, (question, after) in enumerate(zip(questions, pause_places(questions, seed), strict=True), start=1):
        progress(f"pause {number} of {len(questions)}")
        samples = await synth_with_pause(question.text, question.voice, SPEECH, after_words=after, pause_ms=PAUSE_MS)
        came = await say_once(rig, Spoken(question, samples), CallerSpoke)
        words = question.text.split()
        row = {**_asked(question), "question": f"{' '.join(words[:after])} ... {' '.join(words[after:])}"}
        rows.append({**row, **_cut(came, len(samples) / audio.RATE_HZ * 1000)})
    played = [row for row in rows if not row["why"]]
    cut = sum(not row["one_turn"] for row in played)
    return Result((share("pauses that ended the turn", cut, len(played), 10, at_most=True), _played(len(played), len(rows))), tuple(rows))


async def handover(rig: Rig, questions: Sequence[Question], seed: int, progress: Progress) -> Result:
    """Ask for a person; from the decision to the entry into the queue."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number, question in enumerate(questions, start=1):
        progress(f"handover {number} of {len(questions)}")
        text = chance.choice(PERSON)
        asked = Question("", text, question.voice, question.codec)
        came = await say_once(rig, Spoken(asked, await synth(text, question.voice, SPEECH)), QueueEntered)
        rows.append({**_asked(asked), **_handed_over(came)})
    values = [row["handover_ms"] for row in rows if not row["why"]]
    return Result((*spread("handover decision → in queue", values, {"p95": 1_500}), _played(len(values), len(rows))), tuple(rows))


async def _at_once(target: Target, talks: Sequence[Sequence[Spoken]], load: Load) -> list[Talk]:
    """All `talks` as calls that overlap; a lone one without delay."""
    span_s = STAGGER_S if len(talks) > 1 else 0.0
    async with asyncio.TaskGroup() as scope:
        tasks = [scope.create_task(_talk(target, talk, span_s * number / len(talks), load)) for number, talk in enumerate(talks)]
    return [task.result() for task in tasks]


async def _talk(target: Target, talk: Sequence[Spoken], wait_s: float, load: Load) -> Talk:
    await asyncio.sleep(wait_s)
    with load.call():
        return await ask_all(target, talk)


async def _end(rig: Rig, ani: str) -> str:
    """How the journal says a call ended."""
    try:
        summary = (await rig.journal(ani)).summary
    except StoreError:
        return "not journalled"
    return f"{summary.outcome or 'not sealed'}" + (f", {summary.handover_reason}" if summary.handover_reason else "")


async def _overlap(target: Target, question: Question, over: str) -> Overlap | Failed:
    spoken = Spoken(question, await synth(question.text, question.voice, SPEECH))
    return await talk_over(target, spoken, await synth(over, question.voice, SPEECH))


def turn_of(references: Mapping[str, Samples], one: Exchange | Failed) -> Turn:
    """What an exchange came to."""
    if isinstance(one, Failed):
        return Turn(one.question, (), math.inf, one.why)
    until_s = min(one.until_s, one.last_voiced_s + measure.LISTENED_S)
    said = measure.phrases(references, one.heard, one.last_voiced_s, until_s)
    why = "" if said else "silence" if one.heard.onset_s(one.last_voiced_s, one.until_s) is None else "words that are no answer or fixed prompt"
    found = measure.answer(said)
    whole = found is not None and measure.heard_whole(found, references[found.name], until_s)
    return Turn(one.question, said, measure.mouth_to_ear_ms(one.last_voiced_s, said), why, whole)


def _lost(heard: Sequence[Recording]) -> Figure:
    """Packets that Asterisk sent and the phones did not get, or whose numbers it left out."""
    lost = sum(each.lost for each in heard)
    sent = lost + sum(len(each.packet_times_s) for each in heard)
    return Figure("packets lost on the way to the callers", 100 * lost / sent if sent else math.nan, "%")


def _silent(references: Mapping[str, Samples], came: Overlap | Failed) -> dict[str, Any]:
    """None and why, when there was no answer in full flow to interrupt."""
    if isinstance(came, Failed):
        return {"silent_after_ms": None, "why": came.why}
    said = measure.phrases(references, came.heard, came.answer_s - 0.1, came.onset_s + 0.5)
    wait_ms = measure.silent_after_ms(came.heard, came.onset_s, came.until_s) if measure.answer(said) else None
    return {"silent_after_ms": wait_ms, "why": "the bot was not speaking an answer" if wait_ms is None else ""}


def _resumed(references: Mapping[str, Samples], came: Overlap | Failed, record: CallRecord | None) -> dict[str, Any]:
    """The journal names the answer: with so little of it heard before the murmur, answers that begin alike sound the same."""
    if isinstance(came, Failed) or record is None:
        return {"held_still_ms": None, "turns": 0, "why": came.why if isinstance(came, Failed) else "not journalled"}
    given = next((line.event.entry_id for line in record.lines if isinstance(line.event, BotSpoke) and line.event.entry_id), None)
    if given is None:
        return {"held_still_ms": None, "turns": 0, "why": "no answer was given"}
    held_ms = measure.resumed_after_ms(references[f"answer/{given}"], came.heard, came.answer_s, came.onset_s, came.until_s)
    return {"held_still_ms": held_ms, "turns": measure.turns_taken(record.lines), "why": ""}


def _cut(came: CallRecord | Failed, spoken_ms: float) -> dict[str, Any]:
    if isinstance(came, Failed):
        return {"one_turn": False, "why": came.why}
    return {"one_turn": measure.one_turn(came.lines, spoken_ms), "why": ""}


def _handed_over(came: CallRecord | Failed) -> dict[str, Any]:
    """Not being understood as asking for a person is another figure's matter; a decision that led nowhere is infinite."""
    if isinstance(came, Failed):
        return {"handover_ms": None, "why": came.why}
    decided = any(isinstance(line.event, HandoverDecided) for line in came.lines)
    return {"handover_ms": measure.handover_ms(came.lines), "why": "" if decided else "was not understood as asking for a person"}


def _asked(question: Question) -> dict[str, Any]:
    return {"entry_id": question.entry_id, "question": question.text, "voice": question.voice, "codec": question.codec}


def _played(played: int, of: int) -> Figure:
    return share("trials that could be played", played, of, 80, at_most=False)
