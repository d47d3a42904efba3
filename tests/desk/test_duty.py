"""Agents' states: what they choose, what calls do to them, what the queue is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from tests.kit.deskkit import BEGUN, QUEUED, WITH_BOT, handled, lines, over, started
from voicebot.desk import duty as module
from voicebot.desk.duty import MISSED, PAUSES, Change, Duty, after
from voicebot.errors import StoreError
from voicebot.handover.story import Story, begin, fold
from voicebot.store import postings
from voicebot.store.desk import DeskStore
from voicebot.store.events import AgentLeft, AgentRang, CallSealed, Event, Line
from voicebot.store.postings import Posting, State

EARLY = BEGUN - timedelta(hours=1)


def posting(state: State = "ready", since: datetime = EARLY, state_since: datetime = EARLY, call_id: str = "") -> Posting:
    return Posting("6001", since, None, "ann", state, "", state_since, call_id)


def changes(record: list[Line], sits: Posting) -> list[Change]:
    """What each line of a record means, as long as nothing is done about it."""
    story: Story | None = None
    found = []
    for line in record:
        story = fold(story, line) if story else begin(line)
        assert story
        if change := after(sits, story, line):
            found.append(change)
    return found


def call(*happened: tuple[int, Event]) -> list[Line]:
    return lines(*WITH_BOT, *QUEUED, *happened)


@pytest.mark.parametrize("why", ["no answer", "unreachable", "declined", "busy", "left before the caller was through"])
def test_a_missed_call_is_a_pause(why: str) -> None:
    assert changes(call((29_000, AgentRang("6001")), (49_000, AgentLeft("6001", why))), posting()) == [Change("pause", MISSED)]


@pytest.mark.parametrize("by_agent", ["", "6001"])
def test_a_call_that_is_over_is_wrapped_up(by_agent: str) -> None:
    assert changes(call(*handled("6001"), *over(by_agent)), posting()) == [Change("wrap_up", call_id="c1")]


def test_a_call_whose_end_is_unknown_is_wrapped_up_too() -> None:
    assert changes(call(*handled("6001"), (90_000, CallSealed("lost", "floor", 90_000))), posting()) == [Change("wrap_up", call_id="c1")]


@pytest.mark.parametrize(
    "record",
    [
        call(),
        call(*handled("6001")),
        call(*handled("6002"), *over()),
        call((29_000, AgentRang("6001")), (30_000, AgentLeft("6001", "ring cancelled"))),
        call((29_000, AgentRang("6002")), (49_000, AgentLeft("6002", "no answer"))),
        call((29_000, AgentRang("6001")), (49_000, AgentLeft("6001", "ring cancelled")), *[(t + 30_000, e) for t, e in (*handled("6002"), *over())]),
    ],
    ids=["nobody rang", "still talking", "another's call", "caller gone while it rang", "another missed it", "another took it"],
)
def test_all_else_changes_nothing(record: list[Line]) -> None:
    assert changes(record, posting()) == []


def test_the_past_read_again_changes_nothing() -> None:
    record = call(*handled("6001"), *over("6001"))
    later = BEGUN + timedelta(hours=1)
    assert changes(record, posting(state_since=later)) == []
    assert changes(record, posting(since=later)) == []
    assert changes(record, posting("wrap_up", call_id="c1")) == []


class Queue:
    """The controller's end: what it was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, bool]] = []
        self.there = True
        self.heard = asyncio.Event()

    async def pause(self, paused: Mapping[str, bool]) -> bool:
        self.told.append(dict(paused))
        self.heard.set()
        return self.there

    async def until(self, wanted: dict[str, bool]) -> None:
        async with asyncio.timeout(10):
            while not self.told or self.told[-1] != wanted:
                self.heard.clear()
                await self.heard.wait()


Scenario = Callable[[Duty, Queue, DeskStore], Awaitable[None]]


def on_duty(url: str, scenario: Scenario, *, running: bool = False, wrap_up_s: float = 60) -> None:
    async def acting() -> None:
        async with DeskStore.open(url) as store:
            queue = Queue()
            duty = Duty(store, ("6001", "6002"), queue.pause, wrap_up_s)
            await duty.load()
            async with asyncio.TaskGroup() as scope:
                run = scope.create_task(duty.run()) if running else None
                await scenario(duty, queue, store)
                if run:
                    run.cancel()

    asyncio.run(acting())


def state(duty: Duty, staff: str = "ann") -> tuple[str, str]:
    found = duty.of(staff)
    return (found.state, found.reason) if found else ("", "")


def test_who_sits_down_is_on_a_pause_until_ready(url: str) -> None:
    async def scenario(duty: Duty, queue: Queue, store: DeskStore) -> None:
        assert duty.free() == ("6001", "6002")
        await duty.take("ann", "6001")
        assert (state(duty), duty.free()) == (("pause", ""), ("6002",))
        await duty.ready("ann")
        assert state(duty) == ("ready", "")
        for reason in PAUSES:
            await duty.pause("ann", reason)
            assert state(duty) == ("pause", reason)

    on_duty(url, scenario)


