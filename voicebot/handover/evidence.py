"""The reasons why a caller counts as angry, in few words and in the agent's language. Pure.

They come from the journal in English, as `voicebot.emotion` words them; one that is not known here is told as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_FIGURE = re.compile(r": ([+-][\d.]+) (.*)$")
"""A voice's reason ends in how far it lies from what was expected, and its unit."""
MANDARIN: Final[Mapping[str, str]] = {
    r"said '(.*)'": r"说“\1”",
    r"louder than expected": "比预期大声",
    r"quieter than expected": "比预期小声",
    r"more stressed": "重音更多",
    r"more even": "语气更平",
    r"voice higher": "声调偏高",
    r"voice lower": "声调偏低",
    r"voice rises higher": "声调升高",
    r"voice stays lower": "声调压低",
    r"more vocal effort": "用力说话",
    r"less vocal effort": "说话无力",
    r"sharper voice": "声音尖锐",
    r"softer voice": "声音柔和",
    r"brighter voice": "声音更亮",
    r"darker voice": "声音更暗",
    r"mouth opened wider": "张口更大",
    r"mouth opened less": "张口更小",
    r"crisper articulation": "咬字更重",
    r"softer articulation": "咬字更轻",
    r"softer phonation": "发声更轻",
    r"voice rings through": "声音洪亮",
    r"faster speech": "语速更快",
    r"slower speech": "语速更慢",
    r"harder voice": "声音更硬",
    r"softer timbre": "音色更柔",
    r"interrupts": "打断回答",
    r"shouts over the bot": "大声打断",
    r"says the same again": "重复同样的话",
    r"says the same for the third time": "第三次说同样的话",
    r"says the same for the fourth time": "第四次说同样的话",
    r"says the same once more": "又说同样的话",
    r"angrier for (\d+) turns": r"连续\1次越来越生气",
    r"(\d+) turns without an answer": r"\1次没有得到答复",
}
"""What `emotion` says, as a pattern, and the same in Mandarin."""
MANDARIN_UNITS: Final[Mapping[str, str]] = {
    "dB": "分贝",
    "semitones": "半音",
    "Hz": "赫兹",
    "log units a frame": "对数单位每帧",
    "syllables a second": "音节每秒",
    "spreads": "倍离散度",
}
_LANGUAGES: Final[Mapping[str, Mapping[str, str]]] = {"zh": MANDARIN}
_UNITS: Final[Mapping[str, Mapping[str, str]]] = {"zh": MANDARIN_UNITS}


def short(reason: str, language: str) -> str:
    """`reason` without its figure: "louder than expected: +6 dB" is "louder than expected"."""
    words = _FIGURE.sub("", reason)
    for pattern, said in _LANGUAGES.get(language, {}).items():
        if found := re.fullmatch(pattern, words):
            return found.expand(said)
    return words


def whole(reason: str, language: str) -> str:
    """`reason` in `language` with its figure: "louder than expected: +6 dB" is "比预期大声：+6 分贝". What is not known stays as it is."""
    words, figure = short(reason, language), _FIGURE.search(reason)
    units = _UNITS.get(language)
    if not units or words == _FIGURE.sub("", reason):
        return reason
    return f"{words}：{figure[1]} {units.get(figure[2], figure[2])}" if figure else words
