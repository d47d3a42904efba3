"""Has the caller finished, to judge by the words so far? Learned from known wordings: which words end a question, after how many, with what said.

Pure and fast (20–50 µs a verdict); it never hears the voice and never says what a question means.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from enum import Enum
from itertools import takewhile


class Completeness(Enum):
    """A verdict on the words so far: COMPLETE may be answered soon, HANGING surely goes on, OPEN is neither."""

    COMPLETE = "complete"
    OPEN = "open"
    HANGING = "hanging"


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


COMPLETE_ODDS, USUAL_WORDS = 1.5, 7
"""The odds that the words are all, for a saying of usual length; a longer one needs less, in proportion, for callers say more than the wordings of a
knowledge base do. Through the recogniser, on the turns it was chosen on: 54 % of ends reach it, and 5 % of pauses within."""
HANGING_BELOW = 0.03


def completeness(text: str, language: str, known: KnownWordings) -> Completeness:
    """Judge the settled words so far of a caller who has paused. No words: OPEN."""
    said = words(text)
    if not said:
        return Completeness.OPEN
    if said in WHOLE.get(language, ()) or known.ends(said) > known.goes_on(said):
        return Completeness.COMPLETE
    if _hangs(said, language) and not known.may_end(said[-1]):
        return Completeness.HANGING
    return _dictated(said, language) or _judged(said, known)


def _hangs(said: Words, language: str) -> bool:
    return any(said[-len(phrase) :] == phrase for phrase in UNFINISHED.get(language, ()))


def _dictated(said: Words, language: str) -> Completeness | None:
    digits = DIGITS.get(language, frozenset())
    run = sum(1 for _ in takewhile(lambda word: word in digits or word.isdecimal(), reversed(said)))
    if not run:
        return None
    return Completeness.HANGING if run > 1 else Completeness.OPEN


def _judged(said: Words, known: KnownWordings) -> Completeness:
    probability = known.probability(said)
    odds = probability / (1 - probability) * len(said) / USUAL_WORDS
    if odds >= COMPLETE_ODDS and not known.goes_on(said):
        return Completeness.COMPLETE
    hangs = probability < HANGING_BELOW and known.knows(said[-1]) and not known.may_end(said[-1])
    return Completeness.HANGING if hangs else Completeness.OPEN
