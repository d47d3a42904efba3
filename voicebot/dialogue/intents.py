"""What a caller wants apart from a question: a person, help in danger, an end, a repetition, a yes or no.

The wordings stand in intents/<language>.toml and are compiled once; this module never guesses from anything but words, and never decides what to do.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from voicebot.errors import KnowledgeError

FOLDER = Path(__file__).parent / "intents"
LONGEST_COURTESY = 80
"""Characters up to which an utterance may be nothing but courtesies; a longer one is a sentence with something to say."""

_KEYS = {"anywhere", "only", "never"}


class Intent(StrEnum):
    """The names are the section names of the language files."""

    PERSON = "person"
    EMERGENCY = "emergency"
    SELF_HARM = "self_harm"
    FRAUD = "fraud"
    VULNERABLE = "vulnerable"
    COMPLAINT = "complaint"
    COMPLEX = "complex"
    ABUSE = "abuse"
    OPT_OUT_ANALYSIS = "opt_out_analysis"
    OPT_OUT_RECORDING = "opt_out_recording"
    ABOUT_BOT = "about_bot"
    MENU = "menu"
    SLOWER = "slower"
    REPEAT = "repeat"
    ENGLISH = "english"
    MANDARIN = "mandarin"
    URGENT = "urgent"
    BILL = "bill"
    DUE = "due"
    PLAN = "plan"
    DATA = "data"
    OUTAGE = "outage"
    TICKET = "ticket"
    OTHERS = "others"
    NEVER_MIND = "never_mind"
    FORGOT = "forgot"
    WAIT = "wait"
    FIRST = "first"
    SECOND = "second"
    DONE = "done"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    YES = "yes"
    NO = "no"
    GREETING = "greeting"


DANGER = (Intent.EMERGENCY, Intent.SELF_HARM, Intent.FRAUD, Intent.VULNERABLE)
"""Most urgent first."""


@dataclass(frozen=True, slots=True)
class Intents:
    """The compiled wordings of one language."""

    spaced: bool
    rewrites: tuple[tuple[re.Pattern[str], str], ...]
    never: Mapping[Intent, re.Pattern[str]]
    anywhere: Mapping[Intent, re.Pattern[str]]
    only: Mapping[Intent, re.Pattern[str]]
    courtesy: re.Pattern[str]
    """Matches what consists of `only` phrases: the quick look before the careful one."""

    @staticmethod
    def load(language: str) -> Intents:
        """The wordings for `language` ("en", "zh"). Raises KnowledgeError when there is no file for it or the file is wrong."""
        return _load(FOLDER / f"{language}.toml")

    def of(self, text: str) -> frozenset[Intent]:
        """Every intent in one utterance as the recogniser wrote it; empty when it can only be a question. Costs some tens of microseconds."""
        plain = self._plain(text)
        found = {intent for intent, pattern in self.anywhere.items() if pattern.search(self._without_lookalikes(intent, plain))}
        return frozenset(found | self._courtesies(plain))

    def _plain(self, text: str) -> str:
        plain = _words(text, self.spaced)
        for pattern, replacement in self.rewrites:
            plain = pattern.sub(replacement, plain)
        return plain

    def _without_lookalikes(self, intent: Intent, plain: str) -> str:
        pattern = self.never.get(intent)
        return pattern.sub("\n ", plain) if pattern else plain

    def _courtesies(self, plain: str) -> set[Intent]:
        """Courtesies count only when nothing else was said: "thanks, and how do I …" is a question."""
        if len(plain) > LONGEST_COURTESY or not self.courtesy.fullmatch(plain):
            return set()
        return {intent for intent in self._tiles(plain) or () if not (intent in self.never and self.never[intent].search(plain))}

    def _tiles(self, plain: str) -> set[Intent] | None:
        """The intents of the longest phrases that make up all of `plain`, left to right: 不是 is one no, never a 不 and a 是."""
        if not plain:
            return set()
        ends = (word.end() for word in re.finditer(r"\S+ " if self.spaced else r"\S", plain))
        for end in sorted(ends, reverse=True):
            here = {intent for intent, pattern in self.only.items() if pattern.fullmatch(plain, 0, end)}
            rest = self._tiles(plain[end:]) if here else None
            if rest is not None:
                return here | rest
        return None


@cache
def _load(path: Path) -> Intents:
    try:
        return compiled(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml")))
        raise KnowledgeError(f"{path}: no wordings for language '{path.stem}'; write this file, or choose one of: {known}") from None
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"{path}: not valid TOML: {error}") from None


def compiled(file: Mapping[str, Any], source: str) -> Intents:
    """Compile the content of one language file. Raises KnowledgeError naming `source` and the wrong phrase or section."""
    sections = {name: section for name, section in file.items() if name not in {"spaced", "fillers", "same", "sets"}}
    unknown = sections.keys() - set(Intent)
    if unknown:
        raise KnowledgeError(f"{source}: unknown section [{min(unknown)}]; known: {', '.join(Intent)}")
    for name, section in sections.items():
        wrong = section.keys() - _KEYS
        if wrong:
            raise KnowledgeError(f"{source}: [{name}] has an unknown key '{min(wrong)}'; known: {', '.join(sorted(_KEYS))}")
    grammar = _Grammar(source, bool(file["spaced"]), file.get("sets", {}))
    same = [(grammar.pattern([said]), _words(meant, grammar.spaced)) for said, meant in file.get("same", {}).items()]
    fillers = [(grammar.pattern(file["fillers"]), "")] if file.get("fillers") else []
    return Intents(
        spaced=grammar.spaced,
        rewrites=tuple(same + fillers),
        never=_patterns(grammar, sections, "never"),
        anywhere=_patterns(grammar, sections, "anywhere"),
        only=_patterns(grammar, sections, "only"),
        courtesy=grammar.pattern([phrase for section in sections.values() for phrase in section.get("only", [])], "+"),
    )


def _patterns(grammar: _Grammar, sections: Mapping[str, Any], key: str) -> dict[Intent, re.Pattern[str]]:
    return {Intent(name): grammar.pattern(section[key]) for name, section in sections.items() if section.get(key)}


@dataclass(frozen=True, slots=True)
class _Grammar:
    """Phrases to regular expressions. (a|b) one of, [a|b] may be missing, <name> a set, ... up to three words, a final "." the end."""

    source: str
    spaced: bool
    sets: Mapping[str, str]

    def pattern(self, phrases: Iterable[str], times: str = "") -> re.Pattern[str]:
        start = "(?<![^ \n])" if self.spaced else ""
        return re.compile(f"{start}(?:{'|'.join(self._phrase(phrase) for phrase in phrases)}){times}")

    def _phrase(self, phrase: str) -> str:
        expression = "".join(self._token(token) for token in re.findall(r"[()\[\]|]|<\w+>|\.{3}|\.|[^\s()\[\]|<>.]+", phrase))
        try:
            re.compile(expression)
        except re.error:
            raise KnowledgeError(f"{self.source}: phrase '{phrase}' has a bracket without its partner") from None
        return expression

    def _token(self, token: str) -> str:
        if token.startswith("<"):
            return f"(?:{self._set(token[1:-1])})"
        gap = r"(?:\S+ ){0,3}" if self.spaced else ".{0,6}"
        signs = {"(": "(?:", ")": ")", "[": "(?:", "]": ")?", "|": "|", "...": gap, ".": "$"}
        return signs.get(token) or re.escape(_words(token, self.spaced)).replace(r"\ ", " ")

    def _set(self, name: str) -> str:
        if name not in self.sets:
            raise KnowledgeError(f"{self.source}: no set <{name}>; the sets are: {', '.join(self.sets)}")
        return self._phrase(self.sets[name])


def _words(text: str, spaced: bool) -> str:
    """Lower case without punctuation; words each followed by one space, or, in an unspaced script, no space at all."""
    plain = re.sub(r"['’]", "", unicodedata.normalize("NFKC", text).lower())
    words = re.findall(r"\w+", plain.replace("_", " "))
    return "".join(f"{word} " for word in words) if spaced else "".join(words)
