"""What callers asked, out of the journal."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert

from tests.kit.deskkit import BEGUN, COMPLAINT, QUESTION, QUEUED, WITH_BOT, lines, over, started
from voicebot.learning.asked import Asked, asked_since, questions
from voicebot.store.desk import DeskStore
from voicebot.store.events import CallerSpoke, Decided, DigitPressed, Event, Line
from voicebot.store.tables import CALLS, EVENTS


def at(t_ms: int, text: str, entry_id: str = "", *, missed: bool = False, handed: bool = False) -> Asked:
    return Asked("c1", BEGUN + timedelta(milliseconds=t_ms), "en", text, entry_id, missed, handed)


def folded(*happened: tuple[int, Event]) -> list[Asked]:
    return list(questions(("c1", BEGUN + timedelta(milliseconds=t_ms), "en", event) for t_ms, event in happened))


def test_each_utterance_goes_with_the_decision_after_it() -> None:
    assert folded(*WITH_BOT, *QUEUED) == [
        at(8_000, QUESTION, "bill-higher"),
        at(17_000, COMPLAINT),
        at(24_000, "an agent please", handed=True),
    ]


def test_what_was_not_understood_is_missed() -> None:
    spoke = CallerSpoke("do you sell umbrellas", 0.9, 0, 900)
    assert folded((1, spoke), (2, Decided("Reply", "not understood, best hours 0.10"))) == [at(1, "do you sell umbrellas", missed=True)]


def test_silence_keys_and_blanked_words_ask_nothing() -> None:
    silent = Decided("Reply", "silent for 6000 ms")
    blank = CallerSpoke("", 0.9, 0, 900)
    assert folded((1, silent), (2, DigitPressed("1")), (3, silent), (4, blank), (5, Decided("Reply", "not understood"))) == []


def test_calls_are_read_from_the_journal_each_in_its_order(tmp_path: Path) -> None:
    later = lines(*WITH_BOT, *QUEUED, *over(), call_id="c1")
    early = lines((1_000, CallerSpoke("old", 1, 0, 1)), (1_001, Decided("Reply", "x")), call_id="c0", begun=started(at_utc=BEGUN - timedelta(days=9)))

    async def scenario() -> None:
        async with DeskStore.open(f"sqlite+aiosqlite:///{tmp_path}/journal.db") as store:
            for record in (later, early):
                await kept(store, record)
            assert await asked_since(store, BEGUN - timedelta(days=1)) == folded(*WITH_BOT, *QUEUED)
            old, *_ = await asked_since(store, BEGUN - timedelta(days=10))
            assert old.text == "old"

    asyncio.run(scenario())


async def kept(store: DeskStore, record: list[Line]) -> None:
    call = {"call_id": record[0].call_id, "started_utc": record[0].at_utc, "ani": "", "dnis": "100", "language": "en", "channel": ""}
    async with store.writing() as connection:
        await connection.execute(insert(CALLS), [call])
        await connection.execute(insert(EVENTS), [{name: getattr(line, name) for name in Line.__struct_fields__} for line in record])
