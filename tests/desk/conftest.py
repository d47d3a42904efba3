"""A database of its own for each test of the desk, passwords that cost little to hash, and one floor with a browser for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from tests.kit.deskfloor import Run, floor_in
from voicebot.desk import auth


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/journal.db"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(auth, "_HASHER", hasher)
    monkeypatch.setattr(auth, "_NOBODYS", hasher.hash("nobody's password"))


@pytest.fixture(scope="session")
def on_the_floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs a scenario with a browser; see tests/kit/deskfloor.py."""
    with floor_in(tmp_path_factory.mktemp("desk")) as run:
        yield run
