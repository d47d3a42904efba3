"""A language model as the rest of voicebot sees it: messages in, text out in pieces, until it ends, fails, is late or is no longer wanted.

What it says is text and nothing else; who asks must check it. Nothing here knows what a call is, and nothing here logs what is asked or said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from voicebot.errors import EngineError

LONGEST_CHARS = 8_000
"""An answer that is longer has gone astray, whatever was asked."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt. Text that is not ours belongs into a `user` message, marked as data."""

    role: Literal["system", "user"]
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to a model. With a JSON `schema` the answer is JSON of that form, as far as the engine can hold itself to it."""

    messages: tuple[Message, ...]
    deadline_s: float
    schema: Mapping[str, Any] | None = None
    longest_tokens: int = 200


class LanguageModel(Protocol):
    """One engine that answers. `name` is for the journal."""

    @property
    def name(self) -> str: ...

    def pieces(self, ask: Ask) -> AsyncGenerator[str, None]:
        """The answer as it is made. Raises EngineError when the engine fails, or is not through at the deadline. Closing the generator, or
        cancelling who waits in it, cancels: no piece comes after that, and the engine is free again within 100 ms."""
        ...


async def whole(model: LanguageModel, ask: Ask) -> str:
    """The answer as one text. Raises EngineError."""
    async with aclosing(model.pieces(ask)) as pieces:
        return "".join([piece async for piece in pieces])


async def in_time(what: Awaitable[T], until_s: float, name: str) -> T:
    """`what`, if it comes before `until_s` of the loop's clock. Raises EngineError naming the engine."""
    try:
        async with asyncio.timeout_at(until_s):
            return await what
    except TimeoutError:
        raise EngineError(f"{name}: the language model was not through at its deadline") from None
