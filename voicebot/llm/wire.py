"""What is said between the controller and the process of a local language model: JSON, one value a line, over a socket.

No more than one line is ever waited for, and none may be longer than LONGEST_BYTES.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

LONGEST_BYTES = 1 << 18


class Generate(msgspec.Struct, frozen=True, tag="generate"):
    """Answer `messages`, each a role and a text."""

    id: int
    messages: tuple[tuple[str, str], ...]
    longest_tokens: int
    schema: Mapping[str, Any] | None = None


class Drop(msgspec.Struct, frozen=True, tag="drop"):
    """Nobody wants that answer any more."""

    id: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The model is loaded and has answered once."""


class Piece(msgspec.Struct, frozen=True, tag="piece"):
    """A part of an answer."""

    id: int
    text: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The answer is over: finished, dropped, or failed when it says `why`. Each Generate gets exactly one."""

    id: int
    why: str = ""


class Unfit(msgspec.Struct, frozen=True, tag="unfit"):
    """The model cannot be used, and another try would not help."""

    why: str


ToProcess = Generate | Drop
FromProcess = Ready | Piece | Done | Unfit

_encoder = msgspec.json.Encoder()
_asked = msgspec.json.Decoder(ToProcess)
_answered = msgspec.json.Decoder(FromProcess)


def line(what: ToProcess | FromProcess) -> bytes:
    return _encoder.encode(what) + b"\n"


def asked(line: bytes) -> ToProcess:
    """Raises msgspec.MsgspecError for anything else."""
    what: ToProcess = _asked.decode(line)
    return what


def answered(line: bytes) -> FromProcess:
    """Raises msgspec.MsgspecError for anything else."""
    what: FromProcess = _answered.decode(line)
    return what
