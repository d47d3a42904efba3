"""Other systems are told of calls: started, escalated, briefing ready, ended. Signed, tried again for a day, in no promised order, at least once for
every call that was open at some moment while a desk ran.

Each message carries its own id, by which a receiver knows it again. The signature is HMAC-SHA256 over `<timestamp>.<body>`, so that neither can be
changed and an old message cannot be sent again unnoticed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import structlog

from voicebot.desk.live import Live
from voicebot.desk.outside import briefing, row
from voicebot.dialogue.knowledge import Knowledge
from voicebot.errors import StoreError
from voicebot.handover.story import Story, told
from voicebot.handover.written import written
from voicebot.settings import Webhook
from voicebot.store import deliveries
from voicebot.store.deliveries import Delivery
from voicebot.store.desk import DeskStore
from voicebot.store.events import CallSealed, CallStarted, Event, HandoverDecided, Line, QueueEntered
from voicebot.telephony.pbx_plan import secret

EVENTS: Mapping[type[Event], str] = {
    CallStarted: "call.started",
    HandoverDecided: "call.escalated",
    QueueEntered: "call.briefing",
    CallSealed: "call.ended",
}
"""What is told: event of the journal → its name outside."""
TIMEOUT_S = 5.0
LOOK_S = 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 3_600.0
ATTEMPTS = 30
"""With these pauses about a day."""
log = structlog.get_logger()


def pause_s(attempts: int) -> float:
    """How long after the `attempts`-th failure it is tried again."""
    return float(min(FIRST_PAUSE_S * 2 ** (attempts - 1), LONGEST_PAUSE_S))


def signature(key: str, timestamp: int, body: bytes) -> str:
    """What stands in X-Voicebot-Signature."""
    return "sha256=" + hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def message(story: Story, line: Line, knowledge: Knowledge) -> bytes:
    """What is sent for one line: the call as it was then, with its briefing once there is one."""
    found = {"id": f"{line.call_id}:{line.seq}", "event": EVENTS[type(line.event)], "at_utc": line.at_utc, "call": row(story)}
    if story.reason:
        found["briefing"] = briefing(written(story, knowledge, story.language)).model_dump()
    return msgspec.json.encode(found)


class Webhooks:
    """Takes note of what is to be told, and tells it. Nothing of a call ever waits for it."""

    def __init__(self, store: DeskStore, live: Live, knowledge: Knowledge, hooks: tuple[Webhook, ...], secrets: Path) -> None:
        self._store = store
        self._knowledge = knowledge
        self._keys = {hook.url: secret(secrets, hook.secret) for hook in hooks}
        self._lines: asyncio.Queue[Line] = asyncio.Queue()
        self._planned = asyncio.Event()
        if hooks:
            live.watch(self._take)

    async def run(self) -> None:
        """Plan and deliver until cancelled."""
        if not self._keys:
            return
        async with asyncio.TaskGroup() as scope, httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as http:
            scope.create_task(self._plan())
            scope.create_task(self._deliver(http))
            await asyncio.Event().wait()

    def _take(self, _story: Story, line: Line) -> None:
        if type(line.event) in EVENTS:
            self._lines.put_nowait(line)

    async def _plan(self) -> None:
        while True:
            line = await self._lines.get()
            for url in self._keys:
                try:
                    await deliveries.plan(self._store, Delivery(url, line.call_id, line.seq, 0, "due", datetime.now(UTC)))
                except StoreError as error:
                    log.error("a webhook cannot be planned", call_id=line.call_id, why=str(error))
            self._planned.set()

    async def _deliver(self, http: httpx.AsyncClient) -> None:
        while True:
            self._planned.clear()
            async with asyncio.TaskGroup() as scope:  # a receiver that is slow delays no other
                for url in self._keys:
                    scope.create_task(self._to_one(http, url))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._planned.wait()

    async def _to_one(self, http: httpx.AsyncClient, url: str) -> None:
        try:
            for delivery in await deliveries.due(self._store, url, datetime.now(UTC)):
                await deliveries.note(self._store, await self._attempt(http, delivery))
        except StoreError as error:
            log.error("a webhook's state cannot be kept; it is sent again", why=str(error))

    async def _attempt(self, http: httpx.AsyncClient, delivery: Delivery) -> Delivery:
        now, attempts = datetime.now(UTC), delivery.attempts + 1
        lines = await deliveries.record(self._store, delivery.call_id, delivery.seq)
        story = told(lines)
        if story is None or type(lines[-1].event) not in EVENTS:
            return replace(delivery, state="given_up", at_utc=now)
        if await self._sent(http, delivery.url, message(story, lines[-1], self._knowledge)):
            return replace(delivery, attempts=attempts, state="done", at_utc=now)
        if attempts >= ATTEMPTS:
            log.error("a webhook is given up", call_id=delivery.call_id, attempts=attempts)
            return replace(delivery, attempts=attempts, state="given_up", at_utc=now)
        return replace(delivery, attempts=attempts, at_utc=now + timedelta(seconds=pause_s(attempts)))

    async def _sent(self, http: httpx.AsyncClient, url: str, body: bytes) -> bool:
        timestamp = int(datetime.now(UTC).timestamp())
        headers = {
            "Content-Type": "application/json",
            "X-Voicebot-Timestamp": str(timestamp),
            "X-Voicebot-Signature": signature(self._keys[url], timestamp, body),
        }
        try:
            return (await http.post(url, content=body, headers=headers)).is_success
        except httpx.HTTPError as error:
            log.warning("a webhook was not taken", why=type(error).__name__)
            return False
