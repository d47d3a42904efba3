"""What a caller wants of his own account, what is still asked of him for it, and what the look-ups found: values only.

A secret never stands here: digits stay in `voicebot.lookups`, which tells the policy no more than whether they were right.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from voicebot.customers.directory import Account, Place, PlanKind


class Topic(StrEnum):
    """What can be told from the account. The names are those of the intents that ask for it."""

    BILL = "bill"
    DUE = "due"
    PLAN = "plan"
    DATA = "data"
    OUTAGE = "outage"
    TICKET = "ticket"


Asking: TypeAlias = Literal["", "number", "pin", "plan", "area"]
"""What the bot has asked for and not got yet."""
PROTECTED: frozenset[Asking] = frozenset({"number", "pin"})
"""Answers that are neither recorded nor kept."""


@dataclass(frozen=True, slots=True)
class Want:
    """One thing wanted. `back`: bills before the newest; `month`: 1–12 when it was named; `words`: in which a place may be named."""

    topic: Topic
    back: int = 0
    month: int | None = None
    plan: PlanKind | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Errand:
    """What the call knows of it. `customer` is only a guess from the caller's number until `verified`."""

    wants: tuple[Want, ...] = ()
    last: Want | None = None
    """What was told last: a correction is about this."""
    asking: Asking = ""
    customer: str = ""
    verified: bool = False
    tries: int = 0
    """Wrong PINs so far."""
    misses: int = 0
    """Answers to the question asked now that were none."""
    offer: str = ""
    """The KB entry whose offer fits this account."""
    offered: bool = False

    @property
    def protected(self) -> bool:
        """Whether what comes next is neither recorded nor kept."""
        return self.asking in PROTECTED


NONE = Errand()

# What the shell found out.


@dataclass(frozen=True, slots=True)
class Known:
    """Whose number this is; "" for nobody's."""

    customer: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of the digits. Not `whole`: too few or too many to be tried."""

    right: bool
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Fetched:
    """The account of a verified caller, and the KB entry to be offered with it, if one fits."""

    account: Account
    offer: str = ""


@dataclass(frozen=True, slots=True)
class Located:
    """The place named in the caller's words, None for none."""

    place: Place | None


@dataclass(frozen=True, slots=True)
class LookupFailed:
    """The directory is not there, too slow or answers nonsense."""

    why: str


Found: TypeAlias = Known | Checked | Fetched | Located | LookupFailed
