"""`voicebot customers`: the demo's customers put into a database, and one looked at as the bot would. Each command is a few lines around one part."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from voicebot.commands.options import SettingsFile
from voicebot.errors import SettingsError
from voicebot.settings import load

if TYPE_CHECKING:
    from voicebot.customers.directory import Directory

T = TypeVar("T")
D = TypeVar("D", bound="Directory")
customers = typer.Typer(no_args_is_help=True, help="The operator's customer data.")


@customers.command("demo")
def demo(settings: SettingsFile = None) -> None:
    """Put the demo's customers, as of today, into the database of [customers]; who stands there is replaced."""
    from voicebot.customers.database import DatabaseDirectory
    from voicebot.customers.demo import AREAS, outages, people

    section = load(settings).customers
    if section.source != "database":
        raise SettingsError('[customers] source is not "database"; set it, and a url, before the demo\'s customers can be put there')
    today = datetime.now(UTC).date()
    who = people(today)
    asyncio.run(_with(DatabaseDirectory(section.url), lambda directory: directory.fill(who, AREAS, outages(today))))
    first = who[0]
    print(f"{len(who)} customers in {section.url}; the first calls from {first.phone}, customer number {first.number}, PIN {first.pin}")


@customers.command("find")
def find(number: Annotated[str, typer.Argument(help="A telephone or customer number.")], settings: SettingsFile = None) -> None:
    """Say whose number this is, as the bot would find out before it asks for a PIN. Exit status 1 for nobody's."""
    from voicebot.customers.opened import made

    configured = load(settings)
    directory = made(configured.customers, configured.secrets)
    if directory is None:
        raise SettingsError('[customers] source is "none"; name where the customer data is')
    found = asyncio.run(_with(directory, lambda one: one.find(number)))
    print(f"customer {found.id}, language {found.language}, area {found.area}" if found else "nobody, or several")
    raise typer.Exit(0 if found else 1)


async def _with(directory: D, ask: Callable[[D], Awaitable[T]]) -> T:
    try:
        return await ask(directory)
    finally:
        await directory.close()
