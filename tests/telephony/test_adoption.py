"""Callers whose bot was elsewhere: their records are gone on with once the other is done, and sealed when nobody else does it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from voicebot.errors import StoreError
from voicebot.store.events import CallAnswered, CallStarted, Event, Fault, HandoverDecided, QueueEntered
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal
from voicebot.telephony import adoption
from voicebot.telephony.adoption import Awaited, Settled, Strays

Run = Callable[[object], object]
Told = tuple[str, CallJournal | None, int]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "ADOPT_AFTER_S", 0.05)


@asynccontextmanager
async def journal_of(path: Path) -> AsyncIterator[Journal]:
    journal = await Journal.open(f"sqlite+aiosqlite:///{path}/calls.db", path / "spool")
    try:
        yield journal
    finally:
        await journal.close()


async def settle(journal: Journal, strays: Strays) -> list[Told]:
    told: list[Told] = []

    async def on_settled(settled: Sequence[Settled]) -> None:
        told.extend((each.channel, each.record, each.zero_ms) for each in settled)

    strays.end()
    await strays.run(journal, on_settled)
    return told


def strays() -> Strays:
    return Strays(lambda: asyncio.get_running_loop().time())


def started(channel: str = "c1") -> CallStarted:
    return CallStarted("555", "100", "en", channel, datetime(2026, 1, 1, tzinfo=UTC))


async def other_controller(folder: Path, *happened: Event) -> None:
    async with journal_of(folder) as journal:
        record = journal.call("c1", started())
        for event in happened:
            record.append(4_000, event)


HANDED = HandoverDecided("asked", "support", 0, "")


def test_what_waited_is_written_behind_the_others_last_line(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        await other_controller(tmp_path, HANDED)
        async with journal_of(tmp_path) as journal:
            seen, awaited = strays(), Awaited()
            seen.add("c1", awaited)
            awaited.append(20, QueueEntered("support"))
            [(channel, record, zero_ms)] = await settle(journal, seen)
            assert (channel, zero_ms) == ("c1", 4_000)
            assert record
            record.append(5_000, QueueEntered("sales"))
            assert [(line.t_ms, line.seq) for line in await journal.lines("c1")] == [(0, 0), (4_000, 1), (4_020, 2), (5_000, 3)]

    run(scenario())


def test_a_caller_who_left_before_he_was_adopted_is_sealed(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        await other_controller(tmp_path, HANDED)
        async with journal_of(tmp_path) as journal:
            seen, awaited = strays(), Awaited()
            seen.add("c1", awaited)
            assert awaited.seal(30, "abandoned", "floor")
            await settle(journal, seen)
            assert (await journal.lines("c1"))[-1].t_ms == 4_030
            assert (await journal.resume("c1")).sealed

    run(scenario())


def test_one_who_is_gone_is_sealed_as_lost_unless_it_is_done(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        await other_controller(tmp_path)
        async with journal_of(tmp_path) as journal:
            for _ in range(2):
                seen = strays()
                seen.add("c1", gone=True)
                assert await settle(journal, seen) == [("c1", None, 0)]
            assert [line.type for line in await journal.lines("c1")] == ["call_started", "call_sealed"]

    run(scenario())


def test_the_others_last_lines_are_waited_for(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as other, journal_of(tmp_path) as journal:
            record = other.call("c1", started())
            seen = strays()
            seen.add("c1", Awaited())
            record.append(4_000, HANDED)
            asyncio.get_running_loop().call_later(0.01, lambda: writes.append(asyncio.ensure_future(record.ours())))
            writes: list[asyncio.Future[bool]] = []
            [(_, found, zero_ms)] = await settle(journal, seen)
            assert found
            assert zero_ms == 4_000
            assert await writes[0]

    run(scenario())


@pytest.mark.parametrize("whose", ["nobody's", "our own"])
def test_a_call_that_is_not_anothers_is_not_adopted(whose: str, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal_of(tmp_path) as journal:
            if whose == "our own":
                journal.call("c1", started())
            seen = strays()
            seen.add("c1", Awaited())
            seen.add("c1", gone=True)
            seen.add("c1")
            assert await settle(journal, seen) == [("c1", None, 0)] * 3
            if whose == "our own":
                assert not (await journal.resume("c1")).sealed

    run(scenario())


def test_a_journal_that_cannot_be_read_adopts_nobody_and_the_next_is_tried(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        await other_controller(tmp_path)
        async with journal_of(tmp_path) as journal:
            unsealed, tries = journal.unsealed, iter((True, False))

            async def sometimes() -> object:
                if next(tries):
                    raise StoreError("the journal cannot be read")
                return await unsealed()

            monkeypatch.setattr(journal, "unsealed", sometimes)
            seen = strays()
            seen.add("c1", Awaited())
            [first] = await settle(journal, seen)
            seen.add("c1", Awaited())
            [second] = await settle(journal, seen)
            assert first[1] is None
            assert second[1] is not None

    run(scenario())


def test_those_due_together_cost_one_look_into_the_journal(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        await other_controller(tmp_path, HANDED)
        async with journal_of(tmp_path) as journal:
            unsealed, looks = journal.unsealed, list[None]()

            async def counted() -> object:
                looks.append(None)
                return await unsealed()

            monkeypatch.setattr(journal, "unsealed", counted)
            seen = Strays(lambda: 0.0)
            for number in range(500):
                seen.add(f"somebody else {number}", gone=True)
            seen.add("c1", Awaited())
            told = await settle(journal, seen)
            assert len(told) == 501
            assert told[-1][1] is not None
            assert len(looks) == 1

    run(scenario())


@pytest.mark.parametrize(
    ("last", "given_up"),
    [(HANDED, True), (Fault("call", "Asterisk closed the control connection"), True), (Fault("recogniser", "slow"), False), (CallAnswered(), False)],
)
def test_who_lost_his_bots_media_is_given_up_when_his_record_says_so(last: Event, given_up: bool, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        await other_controller(tmp_path, last)
        async with journal_of(tmp_path) as journal:
            seen, told = strays(), list[Settled]()

            async def on_settled(settled: Sequence[Settled]) -> None:
                told.extend(settled)

            seen.add("c1", tended=True)
            seen.end()
            await seen.run(journal, on_settled)
            assert told == [Settled("c1", tended=True, given_up=given_up)]
            assert [call.call_id for call in await journal.unsealed()] == ["c1"]

    run(scenario())
