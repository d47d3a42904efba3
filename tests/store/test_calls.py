from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from voicebot.errors import StoreError
from voicebot.store import events
from voicebot.store.calls import CallRecord, CallSummary, Turn, follow, recent, show, turns
from voicebot.store.events import Event, Line
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal

Running = Callable[[], AbstractAsyncContextManager[Journal]]

GREETING = events.BotSpoke("Hello.", "greeting", 0, 600, 600, False, "Hello.")
ASKED = events.CallerSpoke("what is my bill", 0.8, 900, 1_900)
CHOSE = events.Decided("reply", "match", "billing", 0.9, ("roaming",))
ANSWER = events.BotSpoke("Your bill is in the app.", "answer", 2_500, 700, 2_000, True, "Your bill is", "billing")
MEASURED = events.TurnMeasured(400, 90, 5, 40, 535)
CUT = events.BargedIn("taken", 3_200, 120)
WANTED = events.CallerSpoke("an agent", 0.95, 3_200, 3_900)
HANDED = events.HandoverDecided("asked for a person", "support", 0, "Bill question.")


def lines(*happened: Event, call_id: str = "c1") -> list[Line]:
    at_utc = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
    return [Line(call_id, seq, seq * 100, at_utc, events.tag(event), events.encode(event)) for seq, event in enumerate(happened)]


def talk(record: CallJournal) -> None:
    for at_ms, event in enumerate((GREETING, ASKED, CHOSE, MEASURED, CUT, ANSWER, WANTED, HANDED, events.AgentAnswered("6001"))):
        record.append(at_ms * 100, event)


def test_turns_begin_with_the_caller_and_hold_all_that_came_of_it() -> None:
    assert turns(lines(events.NoticeGiven(False), GREETING, ASKED, CHOSE, MEASURED, CUT, ANSWER, WANTED, HANDED)) == (
        Turn(0, 0, None, (), (GREETING,), (), None),
        Turn(1, 200, ASKED, (CHOSE,), (ANSWER,), (CUT,), MEASURED),
        Turn(2, 700, WANTED, (), (), (), None),
    )


def test_a_key_begins_a_turn_as_words_do() -> None:
    assert [turn.caller for turn in turns(lines(events.DigitPressed("0"), CHOSE, events.DigitPressed("1")))] == [
        events.DigitPressed("0"),
        events.DigitPressed("1"),
    ]


def test_no_lines_make_no_turns() -> None:
    assert turns([]) == ()


def test_recent_lists_the_newest_first_with_what_became_of_them(running: Running, url: str, begun: events.CallStarted) -> None:
    async def run() -> list[CallSummary]:
        async with running() as journal:
            for number in range(4):
                started = msgspec.structs.replace(begun, at_utc=begun.at_utc + timedelta(minutes=number))
                record = journal.call(f"c{number}", started)
                if number == 2:
                    talk(record)
                    record.seal(9_000, "handed_over", "floor")
        return await recent(url, limit=3)

    found = asyncio.run(run())
    assert [call.call_id for call in found] == ["c3", "c2", "c1"]
    assert (found[0].outcome, found[0].sealed_utc, found[0].utterances) == (None, None, 0)
    told = found[1]
    assert (told.outcome, told.sealed_by, told.duration_ms, told.utterances) == ("handed_over", "floor", 9_000, 2)
    assert (told.handover_reason, told.queue, told.agent, told.ani) == ("asked for a person", "support", "6001", begun.ani)


