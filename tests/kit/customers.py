"""The demo's customers in memory, for calls in virtual time: what they are asked for is kept, and how they fail can be chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date

from voicebot.customers.database import named
from voicebot.customers.demo import AREAS, Person, outages, people
from voicebot.customers.directory import DEADLINE_S, Account, Customer, Place
from voicebot.errors import DirectoryError

TODAY = date(2026, 3, 14)
PEOPLE: Sequence[Person] = people(TODAY)


class ScriptedDirectory:
    """The demo's customers in memory. `trouble`: down, slow, garbage, or "" for none; `asked` keeps what it was asked for, without any digits."""

    def __init__(self, trouble: str = "") -> None:
        self.trouble = trouble
        self.asked: list[str] = []

    async def find(self, number: str) -> Customer | None:
        await self._befall("find")
        return next((person.account.customer for person in PEOPLE if number in {person.phone, person.number}), None)

    async def check(self, customer_id: str, digits: str) -> bool:
        await self._befall("check")
        return any(digits in {person.pin, person.number[-4:]} for person in PEOPLE if person.account.customer.id == customer_id)

    async def account(self, customer_id: str) -> Account:
        await self._befall("account")
        return next(person.account for person in PEOPLE if person.account.customer.id == customer_id)

    async def place(self, words: str) -> Place | None:
        await self._befall("place")
        area = named({name: area for area, names in AREAS.items() for name in names}, words)
        return Place(area, next((outage for outage in outages(TODAY) if outage.area == area), None)) if area else None

    async def close(self) -> None: ...

    async def _befall(self, what: str) -> None:
        self.asked.append(what)
        await asyncio.sleep(DEADLINE_S + 1 if self.trouble == "slow" else 0.02)
        if self.trouble:
            raise DirectoryError(f"the directory cannot be used: {self.trouble}")
