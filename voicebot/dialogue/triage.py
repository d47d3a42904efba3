"""Each turn classed by kind and complexity, from the table in triage.toml: a routine question, an account, a complaint, a danger, a person wanted …

Pure but for reading the table once. It classes what intents and matches say; it never reads the words itself and decides nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from voicebot.dialogue.errand import Topic
from voicebot.dialogue.intents import Intent
from voicebot.errors import KnowledgeError

TABLE = Path(__file__).parent / "triage.toml"
Complexity = Literal["simple", "complex"]
_KEYS = {"kind", "intents", "entries", "why", "reason", "complexity"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    kind: str
    intents: tuple[Intent, ...] = ()
    entries: frozenset[str] = frozenset()
    why: str = ""
    reason: str = ""
    complexity: Complexity = "simple"


@dataclass(frozen=True, slots=True)
class Triaged:
    """The class of one turn. With `why`, a person takes over."""

    kind: str
    complexity: Complexity = "simple"
    why: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """All rules in their order, and the KB entries that an account answers better."""

    rules: tuple[Rule, ...]
    topics: Mapping[str, Topic]

    def of(self, intents: frozenset[Intent], entry_id: str | None) -> Triaged:
        """The class of a turn with these intents, and the entry that surely fits it, None for none."""
        for rule in self.rules:
            intent = next((intent for intent in rule.intents if intent in intents), None)
            if intent or entry_id in rule.entries:
                return Triaged(rule.kind, rule.complexity, rule.why, rule.reason.replace("{intent}", intent or ""))
        return Triaged("routine" if entry_id else "out of scope")


@cache
def load(path: Path = TABLE) -> Table:
    """Read the table. Raises KnowledgeError naming the rule that is wrong."""
    try:
        file = tomllib.loads(path.read_text(encoding="utf-8"))
        return Table(tuple(_rule(rule) for rule in file["rule"]), {entry: Topic(topic) for entry, topic in file.get("topics", {}).items()})
    except (tomllib.TOMLDecodeError, OSError, KeyError, ValueError) as error:
        raise KnowledgeError(f"{path}: the triage table cannot be used: {error}") from None


def _rule(rule: Mapping[str, Any]) -> Rule:
    if unknown := rule.keys() - _KEYS:
        raise ValueError(f"unknown key '{min(unknown)}' in rule '{rule.get('kind', '')}'; known: {', '.join(sorted(_KEYS))}")
    intents = tuple(Intent(name) for name in rule.get("intents", ()))
    return Rule(**{**rule, "intents": intents, "entries": frozenset(rule.get("entries", ()))})
