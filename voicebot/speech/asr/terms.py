"""Words a recogniser would get wrong: what the knowledge base says and general telephone speech does not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache

from voicebot.speech.asr.sentences import sentences

TERMS = 40
"""How many the decoder is told to expect."""

_SHORTEST = {True: 3, False: 2}
_LONGEST = 16
_MARKS = ".,?!\"'()。，？！、"


def terms(wordings: Iterable[str], language: str, most: int = TERMS) -> list[str]:
    """The words of `wordings` that general telephone speech does not have, the most frequent first. Where words have no spaces between them,
    whole wordings that are short."""
    counts = Counter(word for wording in wordings for word in dict.fromkeys(_words(wording)))
    general = _general() if language == "en" else frozenset()
    return [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if word not in general][:most]


@cache
def _general() -> frozenset[str]:
    return frozenset(word for sentence in sentences() for word in sentence.split())


def _words(wording: str) -> list[str]:
    """Words worth telling: neither a letter or two, nor a sentence."""
    words = (word.strip(_MARKS) for word in wording.lower().split())
    return [word for word in words if _SHORTEST[word.isascii()] <= len(word) <= _LONGEST]
