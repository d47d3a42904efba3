"""Customers that do not exist, for the demo and the tests: made from a seed and a day, so that they are the same wherever they are made.

The first of them are told apart on purpose: each has what a conversation needs. Nothing here is read from anywhere.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from voicebot.customers.directory import Account, Bill, Customer, Item, ItemKind, Outage, Plan, Ticket, TicketKind, TicketStatus, Usage

COUNT = 60
MONTHS = 6
AREAS: Mapping[str, tuple[str, ...]] = {
    "Riverside": ("riverside", "river side", "河滨", "河滨区"),
    "Northgate": ("northgate", "north gate", "北门", "北门区"),
    "Old Harbour": ("old harbour", "harbour quarter", "老港", "老港区"),
    "Hillside": ("hillside", "hill side", "山麓", "山麓区"),
    "Westfield": ("westfield", "west field", "西田", "西田区"),
    "Lakeside": ("lakeside", "lake side", "湖滨", "湖滨区"),
}
"""Each area and how callers name it."""
_PLANS: tuple[tuple[int | None, int], ...] = ((5_000, 1_500), (10_000, 2_000), (20_000, 2_500), (50_000, 3_500), (None, 5_000))
"""Allowance in MB and price in cents."""
_HOME_CENTS = 4_000
_EXTRAS: tuple[ItemKind, ...] = ("roaming", "calls_abroad", "premium_sms", "data_pack")


@dataclass(frozen=True, slots=True)
class Person:
    """One customer as an adapter keeps him: his account, the numbers he is known by, his PIN."""

    account: Account
    number: str
    phone: str
    pin: str


@dataclass(frozen=True, slots=True)
class _Cast:
    """What sets one of the first customers apart. `extras` are on the last bill, `before` on the one before."""

    extras: tuple[Item, ...] = ()
    before: tuple[Item, ...] = ()
    plan: int = 2
    used_share: float = 0.5
    home: bool = False
    paid: bool = False
    area: str = "Westfield"
    tickets: tuple[tuple[TicketKind, TicketStatus, int, int | None], ...] = ()
    """Kind, status, days since it was opened, days until the visit."""
    language: str = "en"


CAST = (
    _Cast(extras=(Item("roaming", 1_250), Item("calls_abroad", 380)), used_share=0.75),
    _Cast(home=True, area="Riverside", tickets=(("repair", "visit_booked", 3, 2),)),
    _Cast(plan=1, used_share=0.97, extras=(Item("data_pack", 800),), before=(Item("data_pack", 400),)),
    _Cast(paid=True, extras=(Item("discount", -500),), area="Lakeside"),
    _Cast(extras=(Item("premium_sms", 990),), language="zh", area="Riverside", tickets=(("complaint", "in_progress", 5, None),)),
    _Cast(extras=(Item("roaming", 2_000),), language="zh", home=True, area="Northgate"),
)


def people(today: date) -> tuple[Person, ...]:
    """All of them, as of `today`."""
    chance = random.Random(5)  # noqa: S311 - it shall be the same each time
    return tuple(_person(at, CAST[at] if at < len(CAST) else _any_cast(chance), today) for at in range(COUNT))


def outages(today: date) -> tuple[Outage, ...]:
    """The faults known on `today`."""
    morning = datetime.combine(today, time(9), UTC)
    return (Outage("Riverside", morning, morning + timedelta(hours=9)), Outage("Old Harbour", morning - timedelta(hours=2), None))


def phone(at: int) -> str:
    """The telephone number of the customer at this place."""
    return f"0201555{at + 100:04d}"


def _any_cast(chance: random.Random) -> _Cast:
    extras = tuple(Item(kind, chance.randrange(200, 3_000, 10)) for kind in chance.sample(_EXTRAS, 2))
    return _Cast(
        extras=extras[: chance.randrange(3)],
        before=extras[: chance.randrange(2)],
        plan=chance.randrange(len(_PLANS)),
        used_share=chance.random(),
        home=chance.random() < 0.4,
        paid=chance.random() < 0.5,
        area=chance.choice(tuple(AREAS)),
        tickets=(("repair", "open", chance.randrange(1, 9), None),) if chance.random() < 0.2 else (),
        language=chance.choice(("en", "zh")),
    )


def _person(at: int, cast: _Cast, today: date) -> Person:
    data_mb, cents = _PLANS[cast.plan]
    plans = [Plan(f"p{at}m", "mobile", cents, data_mb, None if at % 3 else _months_ago(today, -8))]
    if cast.home:
        plans.append(Plan(f"p{at}h", "home", _HOME_CENTS, None, None))
    months = [_months_ago(today, ago) for ago in range(MONTHS + 1)]
    usual = tuple(Item(plan.kind, plan.price_cents) for plan in plans)
    extras = [cast.extras, cast.before, *[()] * MONTHS]
    bills = tuple(
        Bill(month, _months_ago(month, -1).replace(day=28), ago > 0 or cast.paid, usual + extras[ago]) for ago, month in enumerate(months[1:])
    )
    usages = tuple(Usage(plans[0].id, month, int((data_mb or 40_000) * min(1.0, cast.used_share + 0.02 * ago))) for ago, month in enumerate(months))
    tickets = tuple(
        Ticket(f"t{at}{place}", kind, status, today - timedelta(days=since), today + timedelta(days=visit) if visit else None)
        for place, (kind, status, since, visit) in enumerate(cast.tickets)
    )
    account = Account(Customer(f"c{at}", cast.language, cast.area), tuple(plans), bills, usages, tickets)
    return Person(account, f"{40_317_206 + 1_237 * at:08d}", phone(at), f"{(4_821 + 357 * at) % 10_000:04d}")


def _months_ago(day: date, months: int) -> date:
    """The first day of the month so many months before `day`'s; later for a negative number."""
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)
