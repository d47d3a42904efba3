"""Other systems are told of calls: signed, again until they take it, and once the desk is back what was still due."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.kit.deskkit import ANI, COMPLAINT, QUEUED, WITH_BOT, Calls, handled, journalling, lines
from tests.kit.deskstage import BILL
from voicebot.desk import webhooks as module
from voicebot.desk.live import Live
from voicebot.desk.webhooks import ATTEMPTS, LONGEST_PAUSE_S, Webhooks, message, pause_s, signature
from voicebot.dialogue.knowledge import Knowledge
from voicebot.handover.story import told
from voicebot.settings import Webhook
from voicebot.store import deliveries
from voicebot.store.deliveries import Delivery
from voicebot.store.desk import DeskStore

KNOWN = Knowledge((BILL,), "v1")
NAMES = ["call.started", "call.escalated", "call.briefing", "call.ended"]


class Receiver:
    """Another system: answers with each status in turn, then with 200, and keeps what it took."""

    def __init__(self, statuses: Iterable[int] = ()) -> None:
        self.statuses = list(statuses)
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.tries = 0
        self.url = ""

    @property
    def events(self) -> list[str]:
        return [json.loads(body)["event"] for _, body in self.taken]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])}
                body = await reader.readexactly(int(headers["content-length"]))
                self.tries += 1
                status = self.statuses.pop(0) if self.statuses else 200
                if status == 200:
                    self.taken.append((headers, body))
                writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode())
        except asyncio.IncompleteReadError:
            writer.close()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.taken) < count:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(statuses)
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        server.close()


@asynccontextmanager
async def telling(url: str, folder: Path, *urls: str) -> AsyncIterator[Calls]:
    async with journalling(url, folder / "spool") as calls, DeskStore.open(url) as store, asyncio.TaskGroup() as scope:
        live = Live(url)
        hooks = Webhooks(store, live, KNOWN, tuple(Webhook(url=each) for each in urls), folder / "secrets")
        running = [scope.create_task(live.run()), scope.create_task(hooks.run())]
        try:
            yield calls
        finally:
            for task in running:
                task.cancel()


async def whole_call(calls: Calls, receiver: Receiver | None = None) -> None:
    """A call that ends once the desk has seen it begin: one that begins and ends before it looks is told by nobody."""
    record = calls.begin("c1", *WITH_BOT, *QUEUED, *handled("6001"))
    if receiver:
        await receiver.until(1)
    record.seal(60_000, "handed_over", "floor")


def test_a_call_is_told_from_its_start_to_its_end(url: str, tmp_path: Path) -> None:
    async def scenario() -> Receiver:
        async with receiving() as receiver, telling(url, tmp_path, receiver.url) as calls:
            await whole_call(calls, receiver)
            await receiver.until(4)
        return receiver

    receiver = asyncio.run(scenario())
    assert sorted(receiver.events) == sorted(NAMES)
    found = {json.loads(body)["event"]: json.loads(body) for _, body in receiver.taken}
    assert "briefing" not in found["call.started"]
    assert found["call.started"]["call"]["stage"] == "bot"
    assert COMPLAINT in found["call.briefing"]["briefing"]["need"]
    assert (found["call.ended"]["call"]["outcome"], found["call.ended"]["call"]["agent"]) == ("handed_over", "6001")
    assert len({each["id"] for each in found.values()}) == 4


def test_the_signature_is_over_time_and_body(url: str, tmp_path: Path) -> None:
    async def scenario() -> Receiver:
        async with receiving() as receiver, telling(url, tmp_path, receiver.url) as calls:
            calls.begin("c1")
            await receiver.until(1)
        return receiver

    [(headers, body)] = asyncio.run(scenario()).taken
    key = (tmp_path / "secrets" / "webhook").read_text().strip()
    expected = hmac.new(key.encode(), f"{headers['x-voicebot-timestamp']}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["x-voicebot-signature"] == f"sha256={expected}"
    assert signature(key, 1, body) != signature(key, 2, body)
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [500, 404, 302, 429])
def test_what_is_not_taken_is_sent_again(url: str, tmp_path: Path, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(module, "LOOK_S", 0.02)

    async def scenario() -> Receiver:
        async with receiving(status, status) as receiver, telling(url, tmp_path, receiver.url) as calls:
            calls.begin("c1")
            await receiver.until(1)
        return receiver

    receiver = asyncio.run(scenario())
    assert receiver.tries == 3
    assert receiver.events == ["call.started"]


def test_a_receiver_that_is_away_delays_no_other(url: str, tmp_path: Path) -> None:
    async def scenario() -> Receiver:
        async with receiving() as receiver, telling(url, tmp_path, "http://127.0.0.1:1/away", receiver.url) as calls:
            await whole_call(calls, receiver)
            await receiver.until(4)
        return receiver

    assert sorted(asyncio.run(scenario()).events) == sorted(NAMES)


def test_what_was_due_when_the_desk_ended_is_told_by_the_next(url: str, tmp_path: Path) -> None:
    async def scenario() -> Receiver:
        async with receiving() as receiver:
            async with journalling(url, tmp_path / "spool") as calls:
                await whole_call(calls)
            async with DeskStore.open(url) as store:
                await deliveries.plan(store, Delivery(receiver.url, "c1", 0, 3, "due", datetime.now(UTC)))
                await deliveries.plan(store, Delivery(receiver.url, "c1", 0, 0, "due", datetime.now(UTC) + timedelta(days=1)))  # known already
            async with telling(url, tmp_path, receiver.url):
                await receiver.until(1)
                async with DeskStore.open(url) as store, asyncio.timeout(20):
                    while await deliveries.due(store, receiver.url, datetime.now(UTC) + timedelta(days=2)):
                        await asyncio.sleep(0.02)
        return receiver

    assert asyncio.run(scenario()).events == ["call.started"]


def test_without_a_webhook_nothing_is_planned(url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with DeskStore.open(url) as store:
            live = Live(url)
            hooks = Webhooks(store, live, KNOWN, (), tmp_path)
            await hooks.run()
            for line in lines(*WITH_BOT):
                live.take(line)
            assert await deliveries.due(store, "", datetime.now(UTC)) == []

    asyncio.run(scenario())


def test_the_pauses_double_and_last_about_a_day() -> None:
    assert [pause_s(attempt) for attempt in (1, 2, 3)] == [5, 10, 20]
    assert pause_s(ATTEMPTS) == LONGEST_PAUSE_S
    assert 18 < sum(pause_s(attempt) for attempt in range(1, ATTEMPTS)) / 3_600 < 30


def test_a_message_tells_the_call_as_it_was_then() -> None:
    record = lines(*WITH_BOT, *QUEUED)
    story = told(record)
    assert story
    found = json.loads(message(story, record[-1], KNOWN))
    assert (found["id"], found["event"]) == (f"c1:{record[-1].seq}", "call.briefing")
    assert found["call"]["number"] == ANI
    assert found["at_utc"].startswith("2026-03-14")
