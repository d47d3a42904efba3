"""The state of a call as plain values for the journal, and back: whoever takes the call over decides on as if nothing had happened.

It names no field of `State`: one that is added is kept without a change here. Pure.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from voicebot.dialogue.decisions import State

_STATE = TypeAdapter(State)


def snapshot(state: State) -> dict[str, Any]:
    """`state` as JSON can hold it."""
    plain: dict[str, Any] = _STATE.dump_python(state, mode="json")
    return plain


def restored(plain: dict[str, Any]) -> State | None:
    """What `snapshot` gave; None for what this version cannot read, and for nothing."""
    try:
        return _STATE.validate_python(plain) if plain else None
    except ValidationError:
        return None
