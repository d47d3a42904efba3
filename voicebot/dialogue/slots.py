"""Which month, which plan: what a caller says beside his question, read from words by tables, one per language. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from voicebot.customers.directory import PlanKind
from voicebot.dialogue.errand import Want

MONTHS: Mapping[str, tuple[str, ...]] = {
    "en": ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"),
    "zh": ("一月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "十一月", "十二月"),
}
_BEFORE: Mapping[str, re.Pattern[str]] = {
    "en": re.compile(r"\b(?:the )?(?:last month|month before|previous (?:month|one|bill)|last one|one before|earlier (?:bill|one))\b"),
    "zh": re.compile(r"上个?月|前一个?月|上一(?:期|个|张)|再前面"),
}
_TWO_BEFORE: Mapping[str, re.Pattern[str]] = {"en": re.compile(r"\bmonth before last\b|\btwo months ago\b"), "zh": re.compile(r"上上个?月|前两个月")}
_NAMED: Mapping[str, re.Pattern[str]] = {
    "en": re.compile(rf"\b({'|'.join(MONTHS['en'])})\b"),
    "zh": re.compile(r"(十[一二]?|[一二三四五六七八九]|1[0-2]|[1-9])月"),
}
_PLANS: Mapping[str, tuple[tuple[PlanKind, re.Pattern[str]], ...]] = {
    "en": (
        ("mobile", re.compile(r"\b(?:mobile|phone|cell|cellphone|sim|first)\b")),
        ("home", re.compile(r"\b(?:home|house|broadband|fibre|fiber|landline|internet|second)\b")),
    ),
    "zh": (("mobile", re.compile(r"手机|移动|第一个")), ("home", re.compile(r"宽带|家里|家庭|光纤|固网|第二个"))),
}
_DIGITS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10, "十一": 11, "十二": 12}
_MODAL_MAY = re.compile(r"\b(?:may i|i may|you may|may you|may be)\b")


def month(text: str, language: str) -> int | None:
    """The month named in `text`, 1–12. "may i" is no month."""
    plain = _MODAL_MAY.sub(" ", text.lower())
    found = _NAMED[language].search(plain) if language in _NAMED else None
    if found is None:
        return None
    name = found[1]
    return MONTHS["en"].index(name) + 1 if name in MONTHS["en"] else _DIGITS.get(name) or int(name)


def back(text: str, language: str) -> int:
    """How many bills before the one spoken of: "the month before" is 1, nothing of the kind 0."""
    plain = text.lower()
    if language not in _BEFORE:
        return 0
    return 2 if _TWO_BEFORE[language].search(plain) else 1 if _BEFORE[language].search(plain) else 0


def plan(text: str, language: str) -> PlanKind | None:
    """The kind of plan named in `text`; None when none is, or both are."""
    found = [kind for kind, pattern in _PLANS.get(language, ()) if pattern.search(text.lower())]
    return found[0] if len(found) == 1 else None


def filled(want: Want, text: str, language: str) -> Want:
    """`want` with what `text` says of it. A month that is only called the last one is the newest bill's."""
    named = month(text, language)
    return replace(want, month=named, back=max(0, back(text, language) - 1), plan=plan(text, language), words=text)


def corrected(want: Want, text: str, language: str) -> Want | None:
    """`want` as "no, the month before" changes it; None when `text` says nothing of the kind."""
    named, before, kind = month(text, language), back(text, language), plan(text, language)
    if named:
        return replace(want, month=named, back=0)
    if before:
        return replace(want, month=None, back=want.back + before)
    return replace(want, plan=kind) if kind and kind != want.plan else None
