"""General telephone sentences for the language model: carrier phrases and nouns in a text file, combined here.

The same file always gives the same sentences; nothing here knows the knowledge base.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from voicebot.errors import EngineError

ENGLISH = Path(__file__).with_name("telephone_sentences_en.txt")
PER_CARRIER = 24
"""Most sentences made from one carrier phrase: all its combinations when they are fewer."""

_SLOT = re.compile(r"\{(\w+)\}")


def sentences(path: Path = ENGLISH, per_carrier: int = PER_CARRIER) -> list[str]:
    """Every sentence of the file at `path` (its format stands in its head). Raises EngineError naming the line that is wrong."""
    phrases = _lists(path)
    return [sentence for carrier in phrases.get("say", []) for sentence in _spread(carrier, phrases, per_carrier)]


def _lists(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if text.startswith("@"):
            name = text[1:]
            found[name] = []
        elif text and not text.startswith("#"):
            if not name:
                raise EngineError(f"{path}:{number}: a phrase before the first list; write '@name' above it")
            found[name].append(text)
    for phrase in (phrase for phrases in found.values() for phrase in phrases):
        for slot in _SLOT.findall(phrase):
            if not found.get(slot):
                raise EngineError(f"{path}: '{phrase}' names an empty or missing list '@{slot}'")
    return found


def _spread(carrier: str, phrases: dict[str, list[str]], most: int) -> list[str]:
    """Up to `most` different sentences, the phrases of each list used about equally often."""
    made = dict.fromkeys(_fill(carrier, phrases, _Picker(round_)) for round_ in range(4 * most if _SLOT.search(carrier) else 1))
    return list(made)[:most]


class _Picker:
    """Picks phrase after phrase: a low-discrepancy walk, so that short runs already cover a list, and no two slots walk in step."""

    def __init__(self, round_: int) -> None:
        self._round, self._slot = round_ + 1, 0

    def pick(self, choices: list[str]) -> str:
        self._slot += 1
        position = (self._round * math.sqrt(_PRIMES[self._slot % len(_PRIMES)])) % 1.0
        return choices[int(position * len(choices))]


_PRIMES = (2, 3, 5, 7, 11, 13)


def _fill(phrase: str, phrases: dict[str, list[str]], picker: _Picker) -> str:
    return _SLOT.sub(lambda slot: _fill(picker.pick(phrases[slot[1]]), phrases, picker), phrase)
