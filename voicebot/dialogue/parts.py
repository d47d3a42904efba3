"""Two questions in one breath: where a sentence may be cut into its parts. Whether each part is a question the matcher says. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_CUTS: Mapping[str, re.Pattern[str]] = {
    "en": re.compile(
        r"\s*\b(?:and also|and then|and|also|plus|as well as)\b\s*"
        r"|(?<=\w)\s+(?=(?:how (?:much|many|do|can)|when (?:is|does|will)|why (?:is|does))\b)",
        re.IGNORECASE,
    ),
    "zh": re.compile(r"[，。？！；,?!;]|另外|还有就是|还有(?=[^多])|以及|顺便|同时"),
}
_ASKS = re.compile(r"(?:how|what|when|why|where|which|who|is|are|can|do|does)\b", re.IGNORECASE)
"""Without an "and", which is easily misheard, a question only follows another: "this is broken how do I" is one."""
_LEAST: Mapping[str, int] = {"en": 2, "zh": 3}
"""Words, or Mandarin characters, that a part has at least."""


def parts(text: str, language: str) -> tuple[str, ...]:
    """The two parts of `text`, at the first cut that leaves enough on both sides; () when there is none."""
    cut = _CUTS.get(language)
    for found in cut.finditer(text) if cut else ():
        sides = text[: found.start()].strip(), text[found.end() :].strip()
        if (found[0].strip() or _ASKS.match(text.strip())) and min(_length(side, language) for side in sides) >= _LEAST[language]:
            return sides
    return ()


def _length(text: str, language: str) -> int:
    return len(text) if language == "zh" else len(text.split())
