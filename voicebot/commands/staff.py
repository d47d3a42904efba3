"""`voicebot staff`: who may sign in at the desk. A password is typed, or read from standard input; it is never an argument."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from voicebot.commands.options import SettingsFile
from voicebot.errors import VoicebotError
from voicebot.settings import load
from voicebot.store import staff as people
from voicebot.store.desk import DeskStore
from voicebot.store.staff import Role, Staff

T = TypeVar("T")
Name = Annotated[str, typer.Argument(help="Letters, digits, `.`, `_`, `-`; 64 at most.")]
NAME_LIMIT = 64
staff = typer.Typer(no_args_is_help=True, help="Who may sign in at the desk.")


@staff.command("add")
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.AGENT,
    language: Annotated[str | None, typer.Option(help="en or zh; [desk] language when left out.")] = None,
    settings_file: SettingsFile = None,
) -> None:
    """Put a person on the staff; asks for the password."""
    if not name or len(name) > NAME_LIMIT or not all(sign.isalnum() or sign in "._-" for sign in name):
        raise VoicebotError(f"{name!r}: a name is {NAME_LIMIT} letters, digits, '.', '_' or '-' at most")
    spoken = _language(language or load(settings_file).desk.language)
    person = Staff(name, role, _hashed(), spoken)
    _with_store(settings_file, lambda store: people.add(store, person))
    print(f"{name}: {role}")


@staff.command("list")
def listed(settings_file: SettingsFile = None) -> None:
    """Everybody on the staff."""
    for person in _with_store(settings_file, people.everybody):
        locked = person.locked_until_utc and person.locked_until_utc > datetime.now(UTC)
        print(f"{person.name:<24} {person.role:<12} {person.language}{'  locked' if locked else ''}")


@staff.command("remove")
def remove(name: Name, settings_file: SettingsFile = None) -> None:
    """Take a person off the staff; open desks of theirs end within seconds."""
    _with_store(settings_file, lambda store: people.remove(store, name, datetime.now(UTC)))
    print(f"{name}: removed")


@staff.command("password")
def password(name: Name, settings_file: SettingsFile = None) -> None:
    """Give a person a new password, and unlock the name; browsers that are signed in are signed out."""
    new = _hashed()

    async def changed(store: DeskStore) -> None:
        await people.change(store, name, password_hash=new, failures=0, locked_until_utc=None)
        await people.sign_out_everywhere(store, name)

    _with_store(settings_file, changed)
    print(f"{name}: password changed")


def _language(language: str) -> str:
    if language not in ("en", "zh"):
        raise VoicebotError(f"{language!r}: the desk speaks en and zh")
    return language


def _hashed() -> str:
    from voicebot.desk.auth import hashed  # argon2 is for those who need it

    if not sys.stdin.isatty():
        return hashed(sys.stdin.readline().rstrip("\n"))
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        raise VoicebotError("the two passwords differ; nothing was changed")
    return hashed(first)


def _with_store(settings_file: Path | None, act: Callable[[DeskStore], Awaitable[T]]) -> T:
    async def acting() -> T:
        async with DeskStore.open(load(settings_file).store.url) as store:
            return await act(store)

    return asyncio.run(acting())
