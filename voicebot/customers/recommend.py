"""The one offer that fits an account: rules that a lead wrote into the knowledge base, over facts that stand in the account.

Pure. It offers and sells nothing: whether and when an offer is said is the policy's, and what becomes of it an agent's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from voicebot.customers.directory import Account, Plan, Usage

NEARLY = 0.9
"""From this share of an allowance on a month counts as used up."""


class Condition(Protocol):
    """One rule, such as data_used_percent >= 80."""

    def holds(self, facts: Mapping[str, float]) -> bool:
        """Whether it holds; what is not known never does."""
        ...


class Offer(Protocol):
    """What can be offered."""

    @property
    def id(self) -> str: ...
    @property
    def offer(self) -> str: ...
    @property
    def recommend(self) -> Sequence[Condition]: ...


def best(offers: Iterable[Offer], account: Account) -> str:
    """The id of the first offer for which all rules hold; "" for none. Equal accounts get equal offers."""
    known = facts(account)
    fitting = (offer.id for offer in offers if offer.offer and offer.recommend and all(rule.holds(known) for rule in offer.recommend))
    return next(fitting, "")


def facts(account: Account) -> dict[str, float]:
    """What the rules may ask: plain figures of the account, by name. A fact that is not known is not there."""
    known: dict[str, float] = {"plans": len(account.plans), "open_tickets": sum(ticket.status != "solved" for ticket in account.tickets)}
    known["months_left"] = float(any(plan.until is not None for plan in account.plans))
    if account.bills:
        newest = account.bills[0]
        known |= {"bill_cents": newest.cents, "roaming_cents": _spent(account, "roaming"), "calls_abroad_cents": _spent(account, "calls_abroad")}
        known["bill_rise_percent"] = _rise_percent([bill.cents for bill in account.bills])
    mobile = next((plan for plan in account.plans if plan.kind == "mobile"), None)
    return known | (_usage(mobile, account.usages) if mobile and mobile.data_mb else {})


def _usage(plan: Plan, usages: Iterable[Usage]) -> dict[str, float]:
    shares = [usage.used_mb / (plan.data_mb or 1) for usage in usages if usage.plan_id == plan.id]
    if not shares:
        return {}
    return {
        "data_used_percent": 100 * shares[0],
        "data_months_used_up": sum(share >= NEARLY for share in shares),
        "data_mb": float(plan.data_mb or 0),
    }


def _spent(account: Account, kind: str) -> float:
    return sum(item.cents for item in account.bills[0].items if item.kind == kind)


def _rise_percent(cents: Sequence[int]) -> float:
    return 100 * (cents[0] - cents[1]) / cents[1] if len(cents) > 1 and cents[1] > 0 else 0.0
