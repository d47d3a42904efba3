"""English figures in words, as a bot says them on the telephone: rules and tables, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping

from voicebot.speech.spoken.rules import Rules, Say, alternatives

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen"),
    *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1_000, "thousand"))
_MOST_DIGITS = 15
_ORDINALS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth"},
    **{tens: f"{tens[:-1]}ieth" for tens in _TENS if tens},
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"),
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_MONEY = {
    "$": ("dollar", "cent"),
    "£": ("pound", "penny"),
    "€": ("euro", "cent"),
    **dict.fromkeys(("¥", "￥", "CNY", "RMB"), ("yuan", "")),
    **{"USD": ("dollar", "cent"), "GBP": ("pound", "penny"), "EUR": ("euro", "cent")},
}
_PLURALS = {"penny": "pence", "yuan": "yuan", "hertz": "hertz", "kilohertz": "kilohertz", "megahertz": "megahertz", "gigahertz": "gigahertz"}
_UNITS = {
    **{"KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "kB": "kilobyte"},
    **{unit: f"{name} per second" for name, units in (("megabit", ("Mbps", "Mbit/s", "Mb/s")), ("gigabit", ("Gbps", "Gbit/s"))) for unit in units},
    **{"kbps": "kilobit per second", "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "ms": "millisecond"},
    **{"km": "kilometre", "m": "metre", "cm": "centimetre", "mm": "millimetre", "kg": "kilogram", "min": "minute", "h": "hour", "s": "second"},
    **{"°C": "degree Celsius", "°F": "degree Fahrenheit", "°": "degree"},
}
_FRACTIONS = {("1", "2"): "one half", ("1", "4"): "one quarter", ("3", "4"): "three quarters", ("1", "3"): "one third", ("2", "3"): "two thirds"}
_SIGNS = {"%": "percent", "&": "and", "$": "dollars", "£": "pounds", "€": "euros", "¥": "yuan", "+": "plus", "=": "equals", "°": "degrees", "@": "at"}
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_MONTH = alternatives(*_MONTHS)


def cardinal(value: int) -> str:
    """58 → fifty-eight, 1234 → one thousand two hundred and thirty-four; what is too large for words, digit by digit."""
    if value >= 10**_MOST_DIGITS:
        return digits(str(value))
    for size, name in _SCALES:
        if value >= size:
            rest = value % size
            joint = " and " if 0 < rest < 100 else " "
            return f"{cardinal(value // size)} {name}{joint + cardinal(rest) if rest else ''}"
    if value >= 100:
        return f"{_ONES[value // 100]} hundred{f' and {cardinal(value % 100)}' if value % 100 else ''}"
    if value < 20:
        return _ONES[value]
    return _TENS[value // 10] + (f"-{_ONES[value % 10]}" if value % 10 else "")


def ordinal(value: int) -> str:
    """22 → twenty-second."""
    return re.sub(r"\w+$", lambda last: _ORDINALS.get(last[0], f"{last[0]}th"), cardinal(value))


def digits(text: str) -> str:
    """The digits of `text` one by one, a comma where it has a gap: 0800 123 → zero eight zero zero, one two three."""
    return ", ".join(" ".join(_ONES[int(digit)] for digit in group) for group in re.findall(r"\d+", text))


def year(value: int) -> str:
    """2026 → twenty twenty-six, 2005 → two thousand and five, 1900 → nineteen hundred."""
    century, rest = divmod(value, 100)
    if value < 1000 or (century % 10 == 0 and rest < 10):
        return cardinal(value)
    return f"{cardinal(century)} {'hundred' if not rest else cardinal(rest) if rest > 9 else f'oh {_ONES[rest]}'}"


def number(text: str) -> str:
    """A whole or decimal number as it is read: 3.50 → three point five zero, 1,200 → one thousand two hundred, 007 → zero zero seven."""
    before, _, part = text.replace(",", "").partition(".")
    return f"{whole(before)} point {digits(part)}" if part else whole(before)


def whole(text: str) -> str:
    """The digits of `text` as one number; digit by digit when it begins with 0 or has too many of them."""
    return digits(text) if (len(text) > 1 and text[0] == "0") or len(text) > _MOST_DIGITS else cardinal(int(text))


def _many(name: str, amount: str) -> str:
    """`name` in the number that `amount` asks for; its first word changes: gigabits per second."""
    first, *rest = name.split()
    return " ".join((first if amount == "1" else _PLURALS.get(first, f"{first}s"), *rest))


def _date(day: str, month: str, years: str | None = None) -> str:
    return f"the {ordinal(int(day))} of {_MONTHS[int(month) - 1]}" + (f" {year(int(years))}" if years else "")


def _real(day: str, month: str) -> bool:
    return 1 <= int(day) <= 31 and 1 <= int(month) <= 12


def _iso(found: re.Match[str]) -> str:
    years, month, day = found.group(1, 2, 3)
    return _date(day, month, years) if _real(day, month) else digits(found[0])


def _slashed(found: re.Match[str]) -> str:
    """Day first, unless only the other way round it is a date."""
    first, second, years = found.group(1, 2, 3)
    day, month = (first, second) if _real(first, second) else (second, first)
    return _date(day, month, years) if _real(day, month) else digits(found[0])


def _named_day(found: re.Match[str]) -> str:
    day, month, years = found["day"], found["month"], found["year"]
    name = _MONTHS[_MONTHS.index(month) % 12]
    return f"the {ordinal(int(day))} of {name}" + (f" {year(int(years))}" if years else "")


def _part_of_day(hour: int) -> str:
    return "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening" if hour < 22 else "at night"


def _time(found: re.Match[str]) -> str:
    written, minutes, half = found["hour"], int(found["minute"] or 0), (found["half"] or "").lower()
    hour = int(written) + (12 if half == "p" and int(written) < 12 else -12 if half == "a" and written == "12" else 0)
    if hour > 23 or minutes > 59:
        return digits(found[0])
    clear = half or hour >= 12 or hour == 0 or written[0] == "0"
    if minutes == 0 and clear and hour % 12 == 0:
        return "noon" if hour else "midnight"
    past = "" if not minutes else f" oh {_ONES[minutes]}" if minutes < 10 else f" {cardinal(minutes)}"
    said = cardinal(hour % 12 or 12) + past
    return f"{said} {_part_of_day(hour)}" if clear else said if minutes else f"{said} o'clock"


def _money(found: re.Match[str]) -> str:
    sign, amount, scale = found["sign"] or found["code"], found["amount"].replace(",", ""), found["scale"]
    main, small = _MONEY[sign]
    before, _, part = amount.partition(".")
    if scale:
        return f"{number(amount)} {scale} {_many(main, 'many')}"
    if not small or len(part) not in {0, 2}:
        return f"{number(amount.rstrip('0').rstrip('.') if part else amount)} {_many(main, amount)}"
    cents = part.strip("0")
    said = [f"{whole(before)} {_many(main, before)}"] if before.strip("0") or not cents else []
    if cents:
        said.append(f"{cardinal(int(part))} {_many(small, part.lstrip('0'))}")
    return " and ".join(said)


def _unit(found: re.Match[str]) -> str:
    return f"{number(found[1])} {_many(_UNITS[found[2]], found[1])}"


def _fraction(found: re.Match[str]) -> str:
    return _FRACTIONS.get((found[1], found[2]), f"{number(found[1])} over {number(found[2])}")


def _mixed(found: re.Match[str]) -> str:
    """Letters and digits in one token: capitals are spelled, long figures too. AB-1234 → A B one two three four, Fibre500 → Fibre five hundred."""
    return " ".join(map(_piece, re.findall(r"\d+|[^\W\d_]+", found[0])))


def _piece(piece: str) -> str:
    if not piece.isdecimal():
        return " ".join(piece) if piece.isupper() else piece
    return digits(piece) if len(piece) > 3 else whole(piece)


def _long(found: re.Match[str]) -> str:
    """A bare number: a year, a quantity, or, from five digits that are not round, a number that is dialled or quoted."""
    text = found[0]
    if len(text) == 4 and 1900 <= int(text) <= 2099:
        return year(int(text))
    return digits(text) if len(text) > 4 and not text.endswith("000") else whole(text)


def _rule(pattern: str, say: Say, flags: re.RegexFlag = re.NOFLAG) -> tuple[re.Pattern[str], Say]:
    return re.compile(pattern, flags | re.ASCII), say


_NAMED = alternatives(
    "dial", "call", "text", "number", "order", "pin", "puk", "code", "account", "ticket", "hotline", "reference", "no.", "case", "invoice"
)
_PER = {
    "month": "a month",
    "mo": "a month",
    "year": "a year",
    "day": "a day",
    "min": "a minute",
    "minute": "a minute",
    "hour": "an hour",
    "week": "a week",
}
_PER_ONE: Mapping[str, str] = {**_PER, "MB": "a megabyte", "GB": "a gigabyte"}

_STEPS = (
    _rule(r"(?<![\d-])(\d{4})-(\d{1,2})-(\d{1,2})(?![\d-])", _iso),
    _rule(r"(?<![\d/])(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?![\d/])", _slashed),
    _rule(rf"\b(?:the )?(?P<day>[12]?\d|3[01])(?:st|nd|rd|th)? (?:of )?(?P<month>{_MONTH})\b\.?(?:,? (?P<year>\d{{4}})\b)?", _named_day),
    _rule(rf"\b(?P<month>{_MONTH})\.? (?P<day>[12]?\d|3[01])(?:st|nd|rd|th)?\b(?!:)(?:,? (?P<year>\d{{4}})\b)?", _named_day),
    _rule(r"(?:(?<=[apAP][mM])|(?<=:\d\d)) ?[-–—] ?(?=\d)", lambda _: " to "),
    _rule(r"(?<![\d:])(?P<hour>\d{1,2}):(?P<minute>\d{2})(?![\d:])(?: ?(?P<half>[ap])\.?m\b\.?)?", _time, re.IGNORECASE),
    _rule(r"(?<![\d:.])(?P<hour>\d{1,2})(?P<minute>) ?(?P<half>[ap])\.?m\b\.?(?=\W|$)", _time, re.IGNORECASE),
    _rule(r"(?<![\w.])[-−](?=[$£€¥￥]?\d)", lambda _: "minus "),
    _rule(r"(?<=\d)[x×](?!\w)", lambda _: " times"),
    _rule(r"\b24/7\b", lambda _: "twenty-four seven"),
    _rule(rf"(?P<sign>[$£€¥￥]) ?(?P<amount>{_NUMBER})(?: ?(?P<scale>million|billion|thousand))?(?P<code>)", _money),
    _rule(rf"(?<![\w.,])(?P<sign>)(?P<amount>{_NUMBER})(?P<scale>) ?(?P<code>USD|EUR|GBP|CNY|RMB|€|£)(?!\w)", _money),
    _rule(rf"(?<![\w.,])({_NUMBER}) ?%", lambda found: f"{number(found[1])} percent"),
    _rule(rf"(?<![\w.,])({_NUMBER}) ?({alternatives(*_UNITS)})(?!\w)", _unit),
    _rule(r"\b([2-6])[Gg]\b", lambda found: f"{_ONES[int(found[1])]} G"),
    _rule(rf"/({alternatives(*_PER_ONE)})\b", lambda found: f" {_PER_ONE[found[1]]}"),
    _rule(r"\b(\d{1,15})(?:st|nd|rd|th)\b", lambda found: ordinal(int(found[1]))),
    _rule(
        rf"(\b(?:{_NAMED})(?: (?:number|is|no\.))?:? ?#?)(\d{{2,}}(?:[ -]\d{{2,}})*)(?![\w,.]*\d)",
        lambda found: found[1] + " " + digits(found[2]),
        re.I,
    ),
    _rule(r"\+\d[\d ()-]*\d", lambda found: f"plus {digits(found[0])}"),
    _rule(r"(?<![\w.,-])0\d+(?:[ -]\d+)+(?![\w-])|(?<![\w.,-])\d{3,}(?:[ -]\d{3,})+(?![\w-])", lambda found: digits(found[0])),
    _rule(r"\b(?=\w*[^\W\d_])[^\W\d_]*-?\d\w*(?:-\w+)*|\b[A-Z]{1,4}(?:-\w+)*-\d\w*", _mixed),
    _rule(r"(?<![\w./])(\d{1,3})/(\d{1,3})(?![\w/])", _fraction),
    _rule(r"(\d)[-–—](?=\d)", lambda found: f"{found[1]} to "),
    _rule(r"#(?=\d)", lambda _: "number "),
    _rule(r"(?<![\d.])\d+(?:\.\d+){2,}", lambda found: " point ".join(number(part) for part in found[0].split("."))),
    _rule(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+\.\d+(?!\.?\d)", lambda found: number(found[0])),
    _rule(r"(?<=\d)[.:](?=\d)", lambda _: " point "),
    _rule(r"\d+", _long),
)

RULES = Rules(
    _STEPS,
    _rule(r"[%&$£€¥+=°@]", lambda found: f" {_SIGNS[found[0]]} "),
    lambda said: re.sub(r" +([,.;:!?])", r"\1", re.sub(r"[ \t]{2,}", " ", said)).strip(),
)
