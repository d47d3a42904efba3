"""A directory behind which nobody guesses PINs call after call: after too many wrong ones for a customer none is right for a while.

Three tries a call are the policy's; these are the tries of all calls of this process together. It keeps no digits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from voicebot.customers.directory import Account, Customer, Directory, Place

MAX_WRONG = 9
"""Three calls with three tries each."""
LOCKED_S = 3_600.0
KEPT = 10_000
"""Customers whose tries are remembered; beyond, those who tried longest ago are forgotten."""


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong PINs of one customer. Pure: it is told the time."""

    wrong: int = 0
    last_s: float = 0.0

    def locked(self, now_s: float) -> bool:
        """Whether no PIN is right for now."""
        return self.wrong >= MAX_WRONG and now_s < self.last_s + LOCKED_S

    def after(self, right: bool, now_s: float) -> Tries:
        """The tries after one more; a pause as long as a lock forgives all."""
        if right:
            return Tries()
        return Tries(1 if now_s >= self.last_s + LOCKED_S else self.wrong + 1, now_s)


class GuardedDirectory:
    """`directory`, with its PINs guarded."""

    def __init__(self, directory: Directory, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._clock = clock
        self._tries: dict[str, Tries] = {}

    async def find(self, number: str) -> Customer | None:
        """See Directory."""
        return await self._directory.find(number)

    async def check(self, customer_id: str, digits: str) -> bool:
        """See Directory. Who is locked is told no more than that the digits are wrong."""
        tries = self._tries.pop(customer_id, Tries(last_s=self._clock()))
        if tries.locked(self._clock()):
            self._tries[customer_id] = tries
            return False
        self._tries[customer_id] = tries.after(False, self._clock())  # before the answer: calls at once are all counted
        right = await self._directory.check(customer_id, digits)
        if right:
            self._tries.pop(customer_id, None)
        while len(self._tries) > KEPT:
            del self._tries[next(iter(self._tries))]
        return right

    async def account(self, customer_id: str) -> Account:
        """See Directory."""
        return await self._directory.account(customer_id)

    async def place(self, words: str) -> Place | None:
        """See Directory."""
        return await self._directory.place(words)

    async def close(self) -> None:
        """See Directory."""
        await self._directory.close()
