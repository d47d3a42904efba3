"""How something is said, whatever voice says it: how fast, and with what pauses. Words are the dialogue's matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manner:
    """`stretch` over 1 is slower than a voice's own pace; no pause inside a phrase is longer than `pause_ms`."""

    stretch: float = 1.0
    pause_ms: int = 160


NEUTRAL = Manner()
MANNERS: Mapping[str, Manner] = {
    "neutral": NEUTRAL,
    "warm": Manner(1.04, 200),
    "brief": Manner(0.94, 120),
    "calming": Manner(1.12, 280),
}
"""By style. A little is enough: a caller hears 4 % as another mood and 20 % as another speaker."""
