"""The directory in a database: SQLAlchemy, any URL. The demo's customers stand in one of these; a real one is read, never written.

PINs are kept as salted scrypt hashes (RFC 7914) and compared in constant time.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    RowMapping,
    String,
    Table,
    insert,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from voicebot.customers.demo import Person
from voicebot.customers.directory import DEADLINE_S, Account, Bill, Customer, Item, Outage, Place, Plan, Ticket, Usage
from voicebot.errors import DirectoryError

METADATA = MetaData()


def _owned(name: str, *columns: Column[Any]) -> Table:
    return Table(name, METADATA, Column("id", String, primary_key=True), Column("customer", ForeignKey("customers.id"), index=True), *columns)


CUSTOMERS = Table(
    "customers",
    METADATA,
    Column("id", String, primary_key=True),
    Column("number", String, nullable=False, unique=True),
    Column("phone", String, nullable=False, index=True),
    Column("language", String, nullable=False),
    Column("area", String, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("pin", LargeBinary, nullable=False),
)
PLANS = _owned("plans", Column("kind", String), Column("price_cents", Integer), Column("data_mb", Integer), Column("until", Date))
BILLS = _owned("bills", Column("month", Date), Column("due", Date), Column("paid", Boolean))
ITEMS = Table(
    "bill_items",
    METADATA,
    Column("bill", ForeignKey("bills.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("cents", Integer, nullable=False),
)
USAGES = _owned("usages", Column("plan_id", ForeignKey("plans.id")), Column("month", Date), Column("used_mb", Integer))
TICKETS = _owned("tickets", Column("kind", String), Column("status", String), Column("opened", Date), Column("visit", Date))
AREAS = Table("area_names", METADATA, Column("name", String, primary_key=True), Column("area", String, nullable=False))
OUTAGES = Table(
    "outages", METADATA, Column("area", String, primary_key=True), Column("since", DateTime(timezone=True)), Column("until", DateTime(timezone=True))
)


class DatabaseDirectory:
    """Customers in a database. `url` is an SQLAlchemy async URL."""

    def __init__(self, url: str) -> None:
        """Raises DirectoryError for a URL that can never be opened."""
        try:
            path = make_url(url).database
            if make_url(url).get_backend_name() == "sqlite" and path:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._engine = create_async_engine(url)
        except (ArgumentError, SQLAlchemyError, OSError) as error:
            raise DirectoryError(f"[customers] url {url!r} cannot be opened: {error}") from None

    async def find(self, number: str) -> Customer | None:
        """See Directory."""
        async with self._reading() as connection:
            found = await _all(connection, CUSTOMERS, (CUSTOMERS.c.phone == number) | (CUSTOMERS.c.number == number))
        return _customer(found[0]) if len(found) == 1 else None

    async def check(self, customer_id: str, digits: str) -> bool:
        """See Directory."""
        async with self._reading() as connection:
            found = await _all(connection, CUSTOMERS, CUSTOMERS.c.id == customer_id)
        if not found:
            return False
        row = found[0]
        right = await asyncio.to_thread(_hash, digits, row["salt"])
        return hmac.compare_digest(right, row["pin"]) or hmac.compare_digest(digits.encode(), row["number"][-4:].encode())

    async def account(self, customer_id: str) -> Account:
        """See Directory."""
        async with self._reading() as connection:
            found = await _all(connection, CUSTOMERS, CUSTOMERS.c.id == customer_id)
            if not found:
                raise DirectoryError("this customer is not in the directory any more")
            owned = {table: await _all(connection, table, table.c.customer == customer_id) for table in (PLANS, BILLS, USAGES, TICKETS)}
            owned[ITEMS] = await _all(connection, ITEMS, ITEMS.c.bill.in_([bill["id"] for bill in owned[BILLS]]))
        return _account(found[0], owned)

    async def place(self, words: str) -> Place | None:
        """See Directory."""
        async with self._reading() as connection:
            names = await _all(connection, AREAS)
            area = named({row["name"]: row["area"] for row in names}, words)
            found = await _all(connection, OUTAGES, OUTAGES.c.area == area) if area else ()
        return Place(area, _outage(found[0]) if found else None) if area else None

    async def close(self) -> None:
        """See Directory."""
        await self._engine.dispose()

    async def fill(self, people: Iterable[Person], areas: Mapping[str, Sequence[str]], outages: Iterable[Outage]) -> None:
        """Make the tables and put `people` into them, in place of whoever stands there. For the demo. Raises DirectoryError."""
        rows = await asyncio.to_thread(_rows, people)
        rows[AREAS] = [{"name": name, "area": area} for area, names in areas.items() for name in names]
        rows[OUTAGES] = [{"area": outage.area, "since": outage.since, "until": outage.until} for outage in outages]
        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(METADATA.drop_all)
                await connection.run_sync(METADATA.create_all)
                for table in METADATA.sorted_tables:
                    if rows[table]:
                        await connection.execute(insert(table), rows[table])
        except (SQLAlchemyError, OSError) as error:
            raise DirectoryError(f"the customers cannot be written: {error}") from None

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with asyncio.timeout(DEADLINE_S), self._engine.connect() as connection:
                yield connection
        except TimeoutError:
            raise DirectoryError(f"the customer database gave no answer in {DEADLINE_S:g} s") from None
        except (SQLAlchemyError, OSError, ValueError, TypeError, KeyError) as error:
            raise DirectoryError(f"the customer database cannot be read: {type(error).__name__}") from None


def named(names: Mapping[str, str], words: str) -> str:
    """The area whose longest name stands in `words`; "" for none. Spaces do not count: "north gate" is Northgate."""
    plain = "".join(words.lower().split())
    found = [name for name in names if "".join(name.lower().split()) in plain]
    return names[max(found, key=len)] if found else ""


async def _all(connection: AsyncConnection, table: Table, which: Any = None) -> Sequence[RowMapping]:
    query = select(table) if which is None else select(table).where(which)
    return (await connection.execute(query)).mappings().all()


def _customer(row: RowMapping) -> Customer:
    return Customer(row["id"], row["language"], row["area"])


def _outage(row: RowMapping) -> Outage:
    since, until = (moment.replace(tzinfo=UTC) if moment else None for moment in (row["since"], row["until"]))
    if since is None:
        raise DirectoryError("an outage without a beginning stands in the customer database")
    return Outage(row["area"], since, until)


def _account(customer: RowMapping, owned: Mapping[Table, Sequence[RowMapping]]) -> Account:
    lines: dict[str, list[Item]] = {}
    for item in sorted(owned[ITEMS], key=lambda item: int(item["place"])):
        lines.setdefault(item["bill"], []).append(Item(item["kind"], item["cents"]))
    return Account(
        _customer(customer),
        tuple(Plan(row["id"], row["kind"], row["price_cents"], row["data_mb"], row["until"]) for row in sorted(owned[PLANS], key=_mobile_first)),
        tuple(sorted((Bill(row["month"], row["due"], row["paid"], tuple(lines.get(row["id"], ()))) for row in owned[BILLS]), key=_newest)),
        tuple(sorted((Usage(row["plan_id"], row["month"], row["used_mb"]) for row in owned[USAGES]), key=_newest)),
        tuple(sorted((Ticket(row["id"], row["kind"], row["status"], row["opened"], row["visit"]) for row in owned[TICKETS]), key=_latest)),
    )


def _mobile_first(plan: RowMapping) -> tuple[bool, str]:
    return plan["kind"] != "mobile", plan["id"]


def _newest(value: Bill | Usage) -> int:
    return -value.month.toordinal()


def _latest(ticket: Ticket) -> int:
    return -ticket.opened.toordinal()


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=2**12, r=8, p=1)


def _rows(people: Iterable[Person]) -> dict[Table, list[dict[str, Any]]]:
    rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in METADATA.sorted_tables}
    for person in people:
        account, salt = person.account, secrets.token_bytes(16)
        customer = account.customer
        told = {"id": customer.id, "number": person.number, "phone": person.phone, "language": customer.language, "area": customer.area}
        rows[CUSTOMERS].append({**told, "salt": salt, "pin": _hash(person.pin, salt)})
        owned = {"customer": customer.id}
        rows[PLANS] += [
            {**owned, "id": p.id, "kind": p.kind, "price_cents": p.price_cents, "data_mb": p.data_mb, "until": p.until} for p in account.plans
        ]
        rows[USAGES] += [
            {**owned, "id": f"{u.plan_id}-{u.month}", "plan_id": u.plan_id, "month": u.month, "used_mb": u.used_mb} for u in account.usages
        ]
        rows[TICKETS] += [{**owned, "id": t.id, "kind": t.kind, "status": t.status, "opened": t.opened, "visit": t.visit} for t in account.tickets]
        for bill in account.bills:
            bill_id = f"{customer.id}-{bill.month}"
            rows[BILLS].append({**owned, "id": bill_id, "month": bill.month, "due": bill.due, "paid": bill.paid})
            rows[ITEMS] += [{"bill": bill_id, "place": place, "kind": item.kind, "cents": item.cents} for place, item in enumerate(bill.items)]
    return rows
