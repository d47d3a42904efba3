"""Mandarin figures in characters, as a bot says them on the telephone: rules and tables, nothing else.

Digits read out one by one say 幺 for 1 where they are dialled, 一 where they are quoted.
"""

from __future__ import annotations

import re

from voicebot.speech.spoken.rules import Rules, Say, alternatives

_DIGITS = "零一二三四五六七八九"
_SCALES = ((10**12, "万亿"), (10**8, "亿"), (10**4, "万"), (1_000, "千"), (100, "百"), (10, "十"))
_MOST_DIGITS = 16
_MONEY = {
    **{"¥": "元", "￥": "元", "CNY": "元", "RMB": "元", "元": "元", "块": "块"},
    **{"$": "美元", "USD": "美元", "£": "英镑", "GBP": "英镑", "€": "欧元", "EUR": "欧元", "HK$": "港元", "HKD": "港元"},
}
_PARTED = frozenset({"元", "块"})
"""Money that is read with its tenths and hundredths: 五十八元五角."""
_UNITS = {
    **{"KB": "K", "MB": "兆", "GB": "个G", "TB": "个T", "Kbps": "K", "Mbps": "兆", "Mbit/s": "兆", "Gbps": "个G", "Hz": "赫兹", "kHz": "千赫"},
    **{
        "MHz": "兆赫",
        "GHz": "吉赫",
        "km": "公里",
        "m": "米",
        "cm": "厘米",
        "mm": "毫米",
        "kg": "公斤",
        "ms": "毫秒",
        "min": "分钟",
        "h": "小时",
        "s": "秒",
    },
    **{"°C": "摄氏度", "℃": "摄氏度", "°": "度"},
}
_SIGNS = {
    "%": "百分之",
    "&": "和",
    "$": "美元",
    "£": "英镑",
    "€": "欧元",
    "¥": "元",
    "￥": "元",
    "+": "加",
    "=": "等于",
    "°": "度",
    "@": "at",
    "℃": "摄氏度",
}
_MEASURES = alternatives(
    *(
        "个",
        "次",
        "天",
        "年",
        "小时",
        "分钟",
        "位",
        "张",
        "台",
        "部",
        "件",
        "条",
        "份",
        "种",
        "倍",
        "周",
        "岁",
        "元",
        "块",
        "家",
        "名",
        "人",
        "笔",
        "秒",
    ),
    *("层", "户", "项", "间", "遍", "英镑", "美元", "欧元", "兆", "公里", "米", "公斤"),
)
_DIALLED = alternatives("拨打", "拨", "致电", "电话", "热线", "号码", "手机号", "手机", "来电", "联系", "短信", "发送到", "发到")
_QUOTED = alternatives("订单号", "订单", "工单号", "工单", "单号", "编号", "账号", "帐号", "密码", "验证码", "代码", "卡号", "尾号", "PIN", "PUK")
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"


def cardinal(value: int) -> str:
    """58 → 五十八, 1010 → 一千零一十, 20000 → 两万; what is too large for words, digit by digit."""
    if value >= 10**_MOST_DIGITS:
        return digits(str(value))
    said = _scaled(value) or "零"
    return said.removeprefix("一") if said.startswith("一十") else said


def _scaled(value: int) -> str:
    for size, name in _SCALES:
        if value >= size:
            many, rest = divmod(value, size)
            gap = "零" if rest and rest * 10 < size else ""
            return ("两" if many == 2 and size > 100 else _scaled(many)) + name + gap + _scaled(rest)
    return _DIGITS[value] if value else ""


def digits(text: str, one: str = "一") -> str:
    """The digits of `text` one by one, a comma where it has a gap; `one` is how 1 is said."""
    return "，".join("".join(_DIGITS[int(digit)] for digit in group).replace("一", one) for group in re.findall(r"\d+", text))


def number(text: str) -> str:
    """A whole or decimal number as it is read: 3.5 → 三点五, 1,200 → 一千二百, 007 → 零零七."""
    before, _, part = text.replace(",", "").partition(".")
    return f"{whole(before)}点{digits(part)}" if part else whole(before)


def whole(text: str) -> str:
    """The digits of `text` as one number; one by one when it begins with 0 or has too many of them."""
    return digits(text) if (len(text) > 1 and text[0] == "0") or len(text) > _MOST_DIGITS else cardinal(int(text))


def _amount(text: str) -> str:
    """A number before what it counts: 2 is 两 there."""
    return "两" if text == "2" else number(text)


def _dialled(text: str) -> str:
    return digits(text, "幺")


def _date(found: re.Match[str]) -> str:
    years, month, day = found["year"], found["month"], found["day"]
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return digits(found[0])
    return (f"{digits(years)}年" if years else "") + f"{cardinal(int(month))}月{cardinal(int(day))}日"


