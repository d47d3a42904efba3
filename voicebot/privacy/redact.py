"""Card numbers, PINs and the like, struck out of what a caller said before it is kept anywhere.

Pure. A number goes by its length (a card has 13 to 19 digits, ISO/IEC 7812-1) or by the words around it; amounts, dates, counts and numbers to call
stay. Where in doubt beside such a word, it goes: a number lost can be asked for again, a PIN kept cannot be taken back.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.privacy.numbers import WORDS, Run, Token, runs, tokens

MARK = "[redacted]"
CARD_DIGITS = 13
SECRET_DIGITS = 3
"""The shortest secret beside a word that names it: the code on the back of a card."""
_WITHIN = 9
"""How many words before a number may name it."""
_GROUP = 4
"""Digits in a group as they are embossed: who stops after one has more to say."""
_FILLER = 2
"""An "uh" while a secret is looked up."""
_ABOUT_TO = 5
"""Who ends with the name of a secret and at most so many words more, "my card number is", is about to say it."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """`text` may be kept; `removed` numbers are gone from it. `expecting`: the caller is in the middle of such a number, or about to say one."""

    text: str
    removed: int = 0
    expecting: bool = False


def redact(text: str, expecting: bool = False) -> Redacted:
    """`text` without secrets. `expecting` is that of the utterance before, or True when the bot has just asked for one.

    Doing it twice changes nothing.
    """
    said = tokens(text)
    found = [run for run in runs(said) if _secret(said, run, expecting)]
    return Redacted(_without(text, said, found), len(found), _goes_on(said, found, expecting))


def struck(text: str) -> str:
    """`text` without any number at all: what a caller says while he is asked for a secret."""
    said = tokens(text)
    return _without(text, said, list(runs(said)))


def _secret(said: list[Token], run: Run, expecting: bool) -> bool:
    if run.digits >= CARD_DIGITS and not _a_sum(run):
        return True
    if _counts(said, run):
        return False
    return run.digits >= SECRET_DIGITS and (_named(said, run) or expecting) and not _to_call(said, run)


def _a_sum(run: Run) -> bool:
    """Thirteen digits and more that are one written amount."""
    return run.amount and run.last - run.first == 1


def _counts(said: list[Token], run: Run) -> bool:
    """Whether it measures something, by its own words or by the next one; a year after a month or "since" is a date."""
    if run.amount:
        return True
    after = _words(said, run.last, run.last + 2)
    if any(after.startswith(unit) for unit in WORDS["unit"]):
        return True
    before = said[run.first - 1].text if run.first else ""
    return run.digits == 4 and before in WORDS["dated"]


def _named(said: list[Token], run: Run) -> bool:
    """ "My PIN is 1234", or "1234 is my PIN"."""
    chinese = run.first > 0 and not said[run.first - 1].text.isascii()
    before = _words(said, run.first - _WITHIN * (3 if chinese else 1), run.first)
    after = _words(said, run.last, run.last + 5)
    return _any(before, "secret") or (after.startswith(tuple(WORDS["claim"])) and _any(after, "secret"))


def _to_call(said: list[Token], run: Run) -> bool:
    return _any(_words(said, run.first - 3, run.first), "called")


def _any(words: str, table: str) -> bool:
    return any(_has(words, word) for word in WORDS[table])


def _has(words: str, word: str) -> bool:
    """English words stand whole, with a plural or "'s" at most; Chinese ones have no spaces around them."""
    if not word.isascii():
        return word in words.replace(" ", "")
    return any(f" {word}{ending} " in f" {words} " for ending in ("", "s", "'s", "’s"))


def _words(said: list[Token], first: int, last: int) -> str:
    return " ".join(token.text for token in said[max(0, first) : last])


def _goes_on(said: list[Token], found: list[Run], expecting: bool) -> bool:
    """Whether the next words may hold the rest: a card is not whole yet, a secret was named and not given, or one is still to come."""
    if not found:
        return _any(_words(said, len(said) - _ABOUT_TO, len(said)), "secret") or (expecting and len(said) <= _FILLER)
    last = found[-1]
    of_card = expecting or _any(_words(said, 0, len(said)), "of_card")
    return CARD_DIGITS > last.digits > _GROUP or (last.digits == _GROUP and last.last >= len(said) - 1 and of_card)


def _without(text: str, said: list[Token], found: list[Run]) -> str:
    pieces, at = [], 0
    for run in found:
        pieces += [text[at : said[run.first].start], MARK]
        at = said[run.last - 1].end
    return "".join((*pieces, text[at:]))
