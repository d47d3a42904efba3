"""Has the caller finished, to judge by the words so far and by how long he has spoken? Learned from known wordings: which words end a question.

Pure and fast (20–50 µs a verdict); it never hears the voice and never says what a question means. The fall of pitch and level at the end was
tried and left out: beside the length of what was said it told nothing more.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby


class Completeness(Enum):
    """A verdict on the words so far: COMPLETE may be answered soon, HANGING surely goes on, OPEN is neither."""

    COMPLETE = "complete"
    OPEN = "open"
    HANGING = "hanging"


@dataclass(frozen=True, slots=True)
class SoFar:
    """What is known of a caller who has paused: his words, and for how long his voice was heard."""

    text: str
    spoken_ms: int


_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)*|[\u3400-\u9fff]")
_LONGEST = 12

Words = tuple[str, ...]


def words(text: str) -> Words:
    """The words of `text` in lower case; of Chinese, each character."""
    return tuple(_WORD.findall(text.lower().replace("’", "'")))


def _phrases(*lines: str) -> frozenset[Words]:
    return frozenset(words(phrase) for line in lines for phrase in line.split("|"))


WHOLE: dict[str, frozenset[Words]] = {
    "en": _phrases(
        "yes|yeah|yep|yes please|no|nope|no thanks|no thank you|okay|ok|stop|repeat|say that again|come again|what did you say|pardon|sorry",
        "agent|an agent|agent please|operator|representative|human|a human|a person|a real person|customer service|supervisor|manager",
        "thanks|thank you|thank you very much|bye|goodbye|bye bye|thanks bye|thank you bye|that's all|that is all|that's it|that's all thanks",
        "that's all thank you|nothing else|no that's all|no that's it|no that's all thanks|no that's all thank you|no that's it thanks",
    ),
    "zh": _phrases(
        "是|是的|对|对的|好|好的|可以|行|不|不是|不用|不用了|不要|没有|没有了|没了|停|什么|再说一遍|请再说一遍",
        "人工|转人工|人工客服|客服|真人|谢谢|谢谢你|再见|拜拜|就这样|好的谢谢|没有了谢谢|不用了谢谢",
    ),
}
"""Answers that need no more words, by language."""

UNFINISHED: dict[str, frozenset[Words]] = {
    "en": _phrases(
        "um|uh|er|erm|hmm|and|or|but|because|so|if|when|while|which|the|a|an|my|your|our|their|of|for|from|with|to|at|by|into|about|than|is|are",
        "be|am|i'm|it's|i|we|they|can|could|would|will|do|does|don't|have|has|number is|name is|like to|want to|need to|how do i",
    ),
    "zh": _phrases("的|呃|嗯|那个|然后|还有|因为|所以|如果|但是|可是|而且|或者|就是|我|我想|我要|请问|想问一下|帮我|关于|把|被|给|和|跟|从|在"),
}
"""Words after which nobody stops, by language. Where a known wording ends so, they are judged like any other."""

DIGITS: dict[str, frozenset[str]] = {
    "en": frozenset(["zero", "oh", "nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double", "triple"]),
    "zh": frozenset("零〇一幺二两三四五六七八九"),
}
"""What a number is read out in, by language. Figures count in every language."""

ANNOUNCED: dict[str, frozenset[Words]] = {"en": _phrases("number is|code is|pin is"), "zh": _phrases("号码是|码是")}
"""Words after which a number is being read out, even where some of its digits are misheard."""

FEWEST_DIGITS: dict[str, int] = {"zh": 11}
FEWEST = 8
"""A number of fewer digits is not all yet, where several are read out; one of as many may be. A pause comes after three or six of them."""


def _log_odds(p: float) -> float:
    return math.log(p / (1 - p))


def _keys(said: Words) -> tuple[Words, ...]:
    """What an end may depend on: the last word, the last two, the first and the last, all of them."""
    return (said[-1:], ("two", *said[-2:]), ("around", said[0], said[-1]), ("all", *said))


class KnownWordings:
    """What the wordings of the knowledge base teach about where a question ends. Give it whole questions only: fragments teach it wrong."""

    BIAS = 0.4
    WEIGHTS = (0.65, -0.23, 0.28, 0.16, 1.06, 0.26, 0.22)
    """Logistic regression on the demo knowledge base (938 English wordings, every prefix of each), on counts made without the wording at hand. Of
    wordings it has not seen, 70–72 % reach COMPLETE and 6 % of word boundaries do; the test holds it to that."""

    ENDING_BIAS = -3.1
    ENDING = (0.20, 0.39, 0.37, 5.89)
    """Ends after the last word, after the last two, after the first with the last; log length. Logistic regression on what the recogniser made of
    560 synthetic turns at their ends and at pauses at random word boundaries (`evaluate turns`, seeds 1, 2 and 11), the bias chosen by leaving out
    a tenth of the wordings at a time: 58 % of ends were COMPLETE, and 2 % of turns were cut off for it."""

    def __init__(self, wordings: Sequence[str]) -> None:
        self._seen: Counter[Words] = Counter()
        self._ended: Counter[Words] = Counter()
        self._lengths: Counter[int] = Counter()
        self._holding: Counter[str] = Counter()
        for said in filter(None, map(words, wordings)):
            self._lengths[min(len(said), _LONGEST)] += 1
            self._holding.update(set(said))
            self._ended.update(_keys(said))
            for n in range(1, len(said) + 1):
                self._seen.update(_keys(said[:n]))
        self._count = self._lengths.total()

    def ends(self, said: Words) -> int:
        """How many known wordings are exactly `said`."""
        return self._ended["all", *said]

    def goes_on(self, said: Words) -> int:
        """How many known wordings begin with `said` and go on."""
        return self._seen["all", *said] - self.ends(said)

    def knows(self, word: str) -> bool:
        """Whether any known wording has `word`."""
        return self._seen[(word,)] > 0

    def may_end(self, word: str) -> bool:
        """Whether more than one in ten of the times `word` is known from, it was the last; False for a word never seen at the end."""
        return self._ended[(word,)] * 10 > self._seen[(word,)]

    def ending(self, said: Words, spoken_ms: float) -> float:
        """Log odds, less what COMPLETE needs, that a caller who has said just these words (one at least) in `spoken_ms` of voice has finished."""
        last, _, two, around, *_ = self.features(said)
        length = math.log(min(spoken_ms, LONG_MS) / 1000 + SHORT_S)
        return self.ENDING_BIAS + sum(weight * x for weight, x in zip(self.ENDING, (last, two, around, length), strict=True))

    def probability(self, said: Words) -> float:
        """How likely a caller who has said just these words (one at least) has finished: 0–1."""
        return 1 / (1 + math.exp(-self.BIAS - sum(weight * x for weight, x in zip(self.WEIGHTS, self.features(said), strict=True))))

    def features(self, said: Words) -> tuple[float, ...]:
        """What the regression weighs: ends after the last words, how well known the last is, the length, the most telling word, the first."""
        last, two, around, _ = _keys(said)
        return (
            self._end_odds(last),
            math.log1p(self._seen[last]),
            self._end_odds(two),
            self._end_odds(around),
            self._length_odds(min(len(said), _LONGEST)),
            max(map(self._rarity, said)),
            self._rarity(said[0]),
        )

    def _end_odds(self, key: Words) -> float:
        return _log_odds((self._ended[key] + 0.15) / (self._seen[key] + 1))

    def _length_odds(self, length: int) -> float:
        as_long = sum(count for n, count in self._lengths.items() if n >= length)
        return _log_odds((self._lengths[length] + 0.3) / (as_long + 1))

    def _rarity(self, word: str) -> float:
        return math.log((self._count + 1) / (self._holding[word] + 0.5))


LONG_MS = 2_500
"""Speech that is longer than this is no likelier to be all: then the words alone tell."""
SHORT_S = 0.2
WORD_MS = 240
"""Voice in one word, where nobody has measured it."""
HANGING_BELOW = 0.03


def completeness(text: str, language: str, known: KnownWordings, spoken_ms: int | None = None) -> Completeness:
    """Judge the settled words so far of a caller who has paused, after `spoken_ms` of voice; left out: as much as they take. No words: OPEN."""
    said = words(text)
    if not said:
        return Completeness.OPEN
    if said in WHOLE.get(language, ()) or known.ends(said) > known.goes_on(said):
        return Completeness.COMPLETE
    if _hangs(said, language) and not known.may_end(said[-1]):
        return Completeness.HANGING
    return _dictated(said, language) or _judged(said, len(said) * WORD_MS if spoken_ms is None else spoken_ms, known)


def _hangs(said: Words, language: str) -> bool:
    return any(said[-len(phrase) :] == phrase for phrase in UNFINISHED.get(language, ()))


def _dictated(said: Words, language: str) -> Completeness | None:
    """A number that is being read out goes on until it has digits enough; then it is judged like other words. One digit may be an answer."""
    digits = [_digits(word, language) for word in said]
    several = any(len(list(streak)) > 1 for is_digit, streak in groupby(digits, bool) if is_digit)
    if several or (any(digits) and _announced(said, language)):
        return Completeness.HANGING if sum(digits) < FEWEST_DIGITS.get(language, FEWEST) else None
    return Completeness.OPEN if digits[-1] else None


def _digits(word: str, language: str) -> int:
    return len(word) if word.isdecimal() else int(word in DIGITS.get(language, ()))


def _announced(said: Words, language: str) -> bool:
    phrases = ANNOUNCED.get(language, frozenset())
    return any(said[at : at + len(phrase)] == phrase for phrase in phrases for at in range(len(said)))


def _judged(said: Words, spoken_ms: int, known: KnownWordings) -> Completeness:
    if known.ending(said, spoken_ms) >= 0 and not known.goes_on(said):
        return Completeness.COMPLETE
    hangs = known.probability(said) < HANGING_BELOW and known.knows(said[-1]) and not known.may_end(said[-1])
    return Completeness.HANGING if hangs else Completeness.OPEN
