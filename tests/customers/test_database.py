"""The directory in a database gives back what was put in, says only whether a PIN is right, and names what is wrong in one line."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import pytest

from voicebot.customers import database
from voicebot.customers.database import DatabaseDirectory, named
from voicebot.customers.demo import AREAS, outages, people
from voicebot.errors import DirectoryError

T = TypeVar("T")
TODAY = date(2026, 3, 14)
PEOPLE = people(TODAY)[:8]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("customers") / "demo.db"
    _asked(path, lambda directory: directory.fill(PEOPLE, AREAS, outages(TODAY)))
    return path


def _asked(path: Path, ask: Callable[[DatabaseDirectory], Awaitable[T]]) -> T:
    async def main() -> T:
        directory = DatabaseDirectory(f"sqlite+aiosqlite:///{path}")
        try:
            return await ask(directory)
        finally:
            await directory.close()

    return asyncio.run(main())


def test_everybody_is_found_by_both_numbers_and_comes_back_whole(path: Path) -> None:
    async def all_of(directory: DatabaseDirectory) -> list[Any]:
        return [(await directory.find(p.phone), await directory.find(p.number), await directory.account(p.account.customer.id)) for p in PEOPLE]

    for person, (by_phone, by_number, account) in zip(PEOPLE, _asked(path, all_of), strict=True):
        assert by_phone == by_number == person.account.customer
        assert account == person.account


def test_filling_again_replaces_who_was_there(tmp_path: Path) -> None:
    async def twice(directory: DatabaseDirectory) -> Any:
        await directory.fill(PEOPLE[:2], AREAS, ())
        await directory.fill(PEOPLE[1:3], AREAS, ())
        return await directory.find(PEOPLE[0].phone), await directory.find(PEOPLE[1].phone)

    gone, there = _asked(tmp_path / "new" / "demo.db", twice)
    assert (gone, there) == (None, PEOPLE[1].account.customer)


@pytest.mark.parametrize(
    ("digits", "right"),
    [(PEOPLE[0].pin, True), (PEOPLE[0].number[-4:], True), (PEOPLE[1].pin, False), ("", False), ("0000", False), ("４８２１", False)],
)
def test_a_pin_or_the_last_digits_prove_who_it_is(path: Path, digits: str, right: bool) -> None:
    assert _asked(path, lambda directory: directory.check("c0", digits)) is right
    assert _asked(path, lambda directory: directory.check("nobody", digits)) is False


def test_no_pin_stands_in_the_file(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("select salt, pin from customers").fetchall()
    connection.close()
    assert len({salt for salt, _ in rows}) == len(PEOPLE)
    assert all(person.pin.encode() not in pin for person, (_, pin) in zip(PEOPLE, rows, strict=True))


@pytest.mark.parametrize(
    ("words", "area", "out"),
    [("is there an outage in riverside", "Riverside", True), ("north gate please", "Northgate", False), ("河滨区停电了吗", "Riverside", True)],
)
def test_a_place_is_found_in_what_was_said(path: Path, words: str, area: str, out: bool) -> None:
    place = _asked(path, lambda directory: directory.place(words))
    assert place is not None
    assert (place.area, place.outage is not None) == (area, out)
    assert place.outage is None or place.outage == next(outage for outage in outages(TODAY) if outage.area == area)


def test_a_place_nobody_knows_is_none(path: Path) -> None:
    assert _asked(path, lambda directory: directory.place("on the moon; drop table customers")) is None
    assert _asked(path, lambda directory: directory.find("999")) is None


def test_the_longest_name_wins() -> None:
    assert named({"gate": "Gate", "north gate": "Northgate"}, "at NORTH GATE") == "Northgate"


def test_a_number_that_two_share_belongs_to_nobody(tmp_path: Path) -> None:
    path = tmp_path / "demo.db"
    _asked(path, lambda directory: directory.fill(PEOPLE[:2], AREAS, ()))
    with sqlite3.connect(path) as connection:
        connection.execute("update customers set phone = '1'")
    connection.close()
    assert _asked(path, lambda directory: directory.find("1")) is None


def test_what_is_wrong_is_named(tmp_path: Path, path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"this is no database, whatever it is called " * 40)
    for ask in (lambda d: d.find("1"), lambda d: d.account("c0"), lambda d: d.fill(PEOPLE, AREAS, ())):
        with pytest.raises(DirectoryError):
            _asked(tmp_path / "bad.db", ask)
    with pytest.raises(DirectoryError, match="not in the directory"):
        _asked(path, lambda directory: directory.account("nobody"))
    with pytest.raises(DirectoryError, match="url"):
        DatabaseDirectory("nonsense")


def test_a_database_that_stands_still_is_an_error_in_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> Any:
        await asyncio.sleep(60)

    monkeypatch.setattr(database, "DEADLINE_S", 0.05)
    monkeypatch.setattr(database, "_all", never)
    with pytest.raises(DirectoryError, match="no answer"):
        _asked(path, lambda directory: directory.find("1"))
