"""The numbers in what a caller said: digits, number words and Chinese numerals as runs, each with what it may count.

Pure, for text as recognisers write it, English and Mandarin mixed as it comes. It knows how many digits were said, not what number they make.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WORDS: dict[str, list[str]] = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
_TIMES = {"double": 1, "triple": 2, "treble": 2, "quadruple": 3}
"""How many digits more the next one stands for."""
_LENGTHS = {**dict.fromkeys((*WORDS["units"], *"零〇一幺二两三四五六七八九"), 1), **dict.fromkeys((*WORDS["teens"], *WORDS["tens"]), 2)}
_TENS, _ONE_TO_NINE = frozenset(WORDS["tens"]), frozenset(WORDS["units"][4:])
_CARDINAL, _GLUE = frozenset(WORDS["cardinal"]), frozenset(WORDS["glue"])
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}:\d{2}(?::\d{2})?")
_AMOUNT = re.compile(r"[$£€¥￥]\s?\d[\d,]*(?:\.\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d{1,2}(?![\d.])")
_TOKEN = re.compile(
    rf"(?P<date>{_DATE.pattern})|(?P<amount>{_AMOUNT.pattern})|(?P<digits>\d+)|然后|那个|空格|[A-Za-z]+(?:['’][a-z]+)?|[^\W_]|[^\s\w]|_"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a sign or a piece of a number; `digits` is how many digits it stands for."""

    text: str
    start: int
    end: int
    digits: int = 0
    amount: bool = False
    """It counts or measures something, or is a date or a time of day."""

    @property
    def numeric(self) -> bool:
        return self.digits > 0 or self.text in _TIMES or self.amount


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens `first` up to but not including `last` that make one number of `digits` digits."""

    first: int
    last: int
    digits: int
    amount: bool


def tokens(text: str) -> list[Token]:
    """`text` in pieces, with where they stand in it."""
    return [_token(found) for found in _TOKEN.finditer(text)]


def _token(found: re.Match[str]) -> Token:
    word = found[0].lower()
    if found["date"] or found["amount"]:
        return Token(word, *found.span(), sum(map(str.isdecimal, word)), amount=True)
    digits = len(word) if found["digits"] else _LENGTHS.get(word, 0)
    return Token(word, *found.span(), digits, word in _CARDINAL)


def runs(said: list[Token]) -> Iterator[Run]:
    """The numbers in it, in order."""
    at = 0
    while at < len(said):
        if said[at].numeric and said[at].text not in {"点", "point"}:
            run = _run_from(said, at)
            yield run
            at = run.last
        else:
            at += 1


def _run_from(said: list[Token], first: int) -> Run:
    """The run that begins at `first`: it goes on over glue as long as a number comes after it."""
    last, digits, amount = first, 0, False
    at = first
    while at < len(said):
        token = said[at]
        if token.numeric:
            digits += _counted(said, at)
            amount = amount or token.amount
            last = at + 1
        elif token.text not in _GLUE or at - last >= 2:
            break
        at += 1
    return Run(first, last, digits, amount)


def _counted(said: list[Token], at: int) -> int:
    """How many digits the token at `at` adds: "twenty one" are two, "double five" are two."""
    token = said[at]
    if token.text in _TIMES:
        return _TIMES[token.text]
    before = said[at - 1].text if at else ""
    return 0 if before in _TENS and token.text in _ONE_TO_NINE else token.digits