@pytest.mark.parametrize(
    ("staff", "extension", "why"), [("bob", "6001", "taken"), ("ann", "6002", "another phone"), ("bob", "9999", "no such phone")]
)
def test_a_phone_has_one_person_and_a_person_one_phone(url: str, staff: str, extension: str, why: str) -> None:
    async def scenario(duty: Duty, queue: Queue, store: DeskStore) -> None:
        await duty.take("ann", "6001")
        with pytest.raises(StoreError, match=why):
            await duty.take(staff, extension)
        assert [one.staff for one in duty.all()] == ["ann"]

    on_duty(url, scenario)


def test_a_pause_needs_a_reason_there_is(url: str) -> None:
    async def scenario(duty: Duty, queue: Queue, store: DeskStore) -> None:
        await duty.take("ann", "6001")
        with pytest.raises(StoreError, match="no reason for a pause"):
            await duty.pause("ann", MISSED)

    on_duty(url, scenario)


def test_states_outlive_the_desk(url: str) -> None:
    async def first(duty: Duty, queue: Queue, store: DeskStore) -> None:
        await duty.take("ann", "6001")
        await duty.pause("ann", "lunch")

    async def second(duty: Duty, queue: Queue, store: DeskStore) -> None:
        assert state(duty) == ("pause", "lunch")

    on_duty(url, first)
    on_duty(url, second)


def test_where_somebody_sat_is_remembered_after_they_got_up(url: str) -> None:
    async def scenario(duty: Duty, queue: Queue, store: DeskStore) -> None:
        await duty.take("ann", "6001")
        at = datetime.now(UTC)
        await duty.release("ann")
        await duty.release("ann")
        await duty.take("bob", "6001")
        assert duty.of("ann") is None
        held = await postings.of(store, "ann", at)
        assert postings.sat_at(held, "6001", at)
        assert not postings.sat_at(held, "6001", datetime.now(UTC))
        assert not postings.sat_at(held, "6002", at)

    on_duty(url, scenario)


def test_the_queue_is_told_of_everybody_at_every_change(url: str) -> None:
    async def scenario(duty: Duty, queue: Queue, store: DeskStore) -> None:
        await duty.take("ann", "6001")
        await queue.until({"6001": True})
        await duty.ready("ann")
        await queue.until({"6001": False})
        await duty.take("bob", "6002")
        await queue.until({"6001": False, "6002": True})
        await duty.release("ann")
        await queue.until({"6002": True, "6001": True})

    on_duty(url, scenario, running=True)


def test_and_again_without_one_for_an_asterisk_that_started_anew(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAID_EVERY_S", 0.02)

    async def scenario(duty: Duty, queue: Queue, store: DeskStore) -> None:
        await duty.take("ann", "6001")
        await queue.until({"6001": True})
        told = len(queue.told)
        async with asyncio.timeout(10):
            while len(queue.told) < told + 3:
                await asyncio.sleep(0.01)
        assert queue.told[-1] == {"6001": True}

    on_duty(url, scenario, running=True)


def test_pages_learn_that_the_queue_cannot_be_reached(url: str) -> None:
    async def scenario(duty: Duty, queue: Queue, store: DeskStore) -> None:
        noticed = asyncio.Event()
        queue.there = False
        stop = duty.watch(lambda: noticed.set() if not duty.reaches_queue else None)
        await duty.take("ann", "6001")
        async with asyncio.timeout(10):
            await noticed.wait()
        stop()

    on_duty(url, scenario, running=True)


async def play(duty: Duty, record: list[Line]) -> None:
    story: Story | None = None
    for line in record:
        story = fold(story, line) if story else begin(line)
        assert story
        duty.take_line(story, line)


def test_the_journal_moves_the_state_and_the_queue_learns_it(url: str) -> None:
    async def scenario(duty: Duty, queue: Queue, store: DeskStore) -> None:
        await duty.take("ann", "6001")
        await duty.ready("ann")
        await queue.until({"6001": False})
        soon = started(at_utc=datetime.now(UTC) + timedelta(seconds=1))
        await play(duty, lines(*WITH_BOT, *QUEUED, *handled("6001"), *over(), begun=soon))
        await queue.until({"6001": True})
        found = duty.of("ann")
        assert found
        assert (found.state, found.call_id) == ("wrap_up", "c1")
        assert [one.call_id for one in await postings.current(store)] == ["c1"]

    on_duty(url, scenario, running=True)


def test_a_wrap_up_that_nobody_finishes_ends_by_itself(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAID_EVERY_S", 0.02)

    async def scenario(duty: Duty, queue: Queue, store: DeskStore) -> None:
        await duty.take("ann", "6001")
        soon = started(at_utc=datetime.now(UTC) + timedelta(seconds=1))
        await play(duty, lines(*WITH_BOT, *QUEUED, *handled("6001"), *over(), begun=soon))
        await queue.until({"6001": False})
        assert state(duty) == ("ready", "")

    on_duty(url, scenario, running=True, wrap_up_s=0.0)
