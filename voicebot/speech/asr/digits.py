"""How numbers are read out, digit by digit: examples for the language model, and a grammar of just so many digits, for a caller who owes them.

Pure. A trigram model hears "to wait for" where a number of four digits must be "two eight four"; whether the digits are right is not known here.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

COUNTS = (4, 8)
TOO_SHORT = 1e-5
"""The prior share of numbers that lack a digit. More would find it where two like digits run into one another."""
DOUBLED = 0.05
LEAST = 2
"""So many digits heard freely make a grammar of digits worth asking."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one language reads numbers out. `digits` with how likely each is, `before` and `after` what is said around them, `double` "twice the
    next"."""

    digits: Mapping[str, float]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    double: str = ""
    joint: str = " "
    examples: int = 300
    """So many make digits likely enough, and not more likely than short words that sound like them."""

    def count(self, text: str) -> int:
        """How many digits `text` names."""
        return sum(part in self.digits for part in (text.split() if self.joint else text))


SPELLINGS: Mapping[str, Spelling] = {
    "en": Spelling(
        {"zero": 0.07, "oh": 0.03, **dict.fromkeys(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), 0.1)},
        ("my pin is", "the pin is", "my number is", "the number is", "my customer number is", "it is", "it's", "that is", "that's", "yes", "okay"),
        ("please", "thank you"),
        "double",
    ),
    "zh": Spelling(
        {"零": 0.1, "一": 0.05, "幺": 0.05, **dict.fromkeys("二三四五六七八九", 0.1)},
        ("密码 是", "我的 密码 是", "号码 是", "是"),
        joint="",
        examples=16,
    ),
}
"""By language, in words of the recogniser's dictionary."""


def grammar(language: str, count: int) -> str:
    """JSGF (https://www.w3.org/TR/jsgf/) of a number of `count` digits as a caller reads it out; seldom one is missing. An unknown language is a
    KeyError."""
    spelling = SPELLINGS[language]
    lengths = {count: 1 - TOO_SHORT, count - 1: TOO_SHORT}
    rules = {
        "public <number>": f"{_maybe(spelling.before)} ( {_either({_digits(n, spelling): share for n, share in lengths.items()})} ) "
        f"{_maybe(spelling.after)}",
        "<pair>": _either({"<digit> <digit>": 1 - DOUBLED, f"{spelling.double} <digit>": DOUBLED}) if spelling.double else "<digit> <digit>",
        "<digit>": _either(spelling.digits),
    }
    return "\n".join(("#JSGF V1.0 UTF-8;", "grammar number;", *(f"{name} = {rule};" for name, rule in rules.items())))


def words(language: str) -> set[str]:
    """Every word of the grammar of `language`."""
    spelling = SPELLINGS[language]
    phrases = (*spelling.digits, *spelling.before, *spelling.after, spelling.double)
    return {word for phrase in phrases for word in phrase.split()}


def examples(language: str) -> list[str]:
    """Numbers that callers may read out, at random but always the same; none for a language that is not known here."""
    spelling = SPELLINGS.get(language)
    if not spelling:
        return []
    chance = random.Random(language)  # noqa: S311 - the same language must give the same examples
    return [_example(spelling, COUNTS[n % len(COUNTS)], chance) for n in range(spelling.examples)]


def _example(spelling: Spelling, count: int, chance: random.Random) -> str:
    digits = chance.choices(tuple(spelling.digits), tuple(spelling.digits.values()), k=count)
    if spelling.double and chance.random() < DOUBLED:
        digits[0] = spelling.double
    before = chance.choice((*spelling.before, *[""] * len(spelling.before)))
    after = chance.choice((*spelling.after, *[""] * 4))
    return spelling.joint.join((*before.split(), *digits, *after.split()))


def _digits(count: int, spelling: Spelling) -> str:
    """So many digits; with a word for "twice", pairs may begin at each place."""
    even = " ".join([*["<pair>"] * (count // 2), *["<digit>"] * (count % 2)])
    if not spelling.double:
        return even
    odd = " ".join(["<digit>", *["<pair>"] * ((count - 1) // 2), *["<digit>"] * ((count - 1) % 2)])
    return f"( {even} | {odd} )"


def _either(shares: Mapping[str, float]) -> str:
    return " | ".join(f"/{share:.6f}/ {what}" for what, share in shares.items())


def _maybe(phrases: tuple[str, ...]) -> str:
    return f"[ {' | '.join(phrases)} ]" if phrases else ""
