"""`voicebot evaluate calls`: a simulation. Calls are made up of recordings and sentences, drawn apart from each other, and judged as a live call is.

It shows how voice, words and memory work together at the shipped limits. It is no measurement of real callers: nobody here answers to anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from voicebot.emotion.figures import Prosody
from voicebot.emotion.temper import Judges, Temper, Turn, judged
from voicebot.emotion.voice import Voice
from voicebot.emotion.words import Words
from voicebot.errors import EvaluationError
from voicebot.evaluate.anger import CALM_KINDS, listen
from voicebot.evaluate.manifest import Row, located
from voicebot.evaluate.sentences import Sentence, sentences
from voicebot.evaluate.telephone import Line

TURNS: Final = 8
LOUD_DB: Final = 12.0
TV_SNR_DB: Final = 10.0
TV_SPEAKS: Final = 0.2
"""Share of a TV caller's turns into which the recogniser mixes words of the television."""
SURE: Final = (0.55, 1.0)
UNSURE: Final = (0.3, 0.55)
"""The recogniser's confidence, alone and with the television behind."""
ANGRY, CALM, HAPPY = "angry", "calm", "happy"
_OTHER_LANGUAGES = "en"
T = TypeVar("T")
_EARLIER = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of call: the mood of its voice in each turn, the turn (from 0) at which anger begins, and how soon a person is due."""

    name: str
    voices: tuple[str, ...]
    line: str = "plain"
    anger_at: int | None = None
    within: int = 0
    bar: float = 0.0


KINDS: Final = (
    Kind("calm", (CALM,) * TURNS, bar=0.01),
    Kind("happy", (HAPPY,) * TURNS, bar=0.01),
    Kind("loud", (CALM,) * TURNS, line="loud", bar=0.01),
    Kind("tv", (CALM,) * TURNS, line="tv", bar=0.01),
    Kind("turns angry", (CALM,) * 4 + (ANGRY,) * 4, anger_at=4, within=2, bar=0.85),
    Kind("opens angry", (ANGRY,) * TURNS, anger_at=0, within=3, bar=0.80),
)
"""`bar`: the least share of angry calls that must be with a person in time, and the largest of the others that may."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One turn of a simulated call."""

    prosody: Prosody | None
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Simulated:
    """One call: its kind, language, and what was said."""

    kind: Kind
    language: str
    turns: tuple[Spoken, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a system made of a call: the turn of the handover (None: none), and the highest score while it had to decide."""

    handed_over: int | None
    score: float


@dataclass(frozen=True, slots=True)
class Recordings:
    """Recordings by speaker and mood, each with its prosody through each line it may be heard on."""

    language: Mapping[str, str]
    heard: Mapping[tuple[str, str, str], Sequence[Prosody | None]]
    """By speaker, mood and line."""

    @property
    def speakers(self) -> list[str]:
        return sorted(self.language)


def recordings(rows: Sequence[Row], manifest: Path, seed: int) -> Recordings:
    """Listen to all that the simulation needs. Raises EvaluationError when a speaker lacks calm, happy or angry recordings."""
    chance = np.random.default_rng(seed)
    calm = [row for row in rows if _mood(row) == CALM]
    shouted = [row for row in rows if row.angry]
    tv = [Line(noise=_television(row, shouted, manifest, chance), snr_db=TV_SNR_DB) for row in calm]
    lines: dict[str, tuple[Sequence[Row], Line | Sequence[Line]]] = {
        "plain": (rows, Line()),
        "loud": (calm, Line(gain_db=LOUD_DB)),
        "tv": (calm, tv),
    }
    heard: dict[tuple[str, str, str], list[Prosody | None]] = {}
    for name, (chosen, line) in lines.items():
        for row, prosody in zip(chosen, listen(chosen, manifest, line), strict=True):
            heard.setdefault((row.speaker, _mood(row), name), []).append(prosody)
    language = {row.speaker: row.language for row in rows}
    if lacking := [speaker for speaker in language if any((speaker, mood, "plain") not in heard for mood in (CALM, HAPPY, ANGRY))]:
        raise EvaluationError(f"{manifest}: no calm, happy or angry recordings of {', '.join(lacking)}; add some or leave these speakers out")
    return Recordings(language, heard)


def simulated(found: Recordings, kind: Kind, calls: int, word_errors: float, seed: int) -> list[Simulated]:
    """`calls` calls of one kind by speakers in turn. A text depends on its voice in nothing but the label."""
    chance = np.random.default_rng([seed, KINDS.index(kind)])
    speakers = [found.speakers[n % len(found.speakers)] for n in range(calls)]
    return [_call(found, kind, speaker, word_errors, chance) for speaker in speakers]


def run(call: Simulated, judges: Judges) -> Result:
    """Let the judges listen to one call, turn by turn."""
    temper, scores, handed_over = Temper(), [], None
    texts = [turn.text if judges.words else "" for turn in call.turns]
    for number, spoken in enumerate(call.turns):
        turn = Turn(texts[number], spoken.confidence, spoken.prosody, texts[max(0, number - _EARLIER) : number])
        temper, feeling = judged(temper, turn, judges)
        scores.append(temper.mood.level)
        if feeling.escalate and handed_over is None:
            handed_over = number
    first = call.kind.anger_at or 0
    return Result(handed_over, max(scores[first : first + call.kind.within] if call.kind.within else scores))


def in_time(call: Simulated, result: Result) -> bool:
    """Whether the caller was handed over when he should be: for calls without anger, whether at all."""
    kind, at = call.kind, result.handed_over
    return at is not None and (kind.anger_at is None or kind.anger_at <= at < kind.anger_at + kind.within)


def systems(language: str, voice: Voice) -> dict[str, Judges]:
    """All together, and each alone, at the shipped limits."""
    words = Words.load(spoken_in(language))
    return {"fused": Judges(voice, words), "voice alone": Judges(voice, None), "words alone": Judges(None, words)}


def judged_by_all(calls: Sequence[Simulated], voice: Voice) -> dict[str, list[tuple[Simulated, Result]]]:
    """What each system makes of each call, by the system's name."""
    found: dict[str, list[tuple[Simulated, Result]]] = {}
    for call in calls:
        for name, judges in systems(call.language, voice).items():
            found.setdefault(name, []).append((call, run(call, judges)))
    return found


def spoken_in(language: str) -> str:
    """The language of the sentences: recordings of actors say nothing that matters, so any will do."""
    return language if language in ("en", "zh") else _OTHER_LANGUAGES


def _call(found: Recordings, kind: Kind, speaker: str, word_errors: float, chance: np.random.Generator) -> Simulated:
    language = found.language[speaker]
    texts = [sentence for sentence in sentences(spoken_in(language)) if sentence.held_out]
    turns = []
    for mood in kind.voices:
        prosody = _drawn(found.heard[speaker, mood, kind.line if mood == CALM else "plain"], chance)
        text, confidence = _words(texts, mood == ANGRY, kind.line == "tv", chance)
        turns.append(Spoken(prosody, _misheard(text, spoken_in(language), word_errors, chance), confidence))
    return Simulated(kind, language, tuple(turns))


def _words(texts: Sequence[Sentence], angry: bool, television: bool, chance: np.random.Generator) -> tuple[str, float]:
    text = _drawn([sentence for sentence in texts if sentence.angry == angry], chance).text
    if television and chance.random() < TV_SPEAKS:
        return f"{text} {_drawn(texts, chance).text}", float(chance.uniform(*UNSURE))
    return text, float(chance.uniform(*SURE))


def _drawn(among: Sequence[T], chance: np.random.Generator) -> T:
    return among[int(chance.integers(len(among)))]


def _misheard(text: str, language: str, share: float, chance: np.random.Generator) -> str:
    """Without some of its words; in Mandarin, where a word is about two characters, half as many characters."""
    words, share = (list(text), share / 2) if language == "zh" else (text.split(), share)
    heard = [word for word in words if chance.random() >= share]
    return ("" if language == "zh" else " ").join(heard)


def _mood(row: Row) -> str:
    return ANGRY if row.angry else CALM if row.kind in CALM_KINDS else HAPPY if row.kind in ("happy", "surprise") else row.kind


def _television(row: Row, shouted: Sequence[Row], manifest: Path, chance: np.random.Generator) -> Path:
    """Somebody else who shouts."""
    others = [one for one in shouted if one.speaker != row.speaker] or list(shouted)
    if not others:
        raise EvaluationError(f"{manifest}: no angry recordings; add some")
    return located(_drawn(others, chance), manifest)
