"""One anger score a turn out of voice, words and behaviour, remembered through the call, and whether a person should take over. Pure, by tables.

Probabilities are added as log odds above the share of anger they assume, each drawn to nothing where it is unsure. Voice alone changes the style of
what is said; it never moves a call. Nobody is refused anything here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from voicebot.emotion.behaviour import Deed
from voicebot.emotion.voice import VoiceScore
from voicebot.emotion.words import WordScore, probability

PRIOR: Final = 0.14
"""Share of anger that the probabilities of voice and words assume."""
SHARE: Final = {"voice": 1.0, "words": 1.2, "behaviour": 1.0}
"""What one log odd of each counts."""
RANGE: Final = {"voice": (-0.5, 2.4), "words": (-1.2, 4.0), "behaviour": (0.0, 2.0)}
"""The least and the most that each may add: a calm voice does not excuse angry words, nor friendly words a shout."""
UNEXPLAINED: Final = 0.6
"""What words may count for beyond the phrases that are their evidence: a text model alone is no reason that anybody can be told."""
KEPT: Final = 0.6
"""What is left of the level after a turn that added nothing."""
KEPT_FEELING: Final = 0.5
LEVEL: Final = (-0.5, 6.0)
_START: Final = math.log(PRIOR / (1 - PRIOR))
_REASONS: Final = 4
_WORTH_SAYING: Final = 0.3


@dataclass(frozen=True, slots=True)
class Limits:
    """When a queue wants a caller. All are log odds above the usual share of anger.

    `sharp`: one turn this angry; `sustained`: the level, when the turn before was angry too or the level was high already; `support`: what words and
    behaviour must have given of it, lately; `calm`: the level at which a caller who was angry counts as calm again.
    """

    sharp: float = 3.6
    sustained: float = 2.0
    support: float = 0.8
    calm: float = 0.5


USUAL: Final = Limits()


@dataclass(frozen=True, slots=True)
class Mood:
    """What is remembered of one caller between two turns."""

    level: float = 0.0
    support: float = 0.0
    angry_turns: int = 0
    """Turns in a row that added to the level."""
    angry: bool = False
    urgency: float = 0.0
    sadness: float = 0.0
    turns: int = 0

    @staticmethod
    def restored(kept: dict[str, Any]) -> Mood:
        """From what `asdict` gave; unknown or missing fields are a later or an earlier version's."""
        known = {each.name for each in fields(Mood)}
        return Mood(**{name: value for name, value in kept.items() if name in known})


UNMOVED: Final = Mood()


@dataclass(frozen=True, slots=True)
class Moment:
    """One turn: what of it is known. None: not analysed, or not in time."""

    voice: VoiceScore | None = None
    words: WordScore | None = None
    deeds: Sequence[Deed] = ()


@dataclass(frozen=True, slots=True)
class Feeling:
    """The verdict on one turn: probabilities 0–1, the parts in log odds, and reasons, strongest first."""

    anger: float
    urgency: float
    sadness: float
    escalate: bool
    parts: dict[str, float] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()


def fuse(mood: Mood, moment: Moment, limits: Limits) -> tuple[Mood, Feeling]:
    """The mood after this turn, and the verdict."""
    parts = _parts(moment)
    added = sum(parts.values())
    spoken = _said(moment.words, parts["words"]) + parts["behaviour"]
    level = _within(mood.level * KEPT + added, LEVEL)
    support = max(mood.support * KEPT, spoken)
    angry_turns = mood.angry_turns + 1 if added > 0 else 0
    now = Mood(
        level,
        support,
        angry_turns,
        level >= limits.sustained or (mood.angry and level > limits.calm),
        *_feelings(mood, moment.words),
        mood.turns + 1,
    )
    sharp = added >= limits.sharp and spoken >= limits.support
    sustained = level >= limits.sustained and angry_turns > 1 and support >= limits.support and added > 0
    return now, Feeling(probability(_START + level), now.urgency, now.sadness, sharp or sustained, parts, _evidence(moment))


def kept(mood: Mood) -> dict[str, Any]:
    """What `Mood.restored` takes, with four digits."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(mood).items()}


def _parts(moment: Moment) -> dict[str, float]:
    clear = (1 + moment.words.weight) / 2 if moment.words else 1.0  # where words are hard to make out, the voice is not the caller's alone
    voice = clear * moment.voice.reliability * _above(moment.voice.probability) if moment.voice else 0.0
    words = _spoken(moment.words) if moment.words else 0.0
    found = {"voice": voice, "words": words, "behaviour": sum(deed.strength for deed in moment.deeds)}
    return {name: _within(SHARE[name] * value, RANGE[name]) for name, value in found.items()}


def _spoken(words: WordScore) -> float:
    return min(words.weight * _above(words.anger), sum(reason.strength for reason in words.evidence) + UNEXPLAINED)


def _said(words: WordScore | None, part: float) -> float:
    """What of the words' part has words to show for it: a score that no phrase explains supports no handover."""
    return min(max(0.0, part), sum(reason.strength for reason in words.evidence)) if words else 0.0


def _feelings(mood: Mood, words: WordScore | None) -> tuple[float, float]:
    if words is None:
        return mood.urgency * KEPT_FEELING, mood.sadness * KEPT_FEELING
    now = (words.weight * words.urgency, words.weight * words.sadness)
    return max(mood.urgency * KEPT_FEELING, now[0]), max(mood.sadness * KEPT_FEELING, now[1])


def _evidence(moment: Moment) -> tuple[str, ...]:
    voice = [(reason.strength * SHARE["voice"], str(reason)) for reason in moment.voice.evidence] if moment.voice else []
    words = [(reason.strength, str(reason)) for reason in moment.words.evidence] if moment.words else []
    found = [*voice, *words, *((deed.strength, str(deed)) for deed in moment.deeds)]
    return tuple(text for strength, text in sorted(found, key=lambda reason: -reason[0])[:_REASONS] if strength >= _WORTH_SAYING)


def _above(chance: float) -> float:
    """Log odds above the usual share of anger."""
    chance = min(max(chance, 1e-6), 1 - 1e-6)
    return math.log(chance / (1 - chance)) - _START


def _within(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])
