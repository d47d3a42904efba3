"""What is known of a customer beside his account (客户画像): named fields, each with its source, its date and its evidence. Pure.

Before verification it may set a priority and nothing else: numbers are spoofed and phones are shared. No field of it is ever spoken by the bot; an
agent sees it on the screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import mean
from typing import Literal, TypeAlias

from voicebot.customers.directory import Account

Source: TypeAlias = Literal["account", "earlier calls"]
REPEAT_DAYS = 3
"""Who calls again within so many days was not served the last time."""
TREND_CENTS = 300
HEAVY, LIGHT = 0.9, 0.3


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """One earlier call from this number, as the journal has it. `topics` are the titles of what was answered."""

    day: date
    outcome: str
    topics: tuple[str, ...] = ()
    reason: str = ""
    """Why it went to a person; "" when it did not."""
    angry: bool = False
    refused: frozenset[str] = frozenset()
    """What the caller opted out of."""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing known: what, since when, from where, and what shows it."""

    name: str
    value: str
    source: Source
    day: date
    evidence: str


@dataclass(frozen=True, slots=True)
class Profile:
    """All fields, and whether the caller has proved that they are about him."""

    fields: tuple[Field, ...]
    verified: bool

    def field(self, name: str) -> Field | None:
        """The field called `name`, None when it is not known."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def priority(self) -> int:
        """What it may do before verification: 1 before others in the queue, for who was angry or called for the same just now; else 0."""
        return int(any(self.field(name) for name in ("anger_at_handover", "repeat_call")))


def profile(account: Account | None, calls: Sequence[EarlierCall], today: date, verified: bool) -> Profile:
    """What is known. Of an account only for a verified caller; `calls` are those from this number, newest first."""
    from_account = tuple(_of_account(account, today)) if account and verified else ()
    return Profile((*from_account, *_of_calls(calls, today)), verified)


def _of_account(account: Account, today: date) -> Iterable[Field]:
    kinds = ", ".join(plan.kind for plan in account.plans)
    if kinds:
        yield Field("products", kinds, "account", today, f"{len(account.plans)} contracts")
    shares = _shares(account)
    if shares:
        habit = "heavy" if mean(shares) >= HEAVY else "light" if mean(shares) <= LIGHT else "moderate"
        yield Field(
            "usage_habit", habit, "account", account.usages[0].month, f"{round(100 * mean(shares))} % of the allowance over {len(shares)} months"
        )
    if len(account.bills) > 1:
        newest, before = account.bills[0], account.bills[1]
        rise = newest.cents - before.cents
        trend = "rising" if rise > TREND_CENTS else "falling" if rise < -TREND_CENTS else "steady"
        yield Field("bill_trend", trend, "account", newest.month, f"{rise / 100:+.2f} against the month before")
    complaints = [ticket for ticket in account.tickets if ticket.kind == "complaint"]
    if complaints:
        yield Field("complaint_record", complaints[0].status, "account", complaints[0].opened, f"{len(complaints)} complaints")


def _shares(account: Account) -> list[float]:
    allowances = {plan.id: plan.data_mb for plan in account.plans if plan.data_mb}
    return [usage.used_mb / (allowances[usage.plan_id] or 1) for usage in account.usages if usage.plan_id in allowances]


def _of_calls(calls: Sequence[EarlierCall], today: date) -> Iterable[Field]:
    if not calls:
        return
    last = calls[0]
    topics = Counter(topic for call in calls for topic in call.topics)
    if topics:
        topic, count = topics.most_common(1)[0]
        yield Field("topics", ", ".join(topics), "earlier calls", last.day, f"{topic} {count} times in {len(calls)} calls")
    yield Field("last_outcome", last.outcome, "earlier calls", last.day, last.reason or "no person was needed")
    if (today - last.day).days <= REPEAT_DAYS and (last.reason or last.outcome != "contained"):
        yield Field("repeat_call", "yes", "earlier calls", last.day, f"called {(today - last.day).days} days ago: {last.reason or last.outcome}")
    angry = next((call for call in calls if call.angry and call.reason), None)
    if angry:
        yield Field("anger_at_handover", "yes", "earlier calls", angry.day, angry.reason)
    languages = Counter(call.language for call in calls if call.language)
    if languages:
        language, count = languages.most_common(1)[0]
        yield Field("preferred_language", language, "earlier calls", last.day, f"{count} of {len(calls)} calls")
    refused = sorted({what for call in calls for what in call.refused})
    if refused:
        yield Field("consent", f"refuses {', '.join(refused)}", "earlier calls", next(call.day for call in calls if call.refused), "said so")
