"""The desk's own words in the languages of its people: `words/LANGUAGE.toml`, one flat table each. A test holds the tables to the same keys."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable
from pathlib import Path

from voicebot.dialogue.decisions import Why
from voicebot.handover import written

FOLDER = Path(__file__).parent / "words"
LANGUAGES = ("en", "zh")
Say = Callable[..., str]


@functools.cache
def table(language: str) -> dict[str, str]:
    """Every word of one language by its key, such as `agent.ready`."""
    read = tomllib.loads((FOLDER / f"{language if language in LANGUAGES else 'en'}.toml").read_text(encoding="utf-8"))
    return {f"{section}.{key}": text for section, words in read.items() for key, text in words.items()}


def saying(language: str) -> Say:
    """A function that gives the words for a key, its {gaps} filled. Raises KeyError for a key that is in no table."""

    def say(key: str, **gaps: object) -> str:
        return table(language)[key].format(**gaps)

    return say


def why(reason: str, language: str) -> str:
    """Why a call went to a person, in the words of `language`; a reason that no table knows stays as it stands in the journal."""
    known = next((each.name for each in Why if each.value == reason), "")
    return str(written.table(language)["reasons"].get(known, reason))
