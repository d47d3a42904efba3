"""The template briefing: what the agent hears in five seconds before the caller, and what stands on the screen meanwhile.

Pure. Of what a caller said nothing is spoken to the agent but phrases that the anger lexicon lists, and nothing here can be read by the PBX as
an instruction: every text is letters, digits and plain punctuation, without long numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from voicebot.dialogue.decisions import Urgency, Why
from voicebot.handover.evidence import short

LONGEST_LAST_WORDS = 200
MOST_REASONS = 2
MASK = "***"

_DIGIT = r"(?:\d|[零〇一二三四五六七八九幺]|\b(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)\b)"
_LONG_NUMBER = re.compile(rf"{_DIGIT}(?:[\s().,+/-]*{_DIGIT}){{5,}}", re.IGNORECASE)
_UNWANTED = re.compile(r"[^\w\s.,:?!'£€¥。、-]")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at handover. `titles` are those of the answered KB entries in order, `ani` is the caller's number, `evidence` what spoke of
    anger last, strongest first."""

    reason: Why
    language: str
    ani: str = ""
    titles: tuple[str, ...] = ()
    last_words: str = ""
    urgency: Urgency = "normal"
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Screen:
    """The written side; `topics` and `last_words` are masked and plain."""

    reason: str
    urgent: bool
    ani: str
    topics: tuple[str, ...]
    last_words: str
    language: str


@dataclass(frozen=True, slots=True)
class Briefing:
    """`spoken` is at most 15 words (English) or 20 characters (Mandarin), about five seconds; `short` is why the caller comes, and no more."""

    spoken: str
    screen: Screen
    short: str = ""


@dataclass(frozen=True, slots=True)
class _Wording:
    urgent: str
    opening: str
    topics: str
    comma: str
    because: str
    stop: str
    limit: int
    length: Callable[[str], int]
    reasons: Mapping[Why, str]


def _characters(text: str) -> int:
    return len(re.findall(r"\w", text))


_WORDINGS = {
    "en": _Wording("Urgent. ", "Caller ", " Topics: ", ", ", ": ", ".", 15, lambda text: len(text.split()), {why: why.value for why in Why}),
    "zh": _Wording(
        "紧急，",
        "来电者",
        "已答：",
        "、",
        "：",
        "。",
        20,
        _characters,
        {
            Why.PERSON: "要求人工",
            Why.ACCEPTED: "同意转人工",
            Why.EMERGENCY: "报告紧急情况",
            Why.SELF_HARM: "提到轻生",
            Why.FRAUD: "可能正被诈骗",
            Why.UPSET: "情绪激动",
            Why.NOT_UNDERSTOOD: "没有被听懂",
            Why.SAME_QUESTION: "重复问同一问题",
            Why.NOT_HEARD: "听不清答复",
            Why.WRONG_KEYS: "按键有误",
            Why.SILENT: "没有说话",
            Why.NO_PROGRESS: "问题未能解决",
            Why.RECOGNISER: "无法被识别",
            Why.VULNERABLE: "需要特别照顾",
            Why.COMPLAINT: "要投诉",
            Why.COMPLEX: "事情复杂",
            Why.ABUSE: "言语激烈",
            Why.UNVERIFIED: "身份未能核实",
            Why.DIRECTORY: "账户查询失败",
            Why.LANGUAGE: "要用其他语言",
            Why.SUPERVISOR: "由主管转来",
        },
    ),
}


def briefing(facts: Facts) -> Briefing:
    """The briefing for one handover. A language without wordings is briefed in English: a person must be told something."""
    wording = _WORDINGS.get(facts.language, _WORDINGS["en"])
    topics = tuple(dict.fromkeys(plain(title) for title in facts.titles))
    screen = Screen(
        reason=facts.reason.value,
        urgent=facts.urgency == "high",
        ani=re.sub(r"[^0-9A-Za-z+@._-]", "", facts.ani),
        topics=topics,
        last_words=plain(facts.last_words)[:LONGEST_LAST_WORDS],
        language=facts.language,
    )
    return Briefing(_spoken(wording, facts, topics), screen, f"{_why(wording, facts)}{wording.stop}")


def plain(text: str) -> str:
    """`text` on one line, without signs a PBX or a shell could act on, with every number of six or more digits (spoken or written) masked."""
    wanted = _UNWANTED.sub(" ", unicodedata.normalize("NFKC", text).replace("_", " "))
    return " ".join(_LONG_NUMBER.sub(MASK, wanted).split())


def masked(text: str) -> str:
    """`text` as it is, with every number of six or more digits (spoken or written) masked."""
    return _LONG_NUMBER.sub(MASK, text)


def _spoken(wording: _Wording, facts: Facts, topics: tuple[str, ...]) -> str:
    """Why, then the latest topics that fit; an urgent caller's topics can wait."""
    urgent, opening = facts.urgency == "high", _why(wording, facts)
    reason = f"{opening}{_felt(wording, opening, facts)}{wording.stop}"
    for first in range(len(topics) * (not urgent)):
        spoken = f"{reason}{wording.topics}{wording.comma.join(topics[first:])}{wording.stop}"
        if wording.length(spoken) <= wording.limit:
            return spoken
    return reason


def _why(wording: _Wording, facts: Facts) -> str:
    return f"{wording.urgent if facts.urgency == 'high' else ''}{wording.opening}{wording.reasons[facts.reason]}"


def _felt(wording: _Wording, opening: str, facts: Facts) -> str:
    """What an upset caller is known by, as far as it fits."""
    reasons = [plain(short(each, facts.language)) for each in facts.evidence[:MOST_REASONS]] if facts.reason is Why.UPSET else []
    for count in range(len(reasons), 0, -1):
        felt = f"{wording.because}{wording.comma.join(reasons[:count])}"
        if wording.length(f"{opening}{felt}") <= wording.limit:
            return felt
    return ""
