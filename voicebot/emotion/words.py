"""How angry, urgent or sad the words of one utterance are, as probabilities with the words that say so. Pure; it never hears the voice.

Phrases of a lexicon are counted by category, apart from those that are denied ("not angry"), reported ("he said …") or over ("I was furious, but
now"). Text models shipped beside the lexicon each count as one more category. scripts/train-anger makes the weights.
"""

from __future__ import annotations

import gzip
import math
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Final

from voicebot.errors import EvaluationError

LEXICONS = Path(__file__).parent / "lexicon"
PARAMETERS = Path(__file__).parent / "parameters"

ANGRY: Final = frozenset(
    ("complaint", "exasperation", "blame", "repetition", "waiting", "leaving", "legal", "demand", "profanity", "politeness", "sarcasm", "intensity")
)
"""Categories whose phrases speak of anger, unless they are denied, reported or over."""
OTHERS: Final = ("urgency", "sadness", "joy", "question")
EXCUSES: Final = ("denied", "reported", "over")
"""What became of angry phrases that are not the caller's anger now."""
TEXT: Final = "text"
"""Log odds of the model of written comments, one more figure beside the counts."""
TELEPHONE: Final = "telephone"
"""Log odds of the model of telephone sentences."""
FEATURES: Final = (*sorted(ANGRY), *OTHERS, *EXCUSES, TEXT, TELEPHONE)
HEADS: Final = ("anger", "urgency", "sadness")
SURE: Final = (0.35, 0.75)
"""Recogniser confidence up to which words count for nothing, and from which they count fully."""
MANY: Final = 1.5
"""What two or more phrases of one category count for; one counts 1."""
_HAN = re.compile(r"[\u3400-\u9fff]+")
_WORD = re.compile(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]+")
_WORTH_SAYING = 0.15  # log odds
_LOUDEST = 3.0  # log odds


@dataclass(frozen=True, slots=True)
class Said:
    """One reason: the words as they were said, their category, and what the category adds to the log odds of anger."""

    category: str
    words: str
    strength: float

    def __str__(self) -> str:
        return f"said '{self.words}'"


@dataclass(frozen=True, slots=True)
class WordScore:
    """Probabilities from the words alone, and the reasons for anger, strongest first. `weight` (0–1) is how far the recogniser was sure of them."""

    anger: float
    urgency: float
    sadness: float
    weight: float
    evidence: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """One linear judgement: log odds = `intercept` + the sum of weight × figure."""

    intercept: float
    weight: Mapping[str, float]

    def log_odds(self, figures: Mapping[str, float], sure: float) -> float:
        return self.intercept + sure * sum(self.weight.get(name, 0.0) * figure for name, figure in figures.items())


@dataclass(frozen=True, slots=True)
class TextModel:
    """A weight for each piece of text it knows; the log odds of a text are `intercept` plus, for words and for letters, the sum over its known
    pieces by the root of their number."""

    intercept: float
    weight: Mapping[str, float]

    def log_odds(self, text: str) -> float:
        return self.intercept + sum(self._of([self.weight[piece] for piece in group if piece in self.weight]) for group in pieces(text))

    @staticmethod
    def _of(known: Sequence[float]) -> float:
        return sum(known) / math.sqrt(len(known)) if known else 0.0


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The compiled phrases of one language. `negation` ends right before a phrase, `reported` stands anywhere before it, `over` anywhere."""

    spaced: bool
    negation: re.Pattern[str]
    reported: re.Pattern[str]
    over: re.Pattern[str]
    phrases: Mapping[str, re.Pattern[str]]

    @staticmethod
    def load(language: str) -> Lexicon:
        """Raises EvaluationError when there is no lexicon for `language`, or a wrong one."""
        return _lexicon(LEXICONS / f"{language}.toml")

    def found(self, text: str) -> list[tuple[str, str]]:
        """(category or excuse, words) of every phrase in `text`, in the order of the lexicon."""
        plain = plain_words(text, self.spaced)
        over = bool(self.over.search(plain))
        return [
            (self._meant(category, plain[: match.start()], over), match.group().strip())
            for category, pattern in self.phrases.items()
            for match in pattern.finditer(plain)
        ]

    def _meant(self, category: str, before: str, over: bool) -> str:
        if category not in ANGRY:
            return category
        if self.negation.search(before):
            return "denied"
        return "reported" if self.reported.search(before) else "over" if over else category


@dataclass(frozen=True, slots=True)
class Words:
    """The judge of one language's words."""

    lexicon: Lexicon
    heads: Mapping[str, Head]
    models: Mapping[str, TextModel] = field(default_factory=dict)
    """By the figure that each gives: TEXT, TELEPHONE."""

    @staticmethod
    def load(language: str) -> Words:
        """The shipped lexicon and parameters. Raises EvaluationError when `language` has none, or wrong ones."""
        return _shipped(language)

    def figures(self, text: str) -> dict[str, float]:
        """The figures of FEATURES that are not 0."""
        return self._figures(self.lexicon.found(text), text)

    def score(self, text: str, confidence: float = 1.0) -> WordScore:
        """`confidence` is the recogniser's (0–1): what it is unsure of counts less."""
        low, high = SURE
        sure = min(1.0, max(0.0, (confidence - low) / (high - low))) if text.strip() else 0.0
        found = self.lexicon.found(text)
        figures = self._figures(found, text)
        anger, urgency, sadness = (probability(self.heads[name].log_odds(figures, sure)) for name in HEADS)
        return WordScore(anger, urgency, sadness, sure, _reasons(found, self.heads["anger"].weight, sure))

    def _figures(self, found: Iterable[tuple[str, str]], text: str) -> dict[str, float]:
        figures: dict[str, float] = {}
        for category, _ in found:
            figures[category] = MANY if category in figures else 1.0
        return figures | {name: softened(model.log_odds(text)) for name, model in self.models.items()}


