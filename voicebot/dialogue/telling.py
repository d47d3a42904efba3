"""The sentences of the account dialogue, from one TOML file per language, and their gaps filled with what stands in the account.

A file is whole or refused at load. What fills a gap is a figure or a name of an item, area or ticket; nothing a caller said is ever put there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from voicebot.errors import KnowledgeError

FOLDER: Final = Path(__file__).resolve().parent.parent / "demo" / "accounts"
SECTIONS: Final = ("sentences", "items", "tickets", "words", "areas")
GAPS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("bill_is", "bill_same", "bill_paid", "plan_mobile", "plan_home", "data_left", "outage"), 2),
    **dict.fromkeys(("bill_lower", "bill_due", "outage_until", "ticket_visit"), 3),
    **dict.fromkeys(("ticket_open", "ticket_in_progress", "ticket_solved"), 2),
    **dict.fromkeys(("plan_mobile_unlimited", "plan_home_unlimited", "data_unlimited", "no_outage", "sorry_about"), 1),
    "bill_higher": 4,
}
"""How many gaps a sentence has; one that is not named has none."""
PLAIN: Final = (
    *("ask_number", "ask_pin", "ask_pin_again", "ask_number_again", "ask_whole", "ask_area", "ask_area_again", "ask_plan", "back_to"),
    *("one_moment", "still_looking", "cannot_look", "let_be", "only_yours", "no_bill", "no_data", "no_ticket", "sorry", "goodbye_plain"),
    *("please_calm", "slower", "offer_noted", "offer_declined", "survey", "survey_thanks"),
)
_SIGN = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_SECTION = {"item": "items", "ticket": "tickets", "area": "areas"}


@dataclass(frozen=True, slots=True)
class Telling:
    """The sentences of one language and the words that fill them."""

    language: str
    tables: Mapping[str, Mapping[str, str]]

    def fill(self, name: str, facts: tuple[str, ...] = ()) -> str:
        """The sentence called `name` with `facts` in its gaps. A wrong name or number of facts is a KeyError or ValueError: our fault."""
        sentence = self.tables["sentences"][name]
        if len(facts) != GAPS.get(name, 0):
            raise ValueError(f"sentence '{name}' has {GAPS.get(name, 0)} gaps, given {len(facts)}")
        said = [self._named(fact) for fact in facts]
        return _SIGN.sub(lambda sign: said[int(sign[1]) - 1], sentence)

    def fixed(self) -> tuple[str, ...]:
        """Every sentence without a gap: what can be rendered before the first call."""
        return tuple(self.tables["sentences"][name] for name in PLAIN)

    def _named(self, fact: str) -> str:
        """A fact with the names in it as this language says them."""
        return _SIGN.sub(lambda sign: self._word(sign[1], sign[2] or ""), fact)

    def _word(self, kind: str, name: str) -> str:
        if kind in _SECTION:
            names = self.tables[_SECTION[kind]]
            return names.get(name) or names.get("other", name)
        return self.tables["words"].get(kind, "")


@cache
def load(language: str, folder: Path = FOLDER) -> Telling:
    """The sentences of `language`. Raises KnowledgeError with every fault of the file, one a line."""
    path = folder / f"{language}.toml"
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KnowledgeError(f"{path}: no account sentences for language {language!r}; translate en.toml beside it into this file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise KnowledgeError(f"{path}: cannot be used: {error}") from None
    if faults := _faults(tables):
        raise KnowledgeError("\n".join(f"{path}: {fault}" for fault in faults))
    return Telling(language, tables)


def _faults(tables: Mapping[str, Mapping[str, str]]) -> list[str]:
    missing = [f"section [{section}] is missing; add it" for section in SECTIONS if section not in tables]
    if missing:
        return missing
    sentences = tables["sentences"]
    wanted = (*PLAIN, *GAPS)
    faults = [f"sentence '{name}' is missing; add it" for name in wanted if name not in sentences]
    faults += [f"unknown sentence '{name}'; remove it" for name in sentences if name not in wanted]
    for name in filter(sentences.__contains__, wanted):
        gaps = [f"{{{place}}}" for place in range(1, GAPS.get(name, 0) + 1)]
        if sorted(sign[0] for sign in _SIGN.finditer(sentences[name])) != gaps:
            faults.append(f"sentence '{name}' must hold {', '.join(gaps) or 'no gap'}, each once")
    return faults
