"""Signing in: passwords against Argon2 hashes, a random secret in a cookie, expiry, lockout. It knows nothing of pages.

The database keeps only a digest of the cookie's secret (OWASP Session Management Cheat Sheet); a name that does not exist costs as much time as a
wrong password, and both get the same answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Any

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from voicebot.errors import VoicebotError
from voicebot.settings import Desk as DeskSettings
from voicebot.store import staff
from voicebot.store.desk import DeskStore
from voicebot.store.staff import SignIn, Staff

COOKIE = "voicebot_desk"
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 256
SEEN_EVERY = timedelta(minutes=5)
_HASHER = PasswordHasher()
_NOBODYS = _HASHER.hash(secrets.token_urlsafe())
AT_ONCE = 2
"""Each hash takes 64 MiB."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Present:
    """A person who is signed in, with the sign-in of this browser."""

    person: Staff
    entry: SignIn

    @property
    def csrf(self) -> str:
        """What a form of this browser must bring along: only a page of ours can know it."""
        return hmac.new(self.entry.digest.encode(), b"csrf", hashlib.sha256).hexdigest()


def hashed(password: str) -> str:
    """The hash of a new password. Raises VoicebotError for one that is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise VoicebotError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; choose another")
    return _HASHER.hash(password)


def digest(secret: str) -> str:
    """What is kept of a cookie's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_in(cookies: str) -> str:
    """The desk's secret in a Cookie header; empty for none."""
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


class Door:
    """Who is in. Sign-ins stand in the database, and in memory so that no request waits for it."""

    def __init__(self, store: DeskStore, settings: DeskSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._settings = settings
        self._now = now
        self._present: dict[str, Present] = {}
        self._hashing = asyncio.Semaphore(AT_ONCE)
        self.on_left: list[Callable[[frozenset[str]], None]] = []
        """Told the digests of sign-ins that ended."""

    async def refresh(self) -> None:
        """Take over what changed in the database: staff removed, passwords changed, another desk's sign-ins; end what has run out."""
        people = {person.name: person for person in await staff.everybody(self._store)}
        entries = {one.digest: Present(people[one.staff], one) for one in await staff.sign_ins(self._store) if one.staff in people}
        valid = {name: found for name, found in entries.items() if not self._over(found.entry)}
        left = frozenset(self._present.keys() | entries.keys()) - valid.keys()
        self._present = valid
        if left:
            await staff.sign_out(self._store, *left)
            self._tell(left)

    async def sign_in(self, name: str, password: str) -> str | None:
        """The secret for the cookie of a browser that is now in; None, after the time that any refusal takes, when it is not."""
        now = self._now()
        person = await staff.find(self._store, name)
        locked = person is not None and person.locked_until_utc is not None and person.locked_until_utc > now
        right = await self._matches(person.password_hash if person else _NOBODYS, password)
        if person is None or locked or not right:
            if person and not locked:
                until = now + timedelta(seconds=self._settings.locked_s)
                await staff.count_failure(self._store, name, limit=self._settings.failures, locked_until_utc=until)
            log.warning("sign-in refused", locked=locked)
            return None
        await staff.change(self._store, name, failures=0, locked_until_utc=None)
        secret = secrets.token_urlsafe(32)
        entry = SignIn(digest(secret), name, now, now, now + timedelta(hours=self._settings.sign_in_h))
        await staff.sign_in(self._store, entry)
        self._present[entry.digest] = Present(person, entry)
        return secret

    def present(self, secret: str) -> Present | None:
        """Who the browser with this cookie is."""
        return self.by_digest(digest(secret)) if secret else None

    def by_digest(self, name: str) -> Present | None:
        """Who signed in under this digest, if that still holds."""
        found = self._present.get(name)
        return found if found and not self._over(found.entry) else None

    async def seen(self, present: Present) -> None:
        """This browser is in use."""
        now = self._now()
        if now - present.entry.seen_utc >= SEEN_EVERY and present.entry.digest in self._present:
            self._present[present.entry.digest] = replace(present, entry=replace(present.entry, seen_utc=now))
            await staff.seen(self._store, present.entry.digest, now)

    async def sign_out(self, present: Present) -> None:
        """This browser is out, with all its pages."""
        self._present.pop(present.entry.digest, None)
        await staff.sign_out(self._store, present.entry.digest)
        self._tell(frozenset({present.entry.digest}))

    def change(self, name: str, **columns: Any) -> None:
        """What a person changed of themselves shows on the next page."""
        for key, found in self._present.items():
            if found.person.name == name:
                self._present[key] = replace(found, person=replace(found.person, **columns))

    def _over(self, entry: SignIn) -> bool:
        now = self._now()
        return now >= entry.until_utc or now - entry.seen_utc >= timedelta(hours=self._settings.idle_h)

    def _tell(self, left: frozenset[str]) -> None:
        for hears in self.on_left:
            hears(left)

    async def _matches(self, kept: str, password: str) -> bool:
        if len(password) > LONGEST_PASSWORD:
            return False
        async with self._hashing:
            return await asyncio.to_thread(_verified, kept, password)


def _verified(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
