"""`voicebot privacy`: what a caller may ask for, what a court may, and what the calendar does. Each deed stands in the audit log."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from voicebot.commands.options import AsJson, SettingsFile
from voicebot.errors import VoicebotError
from voicebot.settings import Settings, load
from voicebot.store import privacy as deeds
from voicebot.store.blanking import Kept
from voicebot.store.desk import DeskStore

T = TypeVar("T")
Number = Annotated[str, typer.Argument(help="The caller's number as the call log has it.")]
SHOWN = 20
privacy = typer.Typer(no_args_is_help=True, help="Erase, hand out or keep what is stored of callers.")


@privacy.command()
def erase(number: Number, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, settings_file: SettingsFile = None) -> None:
    """Blank all that is kept of a number, and delete its recordings. It cannot be undone."""
    if not yes:
        typer.confirm(f"Erase all that is kept of {number}, for good?", abort=True)
    done = _with_store(load(settings_file), lambda store: deeds.erase(store, number, getpass.getuser(), datetime.now(UTC)))
    print(f"{done.calls} calls blanked, {done.recordings} recordings deleted")


@privacy.command()
def export(number: Number, out: Annotated[Path, typer.Option(help="File to write, JSON.")], settings_file: SettingsFile = None) -> None:
    """Write all that is kept of a number into a file."""
    found = _with_store(load(settings_file), lambda store: deeds.export(store, number, getpass.getuser(), datetime.now(UTC)))
    try:
        out.touch(mode=0o600)
        out.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    except OSError as error:
        raise VoicebotError(f"{out}: cannot be written: {error.strerror}") from None
    print(f"{len(found)} calls in {out}")


@privacy.command()
def hold(number: Number, why: Annotated[str, typer.Option(help="For the audit log: which case.")], settings_file: SettingsFile = None) -> None:
    """Keep all of a number, whatever expires, until it is released."""
    _with_store(load(settings_file), lambda store: deeds.hold(store, number, why, getpass.getuser(), datetime.now(UTC)))


@privacy.command()
def release(number: Number, settings_file: SettingsFile = None) -> None:
    """End a hold."""
    _with_store(load(settings_file), lambda store: deeds.release(store, number, getpass.getuser(), datetime.now(UTC)))


@privacy.command()
def expire(settings_file: SettingsFile = None) -> None:
    """Blank what is older than [retention] says; for a nightly timer."""
    settings = load(settings_file)
    done = _with_store(settings, lambda store: deeds.expire(store, terms_days(settings), datetime.now(UTC)))
    print(f"{done.calls} calls blanked, {done.recordings} recordings deleted")


@privacy.command()
def audit(limit: int = 50, settings_file: SettingsFile = None) -> None:
    """Who looked at, handed out or erased what, newest first."""
    for deed in _with_store(load(settings_file), lambda store: deeds.deeds(store, limit)):
        print(f"{deed.at_utc:%Y-%m-%d %H:%M:%S}  {deed.staff:<20} {deed.deed:<10} {deed.about}")


def evaluate_redaction(
    count: Annotated[int, typer.Option(min=10, help="Generated utterances; every other one holds a secret.")] = 5_000,
    seed: Annotated[int, typer.Option(help="Which numbers and wordings are drawn.")] = 1,
    as_json: AsJson = False,
) -> None:
    """How many card numbers, PINs and codes get through, and how much else is lost; exit status 1 when one gets through."""
    from voicebot.evaluate.redaction import measured

    found = measured(count, seed)
    if as_json:
        print(json.dumps({"secrets": found.secrets, "leaked": len(found.leaked), "harmless": found.harmless, "lost": len(found.lost)}))
    else:
        print(f"{len(found.leaked)} of {found.secrets} secrets left, {len(found.lost)} of {found.harmless} harmless utterances lost something")
        for kind, cases in (("left", found.leaked), ("lost", found.lost)):
            for case in cases[:SHOWN]:
                print(f"{kind}: {case.text}")
    raise typer.Exit(bool(found.leaked))


def terms_days(settings: Settings) -> dict[Kept, int]:
    """The terms of the classes that have one."""
    terms = {kept: getattr(settings.retention, f"{kept}_days") for kept in Kept}
    return {kept: days for kept, days in terms.items() if days}


def _with_store(settings: Settings, work: Callable[[DeskStore], Awaitable[T]]) -> T:
    async def working() -> T:
        async with DeskStore.open(settings.store.url) as store:
            return await work(store)

    return asyncio.run(working())
