"""How a caller is heard while he owes a number: the recogniser expects so many digits, and the turn is over when they are all there. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from voicebot.customers.verification import spoken_digits
from voicebot.speech.completeness import Completeness, SoFar
from voicebot.speech.ear import Hearing


def dictated(hearing: Hearing, count: int) -> Hearing:
    """`hearing` for a caller who owes a number of `count` digits; he may say anything else as well."""
    recogniser = hearing.recogniser.expecting(count) if hearing.recogniser else None
    return replace(hearing, recogniser=recogniser, judge=partial(_judged, count=count, otherwise=hearing.judge))


def _judged(so_far: SoFar, count: int, otherwise: Callable[[SoFar], Completeness]) -> Completeness:
    """Digits that are all there need no more; a few may be on their way."""
    found = len(spoken_digits(so_far.text))
    return Completeness.COMPLETE if found == count else otherwise(so_far)
