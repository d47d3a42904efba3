"""The values of the port: arithmetic on a bill, and values that nobody changes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import date

import pytest

from voicebot.customers.directory import Bill, Item

BILL = Bill(date(2026, 2, 1), date(2026, 3, 28), False, (Item("mobile", 2_500), Item("roaming", 1_250), Item("discount", -500)))


def test_a_bill_is_the_sum_of_its_items() -> None:
    assert BILL.cents == 3_250
    assert Bill(date(2026, 2, 1), date(2026, 3, 28), False, ()).cents == 0


def test_nobody_changes_a_bill() -> None:
    with pytest.raises(FrozenInstanceError):
        BILL.paid = True  # type: ignore[misc]
