"""One caller through one call: each utterance is judged by voice, words and behaviour, and what it teaches is remembered. Pure.

The live call and `voicebot evaluate calls` judge by this same function. A caller's voice is learned only from utterances that nothing calls angry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from voicebot.emotion.behaviour import Deeds, repeats, weighed
from voicebot.emotion.figures import FIGURES, Prosody
from voicebot.emotion.fusion import UNMOVED, USUAL, Feeling, Limits, Moment, Mood, fuse, kept
from voicebot.emotion.reference import STRANGER, Reference
from voicebot.emotion.voice import Voice
from voicebot.emotion.words import Words

ANGRY_WORDS: Final = 0.5
"""An utterance whose words are angrier than this teaches nothing of the calm voice."""
_LEVEL = FIGURES.index("level_db")


@dataclass(frozen=True, slots=True)
class Temper:
    """What is remembered of a caller: the mood, the calm voice, and how the score moved."""

    mood: Mood = UNMOVED
    reference: Reference = STRANGER
    rising: int = 0
    added: float = 0.0
    """What the last turn's voice and words added to the level."""

    def state(self) -> dict[str, Any]:
        """As JSON can hold it, for the journal; `restored` takes it."""
        return {
            "mood": kept(self.mood),
            "reference": [round(self.reference.weight, 4), *(round(value, 4) for value in self.reference.mean)],
            "rising": self.rising,
            "added": round(self.added, 4),
        }

    @staticmethod
    def restored(state: Mapping[str, Any]) -> Temper:
        """A stranger's voice where an earlier version knew other figures."""
        weight, *mean = state.get("reference", [0.0])
        reference = Reference(float(weight), tuple(map(float, mean))) if len(mean) == len(FIGURES) else STRANGER
        return Temper(Mood.restored(state.get("mood", {})), reference, int(state.get("rising", 0)), float(state.get("added", 0.0)))


CALM: Final = Temper()


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance. `prosody` is None when the voice was not analysed in time; `earlier` are the texts before, oldest first."""

    text: str
    confidence: float = 1.0
    prosody: Prosody | None = None
    earlier: Sequence[str] = ()
    interrupted: bool = False
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Judges:
    """Who judges. None: that part is not looked at."""

    voice: Voice | None
    words: Words | None
    limits: Limits = USUAL


def judged(temper: Temper, turn: Turn, judges: Judges) -> tuple[Temper, Feeling]:
    """The caller's temper after `turn`, and the verdict on it."""
    voice = judges.voice.score(turn.prosody, temper.reference) if judges.voice and turn.prosody else None
    words = judges.words.score(turn.text, turn.confidence) if judges.words and turn.text else None
    heard, _ = fuse(UNMOVED, Moment(voice, words), judges.limits)
    rising = temper.rising + 1 if heard.level > temper.added and heard.level > 0 else 0
    louder_db = _louder_db(turn.prosody, temper.reference)
    deeds = Deeds(turn.interrupted, louder_db, repeats(turn.text, turn.earlier), turn.failures, rising)
    mood, feeling = fuse(temper.mood, Moment(voice, words, weighed(deeds)), judges.limits)
    calm = 0.0 if mood.angry or (words and words.anger > ANGRY_WORDS) else 1.0 - (words.weight * words.anger if words else 0.0)
    reference = judges.voice.learned(temper.reference, turn.prosody, calm) if judges.voice else temper.reference
    return Temper(mood, reference, rising, heard.level), feeling


def _louder_db(prosody: Prosody | None, reference: Reference) -> float:
    return prosody.level_db - reference.mean[_LEVEL] if prosody and reference.weight >= 1 else 0.0
