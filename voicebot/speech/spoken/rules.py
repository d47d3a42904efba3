"""How a language's rules are applied: one after the other, each to what those before it have left. It knows no language."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class Rules:
    """`steps` in their order. `last` says whatever single digit or sign they leave. `tidy` sets the spaces right where something was changed."""

    steps: tuple[tuple[re.Pattern[str], Say], ...]
    last: tuple[re.Pattern[str], Say]
    tidy: Callable[[str], str]


def applied(rules: Rules, text: str) -> str:
    """`text` after all rules; the very same text where none of them finds anything."""
    said = text
    for pattern, say in (*rules.steps, rules.last):
        said = pattern.sub(say, said)
    return text if said == text else rules.tidy(said)


def alternatives(*names: str) -> str:
    """A pattern for one of `names`, the longest first."""
    return "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
