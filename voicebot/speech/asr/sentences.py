"""General telephone sentences for the language model: carrier phrases and nouns in a text file, combined here.

The same file always gives the same sentences; nothing here knows the knowledge base.
"""

from __future__ import annotations

import random
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
    decks = {name: _Deck(name, found) for name, found in phrases.items()}
    return [sentence for carrier in phrases.get("say", []) for sentence in _spread(carrier, decks, per_carrier)]


def commands(language: str = "en") -> list[str]:
    """What callers say to the bot itself ("yes", "an agent please"), a wording as often as the file of `language` has it; none without a file."""
    path = Path(__file__).with_name(f"commands_{language}.txt")
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines()) if path.exists() else ()
    return [line for line in lines if line and not line.startswith("#")]


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


def _spread(carrier: str, decks: dict[str, _Deck], most: int) -> list[str]:
    """Up to `most` different sentences."""
    made = dict.fromkeys(_fill(carrier, decks) for _ in range(2 * most if _SLOT.search(carrier) else 1))
    return list(made)[:most]


def _fill(phrase: str, decks: dict[str, _Deck]) -> str:
    return _SLOT.sub(lambda slot: _fill(decks[slot[1]].deal(), decks), phrase)


class _Deck:
    """The phrases of one list, each twice, dealt like cards: in no order, but all of them before any comes again, so that none is left out."""

    def __init__(self, name: str, phrases: list[str]) -> None:
        self._phrases = phrases * 2
        self._left: list[str] = []
        self._chance = random.Random(name)  # noqa: S311  the same file must give the same sentences

    def deal(self) -> str:
        if not self._left:
            self._left = self._chance.sample(self._phrases, len(self._phrases))
        return self._left.pop()
