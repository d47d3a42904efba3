"""PINs cannot be guessed call after call, and who is not guessing notices nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.kit.customers import PEOPLE, ScriptedDirectory
from voicebot.customers import guarded
from voicebot.customers.guarded import LOCKED_S, MAX_WRONG, GuardedDirectory, Tries

PIN = PEOPLE[0].pin


class World:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.inner = ScriptedDirectory()
        self.directory = GuardedDirectory(self.inner, lambda: self.now_s)

    def check(self, *digits: str, customer: str = "c0") -> list[bool]:
        return self.run(lambda: self._each(customer, digits))

    def run(self, act: Callable[[], Awaitable[list[bool]]]) -> list[bool]:
        async def main() -> list[bool]:
            return await act()

        return asyncio.run(main())

    async def _each(self, customer: str, digits: tuple[str, ...]) -> list[bool]:
        return [await self.directory.check(customer, one) for one in digits]


def test_after_too_many_wrong_ones_the_right_one_is_wrong_as_well() -> None:
    world = World()
    assert world.check(*["0000"] * MAX_WRONG, PIN) == [False] * (MAX_WRONG + 1)
    assert world.inner.asked.count("check") == MAX_WRONG
    assert world.check(PEOPLE[1].pin, customer="c1") == [True]
    world.now_s += LOCKED_S
    assert world.check(PIN) == [True]


def test_the_right_one_forgives_all_before() -> None:
    world = World()
    assert world.check(*["0000"] * (MAX_WRONG - 1), PIN, *["0000"] * (MAX_WRONG - 1), PIN)[-1]


def test_calls_at_once_are_all_counted() -> None:
    world = World()

    async def at_once() -> list[bool]:
        return list(await asyncio.gather(*(world.directory.check("c0", f"{guess:04d}") for guess in range(50))))

    assert world.run(at_once) == [False] * 50
    assert world.inner.asked.count("check") == MAX_WRONG


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "KEPT", 3)
    world = World()
    for at in range(10):
        world.check("x", customer=f"c{at}")
    assert len(world.directory._tries) == 3


def test_all_else_is_the_directorys() -> None:
    async def main() -> None:
        directory = World().directory
        assert (await directory.find(PEOPLE[0].phone)) == PEOPLE[0].account.customer
        assert (await directory.account("c0")) == PEOPLE[0].account
        assert (await directory.place("riverside")) is not None
        await directory.close()

    asyncio.run(main())


def test_tries_are_a_value_that_is_told_the_time() -> None:
    tries = Tries()
    for _ in range(MAX_WRONG):
        assert not tries.locked(1.0)
        tries = tries.after(False, 1.0)
    assert tries.locked(1.0)
    assert not tries.locked(1.0 + LOCKED_S)
    assert tries.after(False, 1.0 + LOCKED_S).wrong == 1
    assert tries.after(True, 1.0) == Tries()
