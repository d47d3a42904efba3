"""The demo's customers: enough of them, the same each time, each account consistent in itself."""

from __future__ import annotations

from datetime import date

import pytest

from voicebot.customers.demo import AREAS, CAST, COUNT, Person, outages, people, phone

TODAY = date(2026, 3, 14)
PEOPLE = people(TODAY)


def test_there_are_enough_and_they_are_the_same_each_time() -> None:
    assert len(PEOPLE) == COUNT >= 50
    assert people(TODAY) == PEOPLE


def test_each_is_found_by_numbers_of_his_own() -> None:
    assert len({person.number for person in PEOPLE}) == len({person.phone for person in PEOPLE}) == COUNT
    assert [person.phone for person in PEOPLE] == [phone(at) for at in range(COUNT)]
    assert all(len(person.pin) == 4 and len(person.number) == 8 for person in PEOPLE)
    assert all(person.number[-4:] != person.pin for person in PEOPLE)


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: str(person.account.customer.id))
def test_each_account_is_consistent(person: Person) -> None:
    account = person.account
    assert account.customer.area in AREAS
    assert [bill.month for bill in account.bills] == sorted((bill.month for bill in account.bills), reverse=True)
    assert all(bill.items and bill.cents > 0 and bill.due > bill.month for bill in account.bills)
    assert account.bills[0].month < TODAY.replace(day=1) <= account.usages[0].month
    assert {usage.plan_id for usage in account.usages} <= {plan.id for plan in account.plans}
    assert all(ticket.opened <= TODAY for ticket in account.tickets)


def test_the_first_have_what_conversations_need() -> None:
    higher, home, heavy, paid = (person.account for person in PEOPLE[:4])
    assert higher.bills[0].cents > higher.bills[1].cents
    assert {plan.kind for plan in home.plans} == {"mobile", "home"}
    assert home.tickets[0].visit
    assert heavy.usages[0].used_mb > 0.9 * (heavy.plans[0].data_mb or 0)
    assert paid.bills[0].paid
    assert len(CAST) >= 6
    assert {outage.area for outage in outages(TODAY)} < set(AREAS)


def test_january_is_no_special_case() -> None:
    assert people(date(2026, 1, 31))[0].account.bills[0].month == date(2025, 12, 1)
