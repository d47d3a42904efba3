"""What a Whisper pass made of an utterance, and whether to believe it: Whisper invents text where nothing was said. Pure.

The thresholds are those of the published decoder (Radford and others, 2022, section 4.5: https://arxiv.org/abs/2212.04356).
"""

from __future__ import annotations

import math
import re
import zlib
from dataclasses import dataclass

from voicebot.values import Transcript

LOW_LOG_PROBABILITY = -1.0
"""Mean over the tokens; below it a pass is not trusted."""
REPETITIVE = 2.4
"""Text that zlib shrinks by more than this says one thing over and over."""
SILENT = 0.6
"""Probability of no speech from which a pass that is not trusted was silence."""
WORDS_PER_S, CHARACTERS_PER_S = 6.0, 10.0
"""Nobody says more words, or Chinese characters, in a second of voice for long."""
SPARE_S = 0.25
"""Voice detection cuts so much off the edges of words."""

_CHARACTER = re.compile(r"[\u3400-\u9fff]")
_SPOKEN = re.compile(r"[^\w\s'’.,:¥$€£%-]|_|(?<!\d)[.,:]|[.,:](?!\d)|(?<![^\W_])['’-]|['’-](?![^\W_])")


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One pass. `log_probability` is the mean over its tokens; `ended` whether it came to an end by itself."""

    text: str
    log_probability: float = 0.0
    no_speech: float = 0.0
    ended: bool = True

    @property
    def transcript(self) -> Transcript:
        """Lower case, without punctuation; confidence is the geometric mean of the token probabilities."""
        said = spoken(self.text)
        return Transcript(said, round(math.exp(min(0.0, self.log_probability)), 3)) if said else NOTHING


NOTHING = Transcript("", 0.0)


def spoken(text: str) -> str:
    """Words as a recogniser gives them: lower case, single spaces, no punctuation but within a word or a number."""
    return " ".join(_SPOKEN.sub(" ", text).replace("’", "'").lower().split())


def doubtful(heard: Hypothesis) -> bool:
    """Whether another pass over a longer window is worth its time: low probability, a repetition, or no end. Silence is not."""
    return not silent(heard) and (not heard.ended or heard.log_probability < LOW_LOG_PROBABILITY or repetitive(heard.text))


def invented(heard: Hypothesis, voiced_s: float) -> bool:
    """Whether this was never said: silence, a repetition, or more words than `voiced_s` seconds of voice can hold."""
    return not voiced_s or silent(heard) or _shortest_s(heard.text) > voiced_s + SPARE_S or repetitive(heard.text)


def silent(heard: Hypothesis) -> bool:
    """Whether the pass itself takes what it heard for no speech, and is unsure of its words besides."""
    return heard.no_speech > SILENT and heard.log_probability < LOW_LOG_PROBABILITY


def _shortest_s(text: str) -> float:
    """How fast this can be said."""
    words, characters = _CHARACTER.subn(" ", spoken(text))
    return len(words.split()) / WORDS_PER_S + characters / CHARACTERS_PER_S


def repetitive(text: str) -> bool:
    """Whether `text` compresses better than speech does."""
    data = text.encode()
    return len(data) > REPETITIVE * len(zlib.compress(data))