def test_show_gives_the_whole_record(running: Running, url: str, begun: events.CallStarted) -> None:
    async def run() -> CallRecord:
        async with running() as journal:
            record = journal.call("c1-abc", begun)
            talk(record)
            record.seal(9_000, "handed_over", "floor")
            journal.call("c1-xyz", begun)
        return await show(url, "c1-a")

    record = asyncio.run(run())
    assert record.summary.call_id == "c1-abc"
    assert [line.seq for line in record.lines] == list(range(11))
    assert record.lines[0].event == begun
    assert record.lines[-1].event == events.CallSealed("handed_over", "floor", 9_000)
    assert [turn.number for turn in record.turns] == [0, 1, 2]


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("c9", "'c9': no call has an id that begins so"),
        ("%", "'%': no call"),
        ("c1", "'c1': more than one call begins so: c1-abc, c1-xyz; give more of the id"),
        ("", "more than one call"),
    ],
)
def test_show_refuses_an_id_that_is_not_one_calls(running: Running, url: str, begun: events.CallStarted, prefix: str, said: str) -> None:
    async def run() -> None:
        async with running() as journal:
            journal.call("c1-abc", begun)
            journal.call("c1-xyz", begun)
        await show(url, prefix)

    with pytest.raises(StoreError) as caught:
        asyncio.run(run())
    assert said in str(caught.value)


def test_a_whole_id_is_that_call_even_when_another_begins_with_it(running: Running, url: str, begun: events.CallStarted) -> None:
    async def run() -> str:
        async with running() as journal:
            for number in range(6):
                journal.call("c" + "1" * number, begun)
        return (await show(url, "c")).summary.call_id

    assert asyncio.run(run()) == "c"


def test_reading_without_a_journal_says_so(url: str) -> None:
    for reading in (recent(url), show(url, "c1")):
        with pytest.raises(StoreError, match="no journal here yet"):
            asyncio.run(reading)


def test_follow_gives_one_call_live_and_ends_with_its_seal(running: Running, url: str, begun: events.CallStarted) -> None:
    async def run() -> list[Line]:
        async with running() as journal:
            record = journal.call("c1", begun)
            record.append(1, GREETING)
            seen = []
            async for line in follow(url, "c1", poll_ms=5):
                seen.append(line)
                if line.seq == 1:
                    record.append(2, ASKED)
                if line.event == ASKED:
                    assert record.seal(3, "contained", "call")
            return seen

    seen = asyncio.run(run())
    assert [line.seq for line in seen] == [0, 1, 2, 3]
    assert seen[-1].event == events.CallSealed("contained", "call", 3)


def test_follow_gives_open_calls_whole_and_new_ones_but_no_sealed_ones(running: Running, url: str, begun_now: events.CallStarted) -> None:
    async def run() -> list[tuple[str, int]]:
        async with running() as journal:
            old, open_call = journal.call("old", begun_now), journal.call("open", begun_now)
            old.seal(1, "contained", "call")
            await journal._flush()
            seen: list[tuple[str, int]] = []
            async with aclosing(follow(url, poll_ms=5)) as following:
                async for line in following:
                    seen.append((line.call_id, line.seq))
                    if len(seen) == 1:
                        new = journal.call("new", begun_now)
                        assert new.seal(5, "abandoned", "call")  # begins and ends between two looks
                    if line.call_id == "new" and line.type == "call_sealed":
                        open_call.append(9, ASKED)
                    if line.event == ASKED:
                        return seen
            return seen

    assert asyncio.run(run()) == [("open", 0), ("new", 0), ("new", 1), ("open", 1)]


def test_follow_gives_every_line_once_in_order_within_each_call(running: Running, url: str, begun_now: events.CallStarted) -> None:
    async def write(journal: Journal) -> None:
        records = [journal.call(f"c{number}", begun_now) for number in range(3)]
        for key in range(60):
            for record in records:
                record.append(key, events.DigitPressed(str(key)))
            await asyncio.sleep(0.002)
        for record in records:
            record.seal(99, "contained", "call")

    async def run() -> dict[str, list[int]]:
        async with running() as journal, asyncio.TaskGroup() as tasks:
            tasks.create_task(write(journal))
            seen: dict[str, list[int]] = {}
            ends = 0
            async with aclosing(follow(url, poll_ms=5)) as following:
                async for line in following:
                    seen.setdefault(line.call_id, []).append(line.seq)
                    ends += line.type == "call_sealed"
                    if ends == 3:
                        break
            return seen

    assert asyncio.run(run()) == {f"c{number}": list(range(62)) for number in range(3)}
