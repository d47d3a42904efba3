"""Digits a caller proves himself with: collected from keys, read out of speech.

Pure. It compares nothing: whether digits are right only the directory knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Proof: TypeAlias = Literal["number", "pin"]
"""What is asked for: the customer number, when the call's own number is not known; a PIN, or the last digits of the customer number."""
LENGTHS: dict[Proof, int] = {"number": 8, "pin": 4}
HIDDEN = "x"
"""How a key of protected input stands in the journal."""

_ENGLISH = {"zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8"}
_ENGLISH |= {"nine": "9", "niner": "9"}
_MANDARIN = dict(zip("零〇一幺二两三四五六七八九", "0011223456789", strict=True))
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_NAMED = r"零〇一幺二两三四五六七八九"
_SPELT = re.compile(rf"[0-9{_NAMED}]|\b(?:{'|'.join((*_ENGLISH, *_TIMES))})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Keys:
    """Digits so far. `ended`: the caller says that these are all (#), `dropped`: that he begins anew (*)."""

    proof: Proof
    digits: str = ""
    ended: bool = False

    @property
    def whole(self) -> bool:
        return self.ended or len(self.digits) >= LENGTHS[self.proof]

    def press(self, key: str) -> Keys:
        """After one more key: a star takes all back, a hash ends, letters mean nothing."""
        if key == "*":
            return replace(self, digits="")
        if key == "#":
            return replace(self, ended=bool(self.digits))
        return replace(self, digits=self.digits + key) if key.isdecimal() else self


def spoken_digits(text: str) -> str:
    """The digits in what was said, in order, English and Mandarin: "double four, one oh" → "4410", 四四幺零 → "4410"."""
    digits, times = "", 1
    for found in _SPELT.findall(text):
        word = found.lower()
        if word in _TIMES:
            times = _TIMES[word]
            continue
        digits += (_ENGLISH.get(word) or _MANDARIN.get(word) or word) * times
        times = 1
    return digits
