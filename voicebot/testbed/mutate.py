"""Makes another JSON text out of one: well formed, so that it passes the outer parser, and odd within. Never looks at what it means."""

from __future__ import annotations

import json
import random
from typing import Any

ODD: tuple[Any, ...] = (None, True, 0, -1, 2**63, 1e308, "", "\x00", "a" * 300, "机器人", [], {}, [[[]]], {"id": "1"}, "RESTResponse", "StasisStart")


def json_mutated(text: bytes, seed: int) -> bytes | None:
    """`text` with one to three places replaced, removed or doubled; None when it is not JSON."""
    chance = random.Random(seed)
    try:
        value = json.loads(text)
        for _ in range(chance.randint(1, 3)):
            value = _changed(value, chance)
        return json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return None


def _changed(value: Any, chance: random.Random) -> Any:
    inner = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    if not inner or chance.random() < 1 / (1 + len(inner)):
        return chance.choice(ODD)
    key, held = chance.choice(inner)
    if isinstance(value, list):
        return [*value[:key], *_one_changed(held, chance), *value[key + 1 :]]
    rest = {name: other for name, other in value.items() if name != key}
    return rest if chance.random() < 0.2 else {**rest, key: _changed(held, chance)}


def _one_changed(held: Any, chance: random.Random) -> list[Any]:
    return chance.choice(([], [held, held], [_changed(held, chance)]))