def plain_words(text: str, spaced: bool) -> str:
    """Lower case without punctuation: words with one space between and around them, or, in an unspaced script, none at all."""
    words = re.findall(r"\w+", re.sub(r"['’]", "", unicodedata.normalize("NFKC", text).lower()))
    return f" {' '.join(words)} " if spaced else "".join(words)


def pieces(text: str) -> tuple[set[str], set[str]]:
    """What a text model knows: words and pairs of neighbours; runs of two to five letters within a word. A Chinese character is a word, and runs of
    three of them are the second kind."""
    plain = plain_words(text, spaced=True)
    words = _WORD.findall(plain)
    pairs = (f"{left} {right}" for left, right in pairwise(words))
    letters = (part for word in words if len(word) > 1 for part in _runs(f"_{word}_", (2, 3, 4, 5)))
    return {*words, *pairs}, {f"~{part}" for part in chain(letters, *(_runs(run, (3,)) for run in _HAN.findall(plain)))}


def softened(log_odds: float) -> float:
    """What the text model's log odds count for: it learned from comments, and is never as sure of a telephone call as it thinks."""
    return _LOUDEST * math.tanh(log_odds / _LOUDEST)


def probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds))))


def _runs(word: str, sizes: Sequence[int]) -> Iterable[str]:
    return chain.from_iterable((word[at : at + size] for at in range(len(word) - size + 1)) for size in sizes)


def _reasons(found: Iterable[tuple[str, str]], weight: Mapping[str, float], sure: float) -> tuple[Said, ...]:
    reasons = [Said(category, words, weight.get(category, 0.0) * sure) for category, words in dict.fromkeys(found) if category in ANGRY]
    return tuple(sorted((reason for reason in reasons if reason.strength > _WORTH_SAYING), key=lambda reason: -reason.strength))


@cache
def _lexicon(path: Path) -> Lexicon:
    try:
        return compiled(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml")))
        raise EvaluationError(f"{path}: no lexicon for language '{path.stem}'; write this file, or choose one of: {known}") from None
    except (OSError, ValueError, KeyError, TypeError, re.error) as error:
        raise EvaluationError(f"{path}: not a lexicon ({error!r})") from error


def compiled(file: Mapping[str, Any]) -> Lexicon:
    """The lexicon in the content of a file. Raises KeyError, TypeError, ValueError and re.error for what is wrong with it."""
    spaced = bool(file["spaced"])
    sections = {name: section for name, section in file.items() if isinstance(section, dict)}
    if unknown := sections.keys() - ANGRY - set(OTHERS):
        raise ValueError(f"unknown category [{min(unknown)}]")
    patterns = {name: _any_of(section["phrases"], spaced) for name, section in sections.items()}
    return Lexicon(spaced, re.compile(file["negation"]), re.compile(file["reported"]), re.compile(file["over"]), patterns)


def _any_of(phrases: Iterable[str], spaced: bool) -> re.Pattern[str]:
    """Longer phrases first, so that what is quoted as evidence is the whole phrase."""
    expressions = [_expression(phrase, spaced) for phrase in sorted(phrases, key=len, reverse=True)]
    return re.compile(rf"(?<= )(?:{'|'.join(expressions)})(?= )" if spaced else "|".join(expressions))


def _expression(phrase: str, spaced: bool) -> str:
    if not spaced:
        return phrase.replace("...", ".{0,6}")
    return re.sub(r"(?<=\w)\*", r"\\w*", phrase.removeprefix("^").replace(" ... ", r" (?:\w+ ){0,3}"))


@cache
def _shipped(language: str) -> Words:
    path = PARAMETERS / f"words-{language}.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        heads = {name: Head(float(table[name]["intercept"]), table[name]["weight"]) for name in HEADS}
        files = {name: PARAMETERS / f"{name}-{language}.tsv.gz" for name in (TEXT, TELEPHONE)}
        return Words(Lexicon.load(language), heads, {name: read_model(file) for name, file in files.items() if file.exists()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{path}: not parameters of the word model ({error!r}); scripts/train-anger writes them") from error


def read_model(path: Path) -> TextModel:
    """A text model from its file: `piece TAB weight` a line, the intercept first under an empty piece. Raises OSError, ValueError."""
    rows = [line.split("\t") for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    weights = {piece: float(weight) for piece, weight in rows}
    return TextModel(weights.pop(""), weights)
