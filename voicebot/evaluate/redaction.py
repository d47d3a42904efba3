"""How much of what must not be kept gets through redaction, and how much that may be kept is lost to it: on generated utterances, both languages.

The wordings stand in `texts/redaction.toml`; the numbers are drawn. Another seed draws others.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voicebot.privacy.numbers import runs, tokens
from voicebot.privacy.redact import redact

_WORDINGS = Path(__file__).parent / "texts" / "redaction.toml"
_EN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ZH = "零一二三四五六七八九"
_SECRETS = {"card": ((15, 16, 16, 16, 19), 4), "pin": ((4, 4, 6), 2), "code": ((3, 4, 6), 3)}
"""Of each kind the lengths that are drawn, and how many digits stand in a group."""
_HARMLESS: dict[str, tuple[Callable[[random.Random], str], ...]] = {
    "amount": (
        lambda draw: f"{draw.randint(1, 9_999)}.{draw.randint(10, 99)}",
        lambda draw: str(draw.randint(1, 9_999)),
        lambda draw: f"{draw.randint(1, 9)},{draw.randint(100, 999)}",
    ),
    "date": (lambda draw: f"{draw.randint(2015, 2030)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",),
    "hotline": (lambda draw: draw.choice(("10086", "95588", "400-800-1234", "0800 123 4567")), lambda draw: str(draw.randint(10_000, 99_999))),
    "count": (lambda draw: str(draw.randint(2, 500)),),
    "plain": (lambda _draw: "",),
}
Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Case:
    """One utterance; `kept` is what must be left of it when `secret`, else it must stay as it is."""

    text: str
    secret: bool
    language: Language
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went: the utterances that leaked, and the harmless ones that lost something."""

    secrets: int
    harmless: int
    leaked: tuple[Case, ...]
    lost: tuple[Case, ...]


def measured(count: int, seed: int) -> Outcome:
    """Redact `count` generated utterances, half of them with a secret."""
    drawn = list(generated(count, random.Random(seed)))  # noqa: S311 - not for secrecy
    secrets = [case for case in drawn if case.secret]
    harmless = [case for case in drawn if not case.secret]
    leaked = tuple(case for case in secrets if digits_in(redact(case.text).text) > digits_in(case.kept))
    lost = tuple(case for case in harmless if redact(case.text).text != case.text)
    return Outcome(len(secrets), len(harmless), leaked, lost)


def digits_in(text: str) -> int:
    """How many digits stand in `text`, in figures or words."""
    return sum(run.digits for run in runs(tokens(text)))


def generated(count: int, draw: random.Random) -> Iterator[Case]:
    """Utterances with cards, PINs and codes, and harmless ones with amounts, dates and numbers to call."""
    wordings = tomllib.loads(_WORDINGS.read_text(encoding="utf-8"))
    for number in range(count):
        language: Language = draw.choice(("en", "zh"))
        kind = draw.choice(tuple(_SECRETS if number % 2 else _HARMLESS))
        template: str = draw.choice(wordings[language][kind])
        said = _drawn(kind, language, draw)
        yield Case(template.replace("{}", said), bool(number % 2), language, template.replace("{}", ""))


def _drawn(kind: str, language: Language, draw: random.Random) -> str:
    lengths, group = _SECRETS.get(kind, ((), 0))
    if lengths:
        return _spelt("".join(draw.choices("0123456789", k=draw.choice(lengths))), language, draw, group)
    return draw.choice(_HARMLESS[kind])(draw)


def _spelt(digits: str, language: Language, draw: random.Random, group: int) -> str:
    """As figures, whole or in groups, or as words, with a filler now and then."""
    match draw.randrange(4):
        case 0:
            return digits
        case 1:
            return draw.choice((" ", "-")).join(digits[at : at + group] for at in range(0, len(digits), group))
        case 2 if language == "en":
            return _pairs(digits) if len(digits) % 2 == 0 and draw.random() < 0.5 else " ".join(_EN[int(digit)] for digit in digits)
        case _ if language == "en":
            words = ["oh" if digit == "0" else _EN[int(digit)] for digit in digits]
            words.insert(len(words) // 2, draw.choice(("uh", "um", "then")))
            return " ".join(words)
        case _:
            spoken = "".join("幺" if digit == "1" and draw.random() < 0.5 else _ZH[int(digit)] for digit in digits)
            return spoken if draw.random() < 0.5 else f"{spoken[: len(spoken) // 2]}，{spoken[len(spoken) // 2 :]}"


def _pairs(digits: str) -> str:
    """ "forty five thirty two": as cards are often read out."""
    words = []
    for at in range(0, len(digits), 2):
        ten, unit = int(digits[at]), int(digits[at + 1])
        words.append(f"{_EN[ten]} {_EN[unit]}" if ten < 2 else f"{_TENS[ten - 2]} {_EN[unit]}" if unit else _TENS[ten - 2])
    return " ".join(words)
