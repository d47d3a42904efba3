"""Versions of the knowledge base's entries as rows, each with its line in the audit log."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.kit.deskkit import BEGUN
from voicebot.errors import StoreError
from voicebot.store import privacy
from voicebot.store.desk import DeskStore
from voicebot.store.versions import Version, add, decline, declined, version, versions

FIRST = Version(BEGUN, "en", "wifi", "ann", "sue", "asked often", "proposal 1", "", "new\n", "+new")
BACK = replace(FIRST, reviewer="tom", before="new\n", after="", undoes=1)
Use = Callable[[DeskStore], Awaitable[None]]


def using(folder: Path, use: Use) -> None:
    async def scenario() -> None:
        async with DeskStore.open(f"sqlite+aiosqlite:///{folder}/journal.db") as store:
            await use(store)

    asyncio.run(scenario())


async def keep(store: DeskStore, *made: Version) -> None:
    for one in made:
        async with store.writing() as connection:
            await add(connection, one)


def test_versions_come_back_as_they_were_the_newest_first(tmp_path: Path) -> None:
    async def use(store: DeskStore) -> None:
        await keep(store, FIRST, BACK)
        assert await versions(store) == [replace(BACK, version_id=2), replace(FIRST, version_id=1)]
        assert await versions(store, 1) == [replace(BACK, version_id=2)]
        assert await version(store, 1) == replace(FIRST, version_id=1)

    using(tmp_path, use)


def test_each_stands_in_the_audit_log_with_who_answers_for_it(tmp_path: Path) -> None:
    async def use(store: DeskStore) -> None:
        await keep(store, FIRST, BACK)
        found = [(one.staff, one.deed, one.about) for one in await privacy.deeds(store)]
        assert found == [("tom", "kb roll-back", "version 2 en/wifi.md"), ("sue", "kb approve", "version 1 en/wifi.md")]

    using(tmp_path, use)


def test_a_version_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def use(store: DeskStore) -> None:
        with pytest.raises(StoreError, match="version 7"):
            await version(store, 7)

    using(tmp_path, use)


def test_what_is_taken_back_leaves_neither_row_nor_audit_line(tmp_path: Path) -> None:
    async def use(store: DeskStore) -> None:
        async def broken() -> None:
            async with store.writing() as connection:
                await add(connection, FIRST)
                raise KeyError

        with pytest.raises(KeyError):
            await broken()
        assert await versions(store) == []
        assert await privacy.deeds(store) == []

    using(tmp_path, use)


def test_the_hashes_are_those_of_the_files() -> None:
    assert FIRST.after_hash == BACK.before_hash == hashlib.sha256(b"new\n").hexdigest()
    assert FIRST.before_hash == hashlib.sha256(b"").hexdigest()
    assert FIRST.place == "en/wifi.md"


def test_what_was_declined_is_remembered_with_its_last_time(tmp_path: Path) -> None:
    async def use(store: DeskStore) -> None:
        later = BEGUN + timedelta(days=1)
        await decline(store, "failing en/bill", "sue", BEGUN)
        await decline(store, "failing en/bill", "tom", later)
        await decline(store, "unanswered en/0f", "sue", BEGUN)
        assert await declined(store) == {"failing en/bill": later, "unanswered en/0f": BEGUN}

    using(tmp_path, use)
