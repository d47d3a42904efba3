"""The port to the operator's customer data: what the bot can ask of it, and the frozen values it answers with.

No adapter changes anything there, and none hands out a PIN: it says whether one is right. Money is in cents, data in MB.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol, TypeAlias

PlanKind: TypeAlias = Literal["mobile", "home"]
ItemKind: TypeAlias = Literal["mobile", "home", "roaming", "calls_abroad", "data_pack", "premium_sms", "late_fee", "part_month", "discount"]
TicketKind: TypeAlias = Literal["repair", "complaint", "order", "refund"]
TicketStatus: TypeAlias = Literal["open", "in_progress", "visit_booked", "solved"]
DEADLINE_S = 4.0
"""No caller waits longer for an answer of the directory: then he is told that it cannot be reached."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who a number belongs to. `area` is the place of the customer's connection as callers name it."""

    id: str
    language: str
    area: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One contract. `data_mb` is the monthly allowance, None for no limit; `until` is the end of its term, None when it can end any month."""

    id: str
    kind: PlanKind
    price_cents: int
    data_mb: int | None
    until: date | None


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a bill; a discount is negative."""

    kind: ItemKind
    cents: int


@dataclass(frozen=True, slots=True)
class Bill:
    """One month's bill. `month` is the first day of the month it is for."""

    month: date
    due: date
    paid: bool
    items: tuple[Item, ...]

    @property
    def cents(self) -> int:
        """What is to be paid in all."""
        return sum(item.cents for item in self.items)


@dataclass(frozen=True, slots=True)
class Usage:
    """Data used on one plan in one month so far."""

    plan_id: str
    month: date
    used_mb: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """Something the operator is working on for the customer; `visit` is when a technician comes."""

    id: str
    kind: TicketKind
    status: TicketStatus
    opened: date
    visit: date | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """All that may be told to a verified caller. Bills, usages and tickets: newest first."""

    customer: Customer
    plans: tuple[Plan, ...]
    bills: tuple[Bill, ...]
    usages: tuple[Usage, ...]
    tickets: tuple[Ticket, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """A known fault in one area; `until` is when it should be over, None while nobody knows. No customer's data."""

    area: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """An area that was named, and the outage in it, if there is one."""

    area: str
    outage: Outage | None


class Directory(Protocol):
    """What the bot asks. Each may raise DirectoryError; each takes `DEADLINE_S` at most."""

    async def find(self, number: str) -> Customer | None:
        """The customer with this telephone or customer number; None for none, and for a number that several share."""

    async def check(self, customer_id: str, digits: str) -> bool:
        """Whether `digits` are this customer's PIN, or the last four digits of the customer number."""

    async def account(self, customer_id: str) -> Account:
        """All of one customer's account."""

    async def place(self, words: str) -> Place | None:
        """The area that is named somewhere in `words`, in any language the operator names it in; None when none is."""

    async def close(self) -> None:
        """Let go of connections."""
