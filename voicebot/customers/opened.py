"""The directory that the settings name. The only place that knows which adapter is which."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from voicebot.customers.database import DatabaseDirectory
from voicebot.customers.directory import Directory
from voicebot.customers.guarded import GuardedDirectory
from voicebot.errors import DirectoryError
from voicebot.settings.customers import Customers


@asynccontextmanager
async def opened(section: Customers, secrets: Path) -> AsyncIterator[Directory | None]:
    """The directory, its PINs guarded, until the block is left; None where there is none. Raises DirectoryError."""
    directory = made(section, secrets)
    try:
        yield GuardedDirectory(directory) if directory else None
    finally:
        if directory:
            await directory.close()


def made(section: Customers, secrets: Path) -> Directory | None:
    """The directory, nothing asked of it yet. Raises DirectoryError."""
    if section.source == "none":
        return None
    if section.source == "database":
        return DatabaseDirectory(section.url)
    if not section.url.startswith(("http://", "https://")):
        raise DirectoryError(f"[customers] url {section.url!r} is no http URL; name the base of the interface, such as https://crm.example/api")
    from voicebot.customers.http import HttpDirectory  # noqa: PLC0415  a sixth of a second and 15 MB that only those pay who have one

    return HttpDirectory(section.url, _token(secrets / section.secret) if section.secret else "")


def _token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise DirectoryError(f"{path}: the secret of [customers] cannot be read; write the token into this file") from None
