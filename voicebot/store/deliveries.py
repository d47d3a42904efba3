"""Which events other systems were told of, so that nothing is told twice on purpose and nothing is forgotten when the desk starts anew."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select, update

from voicebot.store.database import insert_new
from voicebot.store.desk import DeskStore
from voicebot.store.desk_tables import DELIVERIES
from voicebot.store.events import Line
from voicebot.store.tables import EVENTS

DeliveryState = Literal["due", "done", "given_up"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event of one call on its way to one URL."""

    url: str
    call_id: str
    seq: int
    attempts: int
    state: DeliveryState
    at_utc: datetime


async def plan(store: DeskStore, delivery: Delivery) -> None:
    """Have it delivered; one that is known already is left as it is."""
    async with store.writing() as connection:
        await connection.execute(insert_new(connection.dialect.name, DELIVERIES), [asdict(delivery)])


async def note(store: DeskStore, delivery: Delivery) -> None:
    """Keep what has become of it."""
    ours = (DELIVERIES.c.url == delivery.url) & (DELIVERIES.c.call_id == delivery.call_id) & (DELIVERIES.c.seq == delivery.seq)
    async with store.writing() as connection:
        columns = {"attempts": delivery.attempts, "state": delivery.state, "at_utc": delivery.at_utc}
        await connection.execute(update(DELIVERIES).where(ours).values(**columns))


async def due(store: DeskStore, url: str, now_utc: datetime, limit: int = 50) -> list[Delivery]:
    """What is to be delivered to `url` now, the oldest first."""
    ours = (DELIVERIES.c.url == url) & (DELIVERIES.c.state == "due") & (DELIVERIES.c.at_utc <= now_utc)
    wanted = select(DELIVERIES).where(ours).order_by(DELIVERIES.c.at_utc).limit(limit)
    async with store.reading() as connection:
        return [Delivery(*row) for row in await connection.execute(wanted)]


async def record(store: DeskStore, call_id: str, seq: int) -> list[Line]:
    """The call's lines up to and with `seq`: what was known when the event happened."""
    wanted = select(EVENTS).where(EVENTS.c.call_id == call_id, EVENTS.c.seq <= seq).order_by(EVENTS.c.seq)
    async with store.reading() as connection:
        return [Line(*row) for row in await connection.execute(wanted)]
