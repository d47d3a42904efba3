"""The settings name the adapter; what cannot be used is named in one line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from voicebot.customers.database import DatabaseDirectory
from voicebot.customers.http import HttpDirectory
from voicebot.customers.opened import made, opened
from voicebot.errors import DirectoryError
from voicebot.settings.customers import Customers


def test_without_customer_data_there_is_no_directory(tmp_path: Path) -> None:
    assert made(Customers(), tmp_path) is None


def test_each_source_has_its_adapter(tmp_path: Path) -> None:
    assert isinstance(made(Customers(source="database", url=f"sqlite+aiosqlite:///{tmp_path}/c.db"), tmp_path), DatabaseDirectory)
    (tmp_path / "crm").write_text("s3cret\n")
    assert isinstance(made(Customers(source="http", url="http://127.0.0.1:9", secret="crm"), tmp_path), HttpDirectory)


@pytest.mark.parametrize(
    ("section", "what"),
    [
        (Customers(source="http", url="ftp://x"), "no http URL"),
        (Customers(source="http", url="http://127.0.0.1:9", secret="missing"), "cannot be read"),
        (Customers(source="database", url="nonsense"), "cannot be opened"),
    ],
)
def test_what_cannot_be_used_is_named(section: Customers, what: str, tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match=what):
        made(section, tmp_path)


@pytest.mark.parametrize("source", ["none", "http"])
def test_it_is_let_go_of_at_the_end(source: str, tmp_path: Path) -> None:
    async def main() -> None:
        section = Customers.model_validate({"source": source, "url": "http://127.0.0.1:9"})
        async with opened(section, tmp_path) as directory:
            assert (directory is None) == (source == "none")
        if directory:
            with pytest.raises(RuntimeError, match="closed"):
                await directory.find("1")

    asyncio.run(main())
