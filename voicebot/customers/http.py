"""The directory behind HTTP and JSON, for operators with an interface of their own. One deadline, one retry, and a breaker after failures in a row.

    GET  BASE/customers?number=N        → customer, 404 for none
    POST BASE/customers/ID/check        {"digits": "…"} → {"right": true}
    GET  BASE/customers/ID              → account
    GET  BASE/places?words=…            → {"area": …, "outage": null or {…}}, 404 for none

The bodies are the dataclasses of `directory` as JSON. Anything else that comes is a DirectoryError, never a guess.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import structlog
from pydantic import TypeAdapter, ValidationError

from voicebot.customers.directory import DEADLINE_S, Account, Customer, Place
from voicebot.errors import DirectoryError

ATTEMPT_S = 1.8
"""One request; with one retry both fit into `DEADLINE_S`."""
MAX_BYTES = 256_000
FAILURES = 3
COOL_S = 20.0
NOT_FOUND = 404
T = TypeVar("T")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Breaker:
    """Opens after `FAILURES` failures in a row; after `COOL_S` one request may try again. Pure: it is told the time."""

    failures: int = 0
    until_s: float = 0.0

    def open(self, now_s: float) -> bool:
        """Whether nothing is to be asked now."""
        return self.failures >= FAILURES and now_s < self.until_s

    def after(self, ok: bool, now_s: float) -> Breaker:
        """The breaker after one request."""
        return Breaker() if ok else replace(self, failures=self.failures + 1, until_s=now_s + COOL_S)


@dataclass(frozen=True)
class _Right:
    right: bool


class HttpDirectory:
    """Customers behind `base`. `token` goes along as a bearer token, when there is one."""

    def __init__(
        self, base: str, token: str = "", transport: httpx.AsyncBaseTransport | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(base_url=base.rstrip("/"), timeout=ATTEMPT_S, headers=headers, transport=transport, follow_redirects=False)
        self._clock = clock
        self._breaker = Breaker()

    async def find(self, number: str) -> Customer | None:
        """See Directory."""
        return await self._asked(Customer, "GET", "/customers", params={"number": number})

    async def check(self, customer_id: str, digits: str) -> bool:
        """See Directory. Never asked twice: each is a try."""
        answer = await self._asked(_Right, "POST", f"/customers/{quote(customer_id, safe='')}/check", tries=1, json={"digits": digits})
        return answer is not None and answer.right

    async def account(self, customer_id: str) -> Account:
        """See Directory."""
        account = await self._asked(Account, "GET", f"/customers/{quote(customer_id, safe='')}")
        if account is None or account.customer.id != customer_id:
            raise DirectoryError("the directory answered with no account, or another customer's")
        return account

    async def place(self, words: str) -> Place | None:
        """See Directory."""
        return await self._asked(Place, "GET", "/places", params={"words": words})

    async def close(self) -> None:
        """See Directory."""
        await self._http.aclose()

    async def _asked(self, kind: type[T], method: str, path: str, tries: int = 2, **how: Any) -> T | None:
        if self._breaker.open(self._clock()):
            raise DirectoryError("the directory failed several times in a row and is left alone for a moment")
        try:
            async with asyncio.timeout(DEADLINE_S):
                response = await self._sent(method, path, tries, how)
                found = None if response.status_code == NOT_FOUND else _read(kind, response)
        except (httpx.HTTPError, TimeoutError, ValidationError, DirectoryError) as error:
            self._breaker = self._breaker.after(False, self._clock())
            raise DirectoryError(f"the directory cannot be used: {_told(error)}") from None
        self._breaker = self._breaker.after(True, self._clock())
        return found

    async def _sent(self, method: str, path: str, tries: int, how: dict[str, Any]) -> httpx.Response:
        for left in reversed(range(tries)):
            try:
                response = await self._http.request(method, path, **how)
                if response.status_code < httpx.codes.INTERNAL_SERVER_ERROR or not left:
                    return response
            except httpx.TransportError:
                if not left:
                    raise
        raise DirectoryError("was never asked")


def _read(kind: type[T], response: httpx.Response) -> T:
    if response.status_code != httpx.codes.OK:
        raise DirectoryError(f"it answered {response.status_code}")
    if len(response.content) > MAX_BYTES:
        raise DirectoryError(f"its answer is longer than {MAX_BYTES:,} bytes")
    return TypeAdapter(kind).validate_json(response.content)


def _told(error: Exception) -> str:
    """What went wrong, without a word of what was sent or received: that is personal."""
    if isinstance(error, ValidationError):
        return f"its answer makes no sense ({error.error_count()} faults)"
    return str(error) if isinstance(error, DirectoryError) else type(error).__name__