def _time(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if hour > 24 or minute > 59:
        return digits(found[0])
    past = "" if not minute else f"零{cardinal(minute)}分" if minute < 10 else f"{cardinal(minute)}分"
    return ("两" if hour == 2 else cardinal(hour)) + "点" + past


def _money(found: re.Match[str]) -> str:
    name, amount, scale = _MONEY[found["sign"] or found["code"]], found["amount"], found["scale"] or ""
    before, _, part = amount.replace(",", "").partition(".")
    if scale or name not in _PARTED or len(part) > 2:
        return _amount(amount.rstrip("0").rstrip(".") if part else amount) + scale + name
    tenths, hundredths = int((part + "00")[0]), int((part + "00")[1])
    gap = "零" if hundredths and before.strip("0") else ""
    small = (f"{_DIGITS[tenths]}角" if tenths else gap) + (f"{_DIGITS[hundredths]}分" if hundredths else "")
    return small if small and not before.strip("0") else _amount(before) + name + small


def _mixed(found: re.Match[str]) -> str:
    """Letters stay letters, digits beside them are read one by one when they are many or the name has several letters."""
    return "".join(
        piece if not piece.isdecimal() else cardinal(int(piece)) if len(piece) < 3 and piece[0] != "0" else digits(piece)
        for piece in re.findall(r"\d+|[A-Za-z]+", found[0])
    )


def _rule(pattern: str, say: Say) -> tuple[re.Pattern[str], Say]:
    return re.compile(pattern, re.ASCII), say


_STEPS = (
    _rule(r"(?<!\d)(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)", _date),
    _rule(r"(?:(?P<year>\d{4}) ?年 ?)?(?<!\d)(?P<month>\d{1,2}) ?月 ?(?P<day>\d{1,2}) ?[日号]", _date),
    _rule(r"(?<!\d)(\d{4}) ?年", lambda found: f"{digits(found[1])}年"),
    _rule(r"(?<![\d:])(\d{1,2})[:：](\d{2})(?![\d:])", _time),
    _rule(rf"(?P<sign>HK\$|[$£€¥￥]) ?(?P<amount>{_NUMBER}) ?(?P<scale>[万亿]?)(?P<code>)元?", _money),
    _rule(rf"(?<![\d.,])(?P<sign>)(?P<amount>{_NUMBER}) ?(?P<scale>[万亿]?) ?(?P<code>{alternatives(*(set(_MONEY) - set('$£€¥￥')))})", _money),
    _rule(rf"(?<![\d.,])(-?)({_NUMBER}) ?%", lambda found: f"百分之{'负' if found[1] else ''}{number(found[2])}"),
    _rule(
        rf"((?:{_DIALLED})(?:号码)?(?:是|为|：|:)? ?)(\d+(?:[ -]\d+)*)(?![\d.,]*\d)(?! ?(?:{_MEASURES}))", lambda found: found[1] + _dialled(found[2])
    ),
    _rule(
        rf"((?:{_QUOTED})(?:号码)?(?:是|为|：|:)? ?)(\d{{2,}}(?:[ -]\d+)*)(?![\d.,]*\d)(?! ?(?:{_MEASURES}))",
        lambda found: found[1] + digits(found[2]),
    ),
    _rule(rf"(?<![\d.,])({_NUMBER}) ?({alternatives(*_UNITS)})(?![A-Za-z/])", lambda found: _amount(found[1]) + _UNITS[found[2]]),
    _rule(r"(?<![A-Za-z\d.])([2-6])[Gg](?![A-Za-z\d])", lambda found: f"{_DIGITS[int(found[1])]}G"),
    _rule(r"\+\d[\d ()-]*\d|(?<![\w.,-])\d{3,}(?:[ -]\d{3,})+(?![\w-])", lambda found: _dialled(found[0])),
    _rule(r"第 ?(\d+)", lambda found: f"第{number(found[1])}"),
    _rule(r"[A-Za-z][A-Za-z\d]*(?:-\w*\d\w*)+|[A-Za-z]+\d[A-Za-z\d]*|\d+[A-Za-z][A-Za-z\d]*", _mixed),
    _rule(r"(?<![\d/.])(\d{1,3})/(\d{1,3})(?![\d/])", lambda found: f"{number(found[2])}分之{number(found[1])}"),
    _rule(r"(\d)\s?[-–—~～]\s?(?=\d)", lambda found: f"{found[1]}到"),
    _rule(r"(?<![\w.])[-−](?=\d)", lambda _: "负"),
    _rule(rf"(?<![\d.,])2(?= ?(?:{_MEASURES}))", lambda _: "两"),
    _rule(r"(?<![\d.])\d+(?:\.\d+){2,}", lambda found: "点".join(number(part) for part in found[0].split("."))),
    _rule(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+\.\d+(?!\.?\d)", lambda found: number(found[0])),
    _rule(r"(?<=\d)[.:](?=\d)", lambda _: "点"),
    _rule(rf"(?<!\d)\d+(?= ?(?:{_MEASURES}))", lambda found: number(found[0])),
    _rule(r"\d+", lambda found: _dialled(found[0]) if len(found[0]) > 4 and not found[0].endswith("000") else number(found[0])),
)

RULES = Rules(
    _STEPS,
    _rule(r"[%&$£€¥￥+=°@℃]", lambda found: _SIGNS[found[0]]),
    lambda said: re.sub(r"(?<=[\u3400-\u9fff]) +(?=[\u3400-\u9fffA-Z])", "", said),
)
