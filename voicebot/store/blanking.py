"""Events without what is personal in them: the line stays, its words, numbers and scores go. Pure.

The record of a call can still be read, counted and checked afterwards; nobody can tell from it who called or what was said.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from voicebot.store.events import AngerScored, CallStarted, DigitPressed, Event, Unknown


class Kept(StrEnum):
    """The classes of personal data, each with a term of its own."""

    AUDIO = "audio"
    WORDS = "words"
    SCORES = "scores"
    NUMBER = "number"


_NEUTRAL = frozenset(
    ("language", "dnis", "channel", "kind", "outcome", "by", "decision", "entry_id", "queue", "agent", "where", "engine", "knowledge_version")
)
"""Fields that say nothing of a person."""
_EMPTY: dict[type, Any] = {str: "", dict: {}, tuple: (), float: 0.0}


def without(event: Event, kept: Kept) -> Event:
    """`event` without what is of class `kept`; the very same where there is nothing of it."""
    return _WITHOUT[kept](event)


def _without_number(event: Event) -> Event:
    return msgspec.structs.replace(event, ani="") if isinstance(event, CallStarted) else event


def _without_words(event: Event) -> Event:
    if isinstance(event, AngerScored):
        return msgspec.structs.replace(event, evidence=(), state={})
    if isinstance(event, DigitPressed):
        return DigitPressed("x")
    if isinstance(event, CallStarted | Unknown):
        return event
    return _emptied(event, lambda name, value: isinstance(value, dict) or (isinstance(value, str) and name not in _NEUTRAL))


def _without_scores(event: Event) -> Event:
    return _emptied(event, lambda _name, _value: True) if isinstance(event, AngerScored) else event


def _emptied(event: Event, personal: Callable[[str, Any], bool]) -> Event:
    fields = {field.name: getattr(event, field.name) for field in msgspec.structs.fields(event)}
    gone = {name: _EMPTY[type(value)] for name, value in fields.items() if type(value) in _EMPTY and personal(name, value)}
    return msgspec.structs.replace(event, **gone) if gone else event


_WITHOUT: dict[Kept, Callable[[Event], Event]] = {
    Kept.AUDIO: lambda event: event,
    Kept.WORDS: _without_words,
    Kept.SCORES: _without_scores,
    Kept.NUMBER: _without_number,
}
