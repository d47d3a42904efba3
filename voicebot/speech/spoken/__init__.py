"""A text as it is said: numbers, money, dates, times, telephone numbers and plan names in words. What is written stays on the screen.

Pure, and the same for every voice: how an engine reads figures is never left to chance. It changes no plain word.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from voicebot.speech.spoken import english, mandarin
from voicebot.speech.spoken.rules import Rules, applied

LANGUAGES: Mapping[str, Rules] = {"en": english.RULES, "zh": mandarin.RULES}
"""A language without rules of its own is left as it is written."""


def spoken(text: str, language: str) -> str:
    """`text` with everything that is no word written out in `language`; no digit of any script is left in English or Mandarin.

    Never raises. Text without figures and signs comes back as it is.
    """
    rules = LANGUAGES.get(language)
    return applied(rules, _plain_digits(text)) if rules else text


def _plain_digits(text: str) -> str:
    """Digits of every script and style as 0-9: ５, ², ٣, ①."""
    return text if text.isascii() else "".join(map(_plain_digit, text))


def _plain_digit(character: str) -> str:
    if character.isascii() or not (character.isdigit() or character in "％￥＄：．／＋－＃"):
        return character
    value = unicodedata.digit(character, None)
    return str(value) if value is not None else unicodedata.normalize("NFKC", character)
