"""Who may sign in at the desk, and who has. Passwords come here as hashes and sign-ins as digests; neither can be turned back.

What a password must be and when a name is locked is decided in `desk.auth`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import delete, insert, select, update

from voicebot.errors import StoreError
from voicebot.store.desk import DeskStore, TakenError
from voicebot.store.desk_tables import POSTINGS, SIGN_INS, STAFF

Theme = Literal["auto", "dark", "light"]
Briefed = Literal["off", "short", "full"]


class Role(StrEnum):
    """What a person is to the desk."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Staff:
    """One person. After too many wrong passwords in a row the name is locked until `locked_until_utc`."""

    name: str
    role: Role
    password_hash: str
    language: str = "en"
    theme: Theme = "auto"
    failures: int = 0
    locked_until_utc: datetime | None = None
    briefing: Briefed = "full"
    """How much of a briefing this person hears before the caller."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """One browser that signed in. `digest` is made of the secret in its cookie."""

    digest: str
    staff: str
    since_utc: datetime
    seen_utc: datetime
    until_utc: datetime


async def add(store: DeskStore, person: Staff) -> None:
    """Raises StoreError when the name is taken."""
    try:
        async with store.writing() as connection:
            await connection.execute(insert(STAFF), [asdict(person)])
    except TakenError:
        raise StoreError(f"{person.name!r} is on the staff already; see `voicebot staff list`") from None


async def everybody(store: DeskStore) -> list[Staff]:
    """By name."""
    async with store.reading() as connection:
        return [_person(tuple(row)) for row in await connection.execute(select(STAFF).order_by(STAFF.c.name))]


async def find(store: DeskStore, name: str) -> Staff | None:
    """The person of that name."""
    async with store.reading() as connection:
        row = (await connection.execute(select(STAFF).where(STAFF.c.name == name))).first()
        return _person(tuple(row)) if row else None


async def change(store: DeskStore, name: str, **columns: Any) -> None:
    """Set columns of one person. Raises StoreError when there is none of that name."""
    async with store.writing() as connection:
        done = await connection.execute(update(STAFF).where(STAFF.c.name == name).values(**columns))
        if not done.rowcount:
            raise StoreError(_nobody(name))


async def count_failure(store: DeskStore, name: str, *, limit: int, locked_until_utc: datetime) -> None:
    """One more wrong password; the `limit`-th locks the name and begins the count anew."""
    async with store.writing() as connection:
        row = (await connection.execute(select(STAFF.c.failures).where(STAFF.c.name == name).with_for_update())).first()
        if row:
            failures = row[0] + 1
            locked = {"failures": 0, "locked_until_utc": locked_until_utc} if failures >= limit else {"failures": failures}
            await connection.execute(update(STAFF).where(STAFF.c.name == name).values(**locked))


async def remove(store: DeskStore, name: str, now_utc: datetime) -> None:
    """Take a person off the staff: every browser is signed out and the phone is free. Raises StoreError."""
    async with store.writing() as connection:
        if not (await connection.execute(delete(STAFF).where(STAFF.c.name == name))).rowcount:
            raise StoreError(_nobody(name))
        await connection.execute(delete(SIGN_INS).where(SIGN_INS.c.staff == name))
        held = (POSTINGS.c.staff == name) & POSTINGS.c.until_utc.is_(None)
        await connection.execute(update(POSTINGS).where(held).values(until_utc=now_utc))


async def sign_in(store: DeskStore, entry: SignIn) -> None:
    """A browser is in from now on; what has run out is cleared away."""
    async with store.writing() as connection:
        await connection.execute(delete(SIGN_INS).where(SIGN_INS.c.until_utc <= entry.since_utc))
        await connection.execute(insert(SIGN_INS), [asdict(entry)])


async def sign_ins(store: DeskStore) -> list[SignIn]:
    """All browsers that are in, or were until they ran out."""
    async with store.reading() as connection:
        return [SignIn(*row) for row in await connection.execute(select(SIGN_INS))]


async def sign_out(store: DeskStore, *digests: str) -> None:
    """These browsers are out."""
    async with store.writing() as connection:
        await connection.execute(delete(SIGN_INS).where(SIGN_INS.c.digest.in_(digests)))


async def sign_out_everywhere(store: DeskStore, name: str) -> None:
    """Every browser of this person is out: the password has changed."""
    async with store.writing() as connection:
        await connection.execute(delete(SIGN_INS).where(SIGN_INS.c.staff == name))


async def seen(store: DeskStore, digest: str, at_utc: datetime) -> None:
    """This browser asked for something."""
    async with store.writing() as connection:
        await connection.execute(update(SIGN_INS).where(SIGN_INS.c.digest == digest).values(seen_utc=at_utc))


def _person(row: tuple[Any, ...]) -> Staff:
    name, role, *rest = row
    return Staff(name, Role(role), *rest)


def _nobody(name: str) -> str:
    return f"nobody on the staff is named {name!r}; see `voicebot staff list`"
