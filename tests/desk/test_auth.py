"""Signing in and out: passwords, expiry, lockout; nothing in the database opens the door."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.kit.deskkit import PASSWORD, hire
from voicebot.desk.auth import COOKIE, Door, digest, hashed, secret_in
from voicebot.errors import VoicebotError
from voicebot.settings import Desk as DeskSettings
from voicebot.store import staff
from voicebot.store.desk import DeskStore
from voicebot.store.staff import Role

SETTINGS = DeskSettings(failures=3, locked_s=600, sign_in_h=8, idle_h=2)


class Clock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


Scenario = Callable[[Door, DeskStore, Clock], Awaitable[None]]
At = Callable[[Scenario], None]


@pytest.fixture
def at_the_door(url: str) -> At:
    def act(scenario: Scenario) -> None:
        async def acting() -> None:
            await hire(url, ("ann", Role.AGENT))
            clock = Clock()
            async with DeskStore.open(url) as store:
                await scenario(Door(store, SETTINGS, clock), store, clock)

        asyncio.run(acting())

    return act


async def entered(door: Door) -> str:
    secret = await door.sign_in("ann", PASSWORD)
    assert secret
    return secret


def test_the_right_password_opens_and_its_cookie_is_known_again(at_the_door: At, tmp_path: Path) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        secret = await entered(door)
        found = door.present(secret)
        assert found
        assert (found.person.name, found.person.role) == ("ann", Role.AGENT)
        again = Door(store, SETTINGS, clock)
        await again.refresh()  # a desk that started anew
        assert again.present(secret)

    at_the_door(scenario)
    kept = sqlite3.connect(tmp_path / "journal.db")
    try:
        assert PASSWORD not in str(kept.execute("select * from staff").fetchall())
        assert len(kept.execute("select digest from sign_ins").fetchone()[0]) == 64
    finally:
        kept.close()


def test_each_sign_in_has_a_secret_and_a_form_word_of_its_own(at_the_door: At) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        first, second = await entered(door), await entered(door)
        assert first != second
        one, other = door.present(first), door.present(second)
        assert one
        assert other
        assert one.csrf != other.csrf
        assert digest(first) not in (one.csrf, first)

    at_the_door(scenario)


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong password"), ("ann", ""), ("nobody", PASSWORD), ("", ""), ("ann", "x" * 100_000), ("ANN", PASSWORD)]
)
def test_all_else_does_not(at_the_door: At, name: str, password: str) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        assert await door.sign_in(name, password) is None

    at_the_door(scenario)


@pytest.mark.parametrize("secret", ["", "x", "' or 1=1 --", "\x00"])
def test_a_cookie_that_nobody_was_given_is_nobody(at_the_door: At, secret: str) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        await entered(door)
        assert door.present(secret) is None

    at_the_door(scenario)


def test_wrong_passwords_in_a_row_lock_the_name_for_a_while_even_for_the_right_one(at_the_door: At) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        for _ in range(SETTINGS.failures):
            assert await door.sign_in("ann", "wrong password") is None
        assert await door.sign_in("ann", PASSWORD) is None
        clock.move(seconds=SETTINGS.locked_s - 1)
        assert await door.sign_in("ann", PASSWORD) is None
        clock.move(seconds=1)
        assert await door.sign_in("ann", PASSWORD)

    at_the_door(scenario)


def test_a_right_password_begins_the_count_anew(at_the_door: At) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        for _ in range(2):
            for _ in range(SETTINGS.failures - 1):
                await door.sign_in("ann", "wrong password")
            assert await door.sign_in("ann", PASSWORD)

    at_the_door(scenario)


@pytest.mark.parametrize(("hours", "over"), [({"hours": 1.9}, False), ({"hours": 2}, True)])
def test_a_sign_in_that_is_not_used_ends(at_the_door: At, hours: dict[str, float], over: bool) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        secret = await entered(door)
        clock.move(**hours)
        assert (door.present(secret) is None) is over

    at_the_door(scenario)


def test_one_that_is_used_ends_all_the_same_after_a_working_day(at_the_door: At) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        secret = await entered(door)
        for _ in range(7):
            clock.move(hours=1)
            found = door.present(secret)
            assert found
            await door.seen(found)
        clock.move(hours=1)
        assert door.present(secret) is None

    at_the_door(scenario)


def test_who_signs_out_is_out_and_whoever_has_pages_open_is_told(at_the_door: At) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        left: list[frozenset[str]] = []
        door.on_left.append(left.append)
        secret, other = await entered(door), await entered(door)
        found = door.present(secret)
        assert found
        await door.sign_out(found)
        assert door.present(secret) is None
        assert door.present(other)
        assert left == [frozenset({digest(secret)})]
        await door.refresh()
        assert door.present(secret) is None

    at_the_door(scenario)


def test_who_is_taken_off_the_staff_or_gets_a_new_password_is_out_at_the_next_look(at_the_door: At) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        left: list[frozenset[str]] = []
        door.on_left.append(left.append)
        secret = await entered(door)
        await staff.sign_out_everywhere(store, "ann")
        await door.refresh()
        assert door.present(secret) is None
        again = await entered(door)
        await staff.remove(store, "ann", clock())
        await door.refresh()
        assert door.present(again) is None
        assert left == [frozenset({digest(secret)}), frozenset({digest(again)})]

    at_the_door(scenario)


def test_what_has_run_out_is_told_and_cleared(at_the_door: At) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        left: list[frozenset[str]] = []
        door.on_left.append(left.append)
        secret = await entered(door)
        clock.move(hours=9)
        await door.refresh()
        assert left == [frozenset({digest(secret)})]
        assert await staff.sign_ins(store) == []

    at_the_door(scenario)


def test_what_a_person_changes_of_themselves_shows_at_once(at_the_door: At) -> None:
    async def scenario(door: Door, store: DeskStore, clock: Clock) -> None:
        secret = await entered(door)
        door.change("ann", theme="dark", language="zh")
        found = door.present(secret)
        assert found
        assert (found.person.theme, found.person.language) == ("dark", "zh")

    at_the_door(scenario)


@pytest.mark.parametrize("password", ["", "short", "123456789", "x" * 257])
def test_a_password_that_is_too_short_or_too_long_is_none(password: str) -> None:
    with pytest.raises(VoicebotError, match="10 to 256"):
        hashed(password)


@pytest.mark.parametrize(
    ("cookies", "secret"),
    [("", ""), (f"{COOKIE}=abc", "abc"), (f"a=b; {COOKIE}=abc; c=d", "abc"), ("other=abc", ""), ("=;;==", ""), (f'{COOKIE}="a', "")],
)
def test_the_secret_is_found_among_other_cookies(cookies: str, secret: str) -> None:
    assert secret_in(cookies) == secret
