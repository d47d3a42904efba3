"""What is told of an account: approved sentences by name, filled with figures as they are written. Every figure comes from the account itself.

Pure. It says nothing of anybody but the customer whose account it is given.
"""

from __future__ import annotations

from datetime import date, datetime

from voicebot.customers.directory import Account, Bill, Outage, Place, Plan, Ticket
from voicebot.dialogue.decisions import Line, Told
from voicebot.dialogue.errand import Topic, Want
from voicebot.dialogue.slots import MONTHS

REASONS = 2
"""So many causes of a higher bill are told; nobody keeps more in mind."""


def told(want: Want, account: Account, language: str) -> tuple[Line, ...]:
    """The answer to `want`. Every want has one: that there is nothing to tell is said as well."""
    match want.topic:
        case Topic.BILL:
            return _bill(account, want, language)
        case Topic.DUE:
            return _due(account, language)
        case Topic.PLAN:
            return tuple(_plan(plan, language) for plan in _plans(account, want))
        case Topic.DATA:
            return _data(account, language)
        case Topic.TICKET:
            return (_ticket(account.tickets[0], language),) if account.tickets else (Told("no_ticket"),)
    return ()


def which(want: Want, account: Account) -> bool:
    """Whether the customer must first say which of several plans he means."""
    return want.topic is Topic.PLAN and want.plan is None and len({plan.kind for plan in account.plans}) > 1


def outage(place: Place, language: str) -> Line:
    """What is known of an area."""
    if place.outage is None:
        return Told("no_outage", (f"{{area:{place.area}}}",))
    return _outage(place.outage, language)


def money(cents: int, language: str) -> str:
    """1650 → "$16.50", "16.50元"."""
    amount = f"{abs(cents) / 100:.2f}".removesuffix(".00")
    return f"{amount}元" if language == "zh" else f"${amount}"


def volume(mb: int, language: str) -> str:
    """2500 → "2.5 GB", "2.5GB"; less than one GB in MB."""
    text = f"{mb / 1000:.1f}".removesuffix(".0") if mb >= 1000 else str(mb)
    return f"{text}{'' if language == 'zh' else ' '}{'GB' if mb >= 1000 else 'MB'}"


def day(when: date, language: str) -> str:
    """28 March, 3月28日."""
    return f"{when.month}月{when.day}日" if language == "zh" else f"{when.day} {month(when, language)}"


def month(when: date, language: str) -> str:
    """March, 3月."""
    return f"{when.month}月" if language == "zh" else MONTHS["en"][when.month - 1].capitalize()


def _clock(when: datetime, language: str) -> str:
    return f"{when.hour}点" if language == "zh" else f"{(when.hour - 1) % 12 + 1} {'am' if when.hour < 12 else 'pm'}"


def _bill(account: Account, want: Want, language: str) -> tuple[Line, ...]:
    at = _place(account.bills, want)
    if at is None:
        return (Told("no_bill"),)
    bill, before = account.bills[at], account.bills[at + 1] if at + 1 < len(account.bills) else None
    amount = (month(bill.month, language), money(bill.cents, language))
    if before is None:
        return (Told("bill_is", amount),)
    difference = bill.cents - before.cents
    if difference == 0:
        return (Told("bill_same", amount),)
    if difference < 0:
        return (Told("bill_lower", (*amount, money(difference, language))),)
    causes = _causes(bill, before)[:REASONS]
    written = "{{item:{0}}}{1}" if language == "zh" else "{1} {{item:{0}}}"
    named = "{and}".join(written.format(kind, money(cents, language)) for kind, cents in causes)
    return (Told("bill_higher", (*amount, money(difference, language), named)),)


def _place(bills: tuple[Bill, ...], want: Want) -> int | None:
    """Which bill is meant; None when there is none of that month."""
    if want.month:
        return next((at for at, bill in enumerate(bills) if bill.month.month == want.month), None)
    return want.back if want.back < len(bills) else None


def _causes(bill: Bill, before: Bill) -> list[tuple[str, int]]:
    """What has become more, most first. A discount that ended is one as well."""
    sums: dict[str, int] = {}
    for sign, side in ((1, bill), (-1, before)):
        for item in side.items:
            sums[item.kind] = sums.get(item.kind, 0) + sign * item.cents
    return sorted(((kind, cents) for kind, cents in sums.items() if cents > 0), key=lambda cause: -cause[1])


def _due(account: Account, language: str) -> tuple[Line, ...]:
    if not account.bills:
        return (Told("no_bill"),)
    bill = account.bills[0]
    amount = (month(bill.month, language), money(bill.cents, language))
    return (Told("bill_paid", amount) if bill.paid else Told("bill_due", (*amount, day(bill.due, language))),)


def _plans(account: Account, want: Want) -> tuple[Plan, ...]:
    chosen = tuple(plan for plan in account.plans if want.plan in {None, plan.kind})
    return chosen or account.plans


def _plan(plan: Plan, language: str) -> Line:
    price = money(plan.price_cents, language)
    if plan.data_mb is None:
        return Told(f"plan_{plan.kind}_unlimited", (price,))
    return Told(f"plan_{plan.kind}", (volume(plan.data_mb, language), price))


def _data(account: Account, language: str) -> tuple[Line, ...]:
    """Of the mobile plan, the month that runs."""
    plan = next((plan for plan in account.plans if plan.kind == "mobile"), None)
    usage = next((usage for usage in account.usages if plan and usage.plan_id == plan.id), None)
    if plan is None or usage is None:
        return (Told("no_data"),)
    used = volume(usage.used_mb, language)
    if plan.data_mb is None:
        return (Told("data_unlimited", (used,)),)
    return (Told("data_left", (volume(max(0, plan.data_mb - usage.used_mb), language), volume(plan.data_mb, language))),)


def _ticket(ticket: Ticket, language: str) -> Line:
    about = (f"{{ticket:{ticket.kind}}}", day(ticket.opened, language))
    if ticket.status == "visit_booked" and ticket.visit:
        return Told("ticket_visit", (*about, day(ticket.visit, language)))
    return Told(f"ticket_{'in_progress' if ticket.status == 'visit_booked' else ticket.status}", about)


def _outage(known: Outage, language: str) -> Line:
    since = (f"{{area:{known.area}}}", _clock(known.since, language))
    return Told("outage_until", (*since, _clock(known.until, language))) if known.until else Told("outage", since)
