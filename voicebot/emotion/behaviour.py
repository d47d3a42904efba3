"""What a caller does that speaks of anger, apart from voice and words: interrupting, repeating, shouting over the bot, rising turn by turn. Pure.

One table says what each of these is worth; none of them alone is worth a handover.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from voicebot.emotion.words import plain_words

ALIKE: Final = 0.6
"""Share of words that two turns have in common from which one repeats the other."""
LEAST_WORDS: Final = 3
"""Nobody repeats himself with "yes, please"."""
LOUD_DB: Final = 5.0
"""An interruption so far above this caller's own level is shouting over the bot."""
_CJK = re.compile(r"[\u3400-\u9fff]")
_MOST_DIGITS = 0.5


@dataclass(frozen=True, slots=True)
class Deeds:
    """What one caller did up to this turn. `louder_db` is against his own calm turns, 0 when nothing is known."""

    interrupted: bool = False
    louder_db: float = 0.0
    repeats: int = 0
    """Earlier turns that said nearly the same as this one."""
    failures: int = 0
    """Turns in a row that got no answer before this one."""
    rising: int = 0
    """Turns in a row, this one included, in which the voice or the words grew angrier."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One reason: what was done, and what it adds to the log odds of anger."""

    what: str
    strength: float

    def __str__(self) -> str:
        return self.what


WORTH: Final = {"interrupts": 0.3, "shouts over the bot": 1.2, "repeats": 0.5, "failures": 0.15, "rising": 0.2}
"""Log odds of one of each."""
MOST: Final = {"repeats": 2, "failures": 3, "rising": 2}
"""How many of each count."""
_AGAIN: Final = {1: "again", 2: "for the third time", 3: "for the fourth time"}


def weighed(deeds: Deeds) -> tuple[Deed, ...]:
    """The reasons in `deeds`, strongest first. That the bot failed counts only beside something the caller did."""
    found = [
        Deed("shouts over the bot", WORTH["shouts over the bot"]) if deeds.interrupted and deeds.louder_db >= LOUD_DB else None,
        Deed("interrupts", WORTH["interrupts"]) if deeds.interrupted and deeds.louder_db < LOUD_DB else None,
        _counted("repeats", deeds.repeats, f"says the same {_AGAIN.get(deeds.repeats, 'once more')}"),
        _counted("rising", deeds.rising - 1, f"angrier for {deeds.rising} turns"),
    ]
    own = [deed for deed in found if deed]
    failed = _counted("failures", deeds.failures, f"{deeds.failures} turns without an answer") if own else None
    return tuple(sorted((*own, *((failed,) if failed else ())), key=lambda deed: -deed.strength))


def repeats(text: str, earlier: Iterable[str]) -> int:
    """How many of the `earlier` texts say nearly the same as `text`. Numbers are no repetition: a caller reads them out again when asked to."""
    now = _tokens(text)
    if len(now) < LEAST_WORDS or sum(token.isdigit() for token in now) > _MOST_DIGITS * len(now):
        return 0
    return sum(_alike(now, _tokens(before)) for before in earlier)


def _alike(now: set[str], before: set[str]) -> bool:
    return len(before) >= LEAST_WORDS and len(now & before) / len(now | before) >= ALIKE


def _tokens(text: str) -> set[str]:
    if _CJK.search(text):
        plain = plain_words(text, spaced=False)
        return {plain[at : at + 2] for at in range(len(plain) - 1)}
    return set(plain_words(text, spaced=True).split())


def _counted(name: str, count: int, what: str) -> Deed | None:
    return Deed(what, WORTH[name] * min(count, MOST[name])) if count > 0 else None
