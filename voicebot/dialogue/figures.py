"""The figures in a text, however they are written: "14 days", "fourteen days", "十四天", "$5", "five dollars", "百分之八十", "one two one".

Pure. It reads what is written and judges nothing; whoever compares two texts gets the same figure for both spellings, or two that differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for value, word in enumerate(_ONES.split())} | {word: value for value, word in enumerate(_ORDINALS.split())} | {"oh": 0}
_SMALL |= {"seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30}
_TENFOLD = {word: 10 * value for value, word in enumerate(_TENS.split(), 2)}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_SPOKEN = frozenset(_SMALL) | frozenset(_TENFOLD) | frozenset(_SCALES)

_UNITS = {
    "%": "% percent percentage pct",
    "$": "$ dollar dollars usd",
    "€": "€ euro euros eur",
    "£": "£ pound pounds gbp",
    "¥": "¥ yuan rmb cny 元 块",
    "cent": "cent cents 分钱",
    "角": "角 毛",
    "s": "second-of-time seconds sec secs 秒 秒钟",
    "min": "minute minutes min mins 分钟",
    "h": "hour hours hr hrs 小时",
    "day": "day days 天 日",
    "week": "week weeks 周 星期",
    "month": "month months 个月",
    "year": "year years 年",
    "GB": "gigabyte gigabytes gig gigs gb",
    "MB": "megabyte megabytes mb 兆",
    "mbit": "mbit mbits mbps",
    "am": "am a.m.",
    "pm": "pm p.m.",
}
UNITS = {word: unit for unit, words in _UNITS.items() for word in words.split()}
"""Unit words in one spelling each."""
_BETWEEN = frozenset(["to", "or", "and", "working", "business", "calendar", "full", "whole", "到", "至", "或"])
_REACH = 4

_CJK_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "幺": 1}
_CJK_SCALES = {"十": 10, "百": 100, "千": 1_000, "万": 10_000, "亿": 100_000_000}
_MYRIAD = 10_000
_NO_NUMBER = (
    "一下|一起|一样|一定|一些|一般|一直|一旦|一律|一边|统一|唯一|之一|同一|万一|十分|千万|进一步|第一时间|星期[一二三四五六日天]|周[一二三四五六日]"
)
_NUMERALS = "零〇一二两三四五六七八九幺十百千万亿"
_CJK_UNIT = r"分钟|小时|秒钟|个月|星期|分钱|[兆元块角毛秒天日周年%]"
_TOKEN = re.compile(
    rf"百分之(?P<percent>[{_NUMERALS}\d.]*[{_NUMERALS}\d])"
    rf"|(?P<han>(?:{_NO_NUMBER}|(?![{_NUMERALS}])[\u3400-\u9fff])+)"
    rf"|(?P<cjk>(?:\d+(?:\.\d+)?)?[{_NUMERALS}]+(?:点[{_NUMERALS}]+)?)(?P<cjk_unit>{_CJK_UNIT})?"
    rf"|(?P<digits>\d+(?:[.,:]\d+)*)(?:st|nd|rd|th)?(?P<digits_unit>{_CJK_UNIT})?"
    r"|(?P<word>[A-Za-z]\.[Mm]\.|[^\W\d_\u3400-\u9fff]+(?:'[^\W\d_\u3400-\u9fff]+)?)"
    r"|(?P<symbol>[$€£¥%])"
)
_PER_CENT = re.compile(r"\bper cents?\b", re.IGNORECASE)
_FULL_POINT = re.compile(r"(\d),(?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as digits, and its unit in one spelling, "" when none stands beside it."""

    value: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it stands in the text, or a run of Chinese characters."""

    text: str


Token = Figure | Word


def tokens(text: str) -> tuple[Token, ...]:
    """The words and figures of `text` in order. Expects NFKC; punctuation is lost."""
    return tuple(_with_units(tuple(_numbered(tuple(_read(_PER_CENT.sub("percent", text.replace("’", "'").replace("-", " "))))))))


def _read(text: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(text):
        if found["percent"]:
            yield Figure(_from_numerals(found["percent"]), "%")
        elif found["cjk"]:
            yield Figure(_from_numerals(found["cjk"]), UNITS.get(found["cjk_unit"] or "", ""))
        elif found["digits"]:
            yield Figure(_plain(found["digits"]), UNITS.get(found["digits_unit"] or "", ""))
        else:
            yield Word(found[0])


def _plain(digits: str) -> str:
    """Without thousands separators and trailing zeros; a leading zero is kept, for it belongs to what is dialled."""
    digits = _FULL_POINT.sub(r"\1", digits)
    if ":" in digits or "," in digits or digits.count(".") != 1:
        return digits
    return f"{Decimal(digits).normalize():f}"


def _from_numerals(numerals: str) -> str:
    """ "五十八" → 58, "一二三" → 123, "二零一九" → 2019, "3万" → 30000, "五点五" → 5.5."""
    whole, _, part = numerals.partition("点")
    tail = "." + "".join(str(_CJK_DIGITS.get(char, char)) for char in part) if part else ""
    if not any(char in _CJK_SCALES for char in whole):
        return "".join(str(_CJK_DIGITS.get(char, char)) for char in whole) + tail
    return _plain(f"{_scaled(whole):f}" + tail)


def _scaled(numerals: str) -> Decimal:
    total = section = Decimal(0)
    digits = ""
    for char in numerals:
        scale = _CJK_SCALES.get(char, 0)
        if not scale:
            digits += str(_CJK_DIGITS.get(char, char))
        elif scale >= _MYRIAD:
            total, section, digits = (total + section + Decimal(digits or 0) or Decimal(1)) * scale, Decimal(0), ""
        else:
            section, digits = section + Decimal(digits or 1) * scale, ""
    return total + section + Decimal(digits or 0) * _left_out(numerals)


def _left_out(numerals: str) -> Decimal:
    """ "一百二" is a hundred and twenty."""
    scale = _CJK_SCALES.get(numerals[-2], 0) if len(numerals) > 1 else 0
    return Decimal(scale) / 10 if scale > 10 else Decimal(1)


def _numbered(read: Sequence[Token]) -> Iterator[Token]:
    """Number words joined to figures: one digit after the other is dialled, the rest is counted."""
    at = 0
    while at < len(read):
        dialled = _dialled(read, at)
        if len(dialled) > 1:
            yield Figure("".join(dialled))
            at += len(dialled)
        elif _spoken(read[at]):
            end = at + 1
            while end < len(read) and (_spoken(read[end]) or (_is(read[end], "and") and end + 1 < len(read) and _after_scale(read, end))):
                end += 1
            yield from (Figure(value) for value in _counted([str(getattr(token, "text", "")).lower() for token in read[at:end]]))
            at = end
        else:
            yield read[at]
            at += 1


def _dialled(read: Sequence[Token], at: int) -> list[str]:
    digits: list[str] = []
    while at < len(read) and (digit := _digit(read[at])):
        digits.append(digit)
        at += 1
    scaled = at < len(read) and isinstance(token := read[at], Word) and token.text.lower() in _SCALES
    return digits[:-1] if scaled else digits


def _digit(token: Token) -> str:
    if isinstance(token, Figure):
        return token.value if len(token.value) == 1 and not token.unit else ""
    value = _SMALL.get(token.text.lower(), 10)
    return str(value) if value < 10 and not token.text.lower().endswith(("th", "st", "nd", "rd")) else ""


def _spoken(token: Token) -> bool:
    return isinstance(token, Word) and token.text.lower() in _SPOKEN


def _is(token: Token, word: str) -> bool:
    return isinstance(token, Word) and token.text.lower() == word


def _after_scale(read: Sequence[Token], at: int) -> bool:
    """ "two hundred and five" is one number, "nine and five" are two."""
    before = read[at - 1]
    return isinstance(before, Word) and before.text.lower() in _SCALES and _spoken(read[at + 1])


def _counted(words: Sequence[str]) -> Iterator[str]:
    """ "two hundred and five" → 205; "forty nine" → 49; "twenty nineteen" → 2019; "twelve five" → 12, 5."""
    total = part = 0
    last = 0
    begun = False
    for word in words:
        value = _SMALL.get(word, _TENFOLD.get(word, -1))
        if word == "and":
            continue
        if word in _SCALES:
            scale = _SCALES[word]
            part = max(part, 1) * scale
            total, part = (total + part, 0) if scale > 100 else (total, part)
            last = scale
        elif begun and last == 20 and value >= 10:  # a year
            part, last = part * 100 + value, 1
        elif begun and not (last >= 100 or (20 <= last < 100 and value < 10)):
            yield str(total + part)
            total, part, last = 0, value, max(value, 1)
        else:
            part, last = part + value, max(value, 1)
        begun = True
    if begun:
        yield str(total + part)


def _with_units(read: Sequence[Token]) -> Iterator[Token]:
    for at, token in enumerate(read):
        if isinstance(token, Figure) and not token.unit:
            yield Figure(token.value, _unit_before(read, at) or _unit_after(read, at))
        else:
            yield token


def _unit_before(read: Sequence[Token], at: int) -> str:
    before = read[at - 1] if at else None
    return UNITS[before.text] if isinstance(before, Word) and before.text in "$€£¥" else ""


def _unit_after(read: Sequence[Token], at: int) -> str:
    """The unit that follows, over "to four" and "working": in "two to four working days" both figures are days."""
    for token in read[at + 1 : at + 1 + _REACH]:
        if isinstance(token, Figure):
            if token.unit:
                return token.unit
            continue
        word = token.text.lower()
        if word in UNITS:
            return UNITS[word]
        if word not in _BETWEEN:
            break
    return ""
