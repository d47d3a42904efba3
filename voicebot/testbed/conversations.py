"""Conversations from files that a call-centre lead writes: what the caller says, what the bot must say, where it ends. Read here, played elsewhere.

The same files are played as text in virtual time (tests) and over SIP (`scripts/bench conversations`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from voicebot.customers.demo import Person
from voicebot.errors import EvaluationError

FOLDER = Path(__file__).parent / "conversations"
UNKNOWN = "0209999000"
"""The number of a caller whom no directory knows."""
_KEYS = {"title", "from", "turns", "ends", "directory"}
_DIGITS = {"en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), "zh": tuple("零一二三四五六七八九")}


class _Words(yaml.SafeLoader):
    """Takes every scalar as it is written: "no" is what the caller says, not False."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - as in its base


@dataclass(frozen=True, slots=True)
class Says:
    """The caller speaks. `others`: in which words he says it when he is asked again; `digits`: what he spells, which he may also key in."""

    text: str
    others: tuple[str, ...] = ()
    digits: str = ""

    def wording(self, attempt: int) -> str:
        """What he says the first time (0), the second, and so on: after his last wording the first again."""
        wordings = (self.text, *self.others)
        return wordings[attempt % len(wordings)]


@dataclass(frozen=True, slots=True)
class Keys:
    """The caller presses these, one after the other."""

    keys: str


@dataclass(frozen=True, slots=True)
class Hears:
    """All of this must be among what the bot says before the caller's next turn; case does not matter."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stays:
    """The caller says nothing."""


Turn = Says | Keys | Hears | Stays


@dataclass(frozen=True, slots=True)
class Conversation:
    """One call. `ends` as it is written: "with the bot", "with a person, REASON", "the caller hangs up"."""

    title: str
    language: str
    ani: str
    turns: tuple[Turn, ...]
    ends: str
    directory: str = ""

    @property
    def reason(self) -> str:
        """Why a person takes over; "" where none does."""
        return self.ends.partition("with a person, ")[2]


def load(people: Sequence[Person], folder: Path = FOLDER) -> tuple[Conversation, ...]:
    """Every conversation under `folder`/LANGUAGE.  `people` are the demo's customers. Raises EvaluationError naming file, title and fault."""
    return tuple(found for path in sorted(folder.glob("*/*.yaml")) for found in _read(path, people))


def _read(path: Path, people: Sequence[Person]) -> Iterator[Conversation]:
    try:
        calls = yaml.load(path.read_text(encoding="utf-8"), Loader=_Words)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: cannot be read as conversations: {error}") from None
    for call in calls if isinstance(calls, list) else ():
        try:
            yield _conversation(call, path.parent.name, people)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise EvaluationError(f"{path}: '{call.get('title', call) if isinstance(call, dict) else call}': {error!r}") from None


def _conversation(call: Mapping[str, Any], language: str, people: Sequence[Person]) -> Conversation:
    if unknown := call.keys() - _KEYS:
        raise ValueError(f"unknown key '{min(unknown)}'; known: {', '.join(sorted(_KEYS))}")
    person = people[int(call["from"]) - 1] if "from" in call else None
    turns = tuple(_turn(turn, language, person or people[0]) for turn in call["turns"])
    return Conversation(call["title"], language, person.phone if person else UNKNOWN, turns, call["ends"], call.get("directory", ""))


def _turn(turn: Mapping[str, Any], language: str, person: Person) -> Turn:
    [(who, what)] = turn.items()
    digits = {"PIN": person.pin, "DIGITS": person.number[-4:], "NUMBER": person.number}
    match who:
        case "caller" if not isinstance(what, list):
            return Says(_spelt(digits[what], language), digits=digits[what]) if what in digits else Says(str(what))
        case "caller":
            return Says(str(what[0]), tuple(map(str, what[1:])))
        case "keys":
            return Keys(digits.get(str(what), str(what)))
        case "bot":
            return Hears(tuple(what) if isinstance(what, list) else (str(what),))
        case "silence":
            return Stays()
    raise ValueError(f"a turn is caller, keys, bot or silence, not '{who}'")


def _spelt(digits: str, language: str) -> str:
    return ("" if language == "zh" else " ").join(_DIGITS[language][int(digit)] for digit in digits)
