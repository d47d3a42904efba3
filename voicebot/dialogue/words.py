"""Text to features: what the matcher compares. Words are folded (compounds, stems, synonyms), then laid out in several views.

Pure functions and tables, one per language; a language without tables of its own is split at spaces and left as it is.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from voicebot.dialogue.vocabulary import COMPOUNDS, STOPS, SYNONYMS
from voicebot.hanzi import cut

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_CJK = re.compile(r"[\u3400-\u9fff]")
_SKIP_SPAN = 5

_COMPOUND = {re.compile(rf"\b(?:{pattern})\b"): word for pattern, word in COMPOUNDS.items()}


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    """Cut common English endings; crude on purpose: it must only bring forms of one word together."""
    word = word.replace("'", "")
    if len(word) < 4:
        return word
    for ending in ("ingly", "edly", "ings", "ing", "ers", "ies", "ied", "ed", "es", "er", "ly", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def _synonym_table(language: str) -> dict[str, str]:
    table: dict[str, str] = {}
    for line in SYNONYMS[language].splitlines():
        first, *others = _stems(line.split(), language)
        table |= {other: first for other in others if other not in table}
    return table


def split(text: str, language: str) -> list[str]:
    """The words of `text`, lower case, without punctuation. Mandarin is segmented with jieba."""
    text = text.lower().replace("’", "'")
    if language == "en":
        for pattern, word in _COMPOUND.items():
            text = pattern.sub(word, text)
    words = _WORD.findall(text)
    if not any(_CJK.search(word) for word in words):
        return words
    return [piece for word in words for piece in (cut(word) if _CJK.search(word) else [word])]


def _stems(words: Sequence[str], language: str) -> list[str]:
    return [_stem(word) for word in words] if language == "en" else list(words)


def _without_stops(words: Sequence[str], language: str) -> list[str]:
    stops = STOPS.get(language, frozenset())
    return [word for word in words if word not in stops]


def content(words: Sequence[str], language: str) -> list[str]:
    """The words that carry meaning, each once, folded to one form for all synonyms."""
    one = _CANONICAL.get(language, {})
    return list(dict.fromkeys(one.get(stem, stem) for stem in _stems(_without_stops(words, language), language)))


def phrases(words: Sequence[str], language: str) -> list[str]:
    """Stems, and pairs of neighbours; the first word of the text counts as a pair of its own."""
    stems = ["^", *_stems(words, language)]
    return stems[1:] + [f"{left} {right}" for left, right in itertools.pairwise(stems)]


def pairs(words: Sequence[str], language: str) -> list[str]:
    """Words with meaning, and pairs of them in any order within a short span: what survives a lost or added word."""
    stems = _stems(_without_stops(words, language), language)
    return stems + _in_any_order(stems)


def meanings(words: Sequence[str], language: str) -> list[str]:
    """As `pairs`, over words folded to their synonyms."""
    folded = content(words, language)
    return folded + _in_any_order(folded)


def letters(words: Sequence[str], language: str) -> list[str]:
    """Pieces of 3–5 letters inside words, and of 1–3 Chinese characters across words: what survives a misheard word."""
    if any(_CJK.search(word) for word in words):
        text = "".join(words)
        return [text[at : at + size] for size in (1, 2, 3) for at in range(len(text) - size + 1)]
    padded = [f" {word} " for word in words]
    return [word[at : at + size] for word in padded for size in (3, 4, 5) for at in range(max(1, len(word) - size + 1))]


def crossings(words: Sequence[str], language: str) -> list[str]:
    """Pieces of 5 letters across words: what survives a word cut in the wrong place. Those of 4 and 6 besides find no more, in twice the time."""
    text = f" {' '.join(words)} "
    return [text[at : at + 5] for at in range(len(text) - 4)]


def meaning_letters(words: Sequence[str], language: str) -> list[str]:
    """As `letters`, of words with meaning that are folded to their synonyms."""
    return letters(content(words, language), language)


def _in_any_order(words: Sequence[str]) -> list[str]:
    return ["|".join(sorted((word, other))) for at, word in enumerate(words) for other in words[at + 1 : at + _SKIP_SPAN]]


def plain_letters(words: Sequence[str], language: str) -> list[str]:
    """As `letters`, of words with meaning as they were said."""
    return letters(_without_stops(words, language), language)


def sounds(words: Sequence[str], language: str) -> list[str]:
    """Mandarin syllables without their tones, and pairs of them: what survives a word heard as another of the same sound."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415 - a tenth of a second that only calls in Chinese pay for

    syllables: list[str] = lazy_pinyin("".join(words))
    return syllables + [f"{left} {right}" for left, right in itertools.pairwise(syllables)]


View = Callable[[Sequence[str], str], list[str]]

_CANONICAL = {language: _synonym_table(language) for language in SYNONYMS}
_VIEWS: tuple[tuple[View, float, float], ...] = (
    (phrases, 0.6, 0.6),
    (pairs, 0.7, 0.7),
    (letters, 0.7, 0.7),
    (crossings, 0.7, 0.7),
    (meanings, 0.7, 0.35),
    (meaning_letters, 0.7, 0.35),
)
_MANDARIN_VIEWS: tuple[tuple[View, float, float], ...] = (
    (phrases, 0.3, 0.3),
    (pairs, 0.7, 0.7),
    (letters, 0.7, 0.7),
    (meanings, 1.0, 0.5),
    (meaning_letters, 1.0, 0.5),
    (plain_letters, 0.7, 0.7),
    (sounds, 0.5, 0.5),
)
MANY = 50
"""Examples for each entry."""


def views(language: str) -> tuple[tuple[View, float, float], ...]:
    """Each view of a text, its weight, and its weight where there are `MANY` examples: what people hold for one thing helps less then.

    Chosen on wordings held out of the demo knowledge base, and for English on parts of banking77 and clinc150.
    """
    return _MANDARIN_VIEWS if language == "zh" else _VIEWS
