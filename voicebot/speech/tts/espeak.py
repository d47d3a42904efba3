"""Every other language by espeak-ng (https://github.com/espeak-ng/espeak-ng), run as a program of its own because it is GPL-3.

Mandarin goes in as numbered pinyin: read from characters, espeak-ng 1.51 says 重置, 了解 and 地方 with the wrong syllables.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import cache

from voicebot.speech.tts.manner import NEUTRAL
from voicebot.speech.tts.program import Program, plain
from voicebot.speech.tts.shaping import shape

ESPEAK = Program("espeak-ng", package="espeak-ng", out_option="-w")

VOICES = {"en": "en-gb", "zh": "cmn-latn-pinyin"}
"""Languages whose espeak-ng voice is not named like the language."""

READINGS = {
    "重置": "chóng zhì",
    "重启": "chóng qǐ",
    "重设": "chóng shè",
    "重听": "chóng tīng",
    "重发": "chóng fā",
    "重拨": "chóng bō",
    "还款": "huán kuǎn",
    "还钱": "huán qián",
}
"""Words that pypinyin's own dictionary lacks or reads otherwise than a caller expects."""

_LETTER_NAMES = """ei1 bi4 xi1 di4 yi4 ai2-fu5 ji4 ei1-qu1 ai4 jie2 kei1 ai2-lei5 ai2-mu5
en1 ou1 pi4 kou4 a4-er5 ai2-si5 ti4 you1 wei1 da2-bu5-liu5 ai2-ke5-si5 wai4 zei4"""
LETTERS = dict(zip("abcdefghijklmnopqrstuvwxyz", _LETTER_NAMES.split(), strict=True))
"""How Mandarin speakers call them: SIM is said in letters, by the same voice."""
WORDS = {"wifi": "wai1 fai1", "wi-fi": "wai1 fai1", "app": "ei1 pi4 pi4", "esim": "yi4 xi1 mu3", "sim": "xi1 mu3", "pin": "pin1", "puk": "pu1 ke4"}
_SPELLED = re.compile(r"[Ww]i-?[Ff]i|(?<![A-Za-z])(?:[A-Z]+|[A-Za-z]{1,4})(?![A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class Espeak:
    """One espeak-ng voice. `rate_wpm` is its own measure of words a minute (175 by default: four Mandarin syllables a second)."""

    language: str
    rate_wpm: int = 260
    program: Program = ESPEAK

    @property
    def name(self) -> str:
        """Engine, version and settings: it changes whenever the sound would."""
        return f"espeak-ng {self.program.version()} {self._voice} {self.rate_wpm} {NEUTRAL.pause_ms}"

    @property
    def _voice(self) -> str:
        return VOICES.get(self.language, self.language)

    async def render(self, text: str) -> bytes:
        """Speak `text`; pcm shaped as `shaping.shape` says. Raises EngineError."""
        words = plain(text).replace("[[", "[ [")  # two brackets would start phoneme notation
        readable = await asyncio.to_thread(pinyin, words) if self.language == "zh" else words
        return shape(*await self.program.speak(("-v", self._voice, "-s", str(self.rate_wpm)), readable))


def pinyin(text: str) -> str:
    """Characters as numbered pinyin syllables, tone 5 for neutral, and short Latin words as letters; the rest stays. 您好，我 → nin2 hao3 ， wo3"""
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415  a fifth of a second at start, where nearly every phrase is in the cache

    _learn_readings()
    return " ".join(lazy_pinyin(_SPELLED.sub(_letters, text), style=Style.TONE3, neutral_tone_with_five=True, tone_sandhi=True))


def _letters(found: re.Match[str]) -> str:
    word = found[0].lower()
    return WORDS.get(word) or " ".join(LETTERS[letter].replace("-", " ") for letter in word)


@cache
def _learn_readings() -> None:
    from pypinyin import load_phrases_dict  # noqa: PLC0415

    load_phrases_dict({word: [[syllable] for syllable in reading.split()] for word, reading in READINGS.items()})
