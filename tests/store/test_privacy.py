"""Erasing, expiring, holding, handing out: a search of the bytes finds nothing that should be gone, and the audit log cannot be changed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.store.conftest import Query, Running
from voicebot.errors import StoreError
from voicebot.store import privacy
from voicebot.store.blanking import Kept
from voicebot.store.check import check
from voicebot.store.desk import DeskStore
from voicebot.store.desk_tables import NOTES
from voicebot.store.events import BotSpoke, CallAnswered, CallerSpoke, CallStarted, NoticeGiven, Recorded
from voicebot.store.privacy import Deed, audit, deeds, erase, expire, export, hold, release

NUMBER, OTHER = "0201555777", "0201555888"
WORDS, OTHERS_WORDS, NOTE = "quicksilver umbrella", "somebody else entirely", "spoke about marmalade"
NOW = datetime.now(UTC)
GREETING = BotSpoke("welcome", "greeting", 0, 500, 500, False, "welcome")


@pytest.fixture
def kept(running: Running, begun: CallStarted, url: str, tmp_path: Path) -> Callable[..., Any]:
    """Write a call of a number, sealed unless said otherwise, with a recording and a note; returns the recording's path."""

    async def write(call_id: str, ani: str, words: str, at_utc: datetime = NOW, sealed: bool = True) -> Path:
        path = tmp_path / f"{call_id}.wav"
        path.write_bytes(b"RIFF")
        async with running() as journal:
            record = journal.call(call_id, msgspec.structs.replace(begun, ani=ani, at_utc=at_utc))
            for event in (CallAnswered(), Recorded(str(path), on=True), GREETING, NoticeGiven(True), CallerSpoke(words, 0.9, 600, 900)):
                record.append(1_000, event)
            if sealed:
                record.seal(2_000, "contained", "bot")
        async with DeskStore.open(url) as store, store.writing() as connection:
            row = {"note_id": call_id, "call_id": call_id, "staff": "agent", "at_utc": NOW, "text": NOTE if ani == NUMBER else "fine"}
            await connection.execute(NOTES.insert(), [row])
        return path

    return write


def on(url: str, work: Callable[[DeskStore], Awaitable[Any]]) -> Any:
    async def working() -> Any:
        async with DeskStore.open(url) as store:
            return await work(store)

    return asyncio.run(working())


def found(database: Path, text: str) -> list[str]:
    """The files beside the database, and itself, in whose bytes `text` stands."""
    return [path.name for path in database.parent.glob(f"{database.name}*") if text.encode() in path.read_bytes()]


def test_after_an_erasure_the_bytes_hold_nothing_of_the_caller_and_all_of_the_others(kept: Any, url: str, database: Path) -> None:
    ours = asyncio.run(kept("c1", NUMBER, WORDS))
    theirs = asyncio.run(kept("c2", OTHER, OTHERS_WORDS))
    assert found(database, NUMBER)
    assert found(database, "quicksilver")
    done = on(url, lambda store: erase(store, NUMBER, "boss", NOW))
    assert (done.calls, done.recordings) == (1, 1)
    for text in (NUMBER, "quicksilver", "umbrella", "marmalade", str(ours)):
        assert found(database, text) == []
    assert found(database, "somebody else")
    assert not ours.exists()
    assert theirs.exists()


def test_an_erased_record_still_keeps_every_rule(kept: Any, url: str) -> None:
    asyncio.run(kept("c1", NUMBER, WORDS))
    on(url, lambda store: erase(store, NUMBER, "boss", NOW))
    checked = asyncio.run(check(url))
    assert checked.calls == 1
    assert not checked.wrong


def test_a_number_with_an_open_call_is_not_erased(kept: Any, url: str) -> None:
    asyncio.run(kept("c1", NUMBER, WORDS, sealed=False))
    with pytest.raises(StoreError, match="c1: a call of this number is still open"):
        on(url, lambda store: erase(store, NUMBER, "boss", NOW))


def test_a_recording_that_stays_undoes_the_erasure(kept: Any, url: str, database: Path) -> None:
    path = asyncio.run(kept("c1", NUMBER, WORDS))
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be deleted"):
        on(url, lambda store: erase(store, NUMBER, "boss", NOW))
    assert found(database, "quicksilver")


def test_a_hold_keeps_from_erasure_and_expiry_until_released(kept: Any, url: str, database: Path) -> None:
    asyncio.run(kept("c1", NUMBER, WORDS, NOW - timedelta(days=400)))
    on(url, lambda store: hold(store, NUMBER, "case 7", "boss", NOW))
    with pytest.raises(StoreError, match="legal hold"):
        on(url, lambda store: erase(store, NUMBER, "boss", NOW))
    assert on(url, lambda store: expire(store, {Kept.WORDS: 1}, NOW)).calls == 0
    assert found(database, "quicksilver")
    on(url, lambda store: release(store, NUMBER, "boss", NOW))
    on(url, lambda store: erase(store, NUMBER, "boss", NOW))
    assert not found(database, "quicksilver")


def test_only_a_hold_can_be_released(url: str) -> None:
    with pytest.raises(StoreError, match="no legal hold"):
        on(url, lambda store: release(store, NUMBER, "boss", NOW))


def test_each_class_expires_by_its_own_term_and_once(kept: Any, url: str, database: Path) -> None:
    old = asyncio.run(kept("c1", NUMBER, WORDS, NOW - timedelta(days=100)))
    new = asyncio.run(kept("c2", OTHER, OTHERS_WORDS, NOW - timedelta(days=10)))
    first = on(url, lambda store: expire(store, {Kept.AUDIO: 5, Kept.WORDS: 90, Kept.NUMBER: 365}, NOW))
    assert (first.calls, first.recordings) == (3, 2)
    assert not old.exists()
    assert not new.exists()
    assert not found(database, "quicksilver")
    assert found(database, "somebody else")
    assert found(database, NUMBER)
    again = on(url, lambda store: expire(store, {Kept.AUDIO: 5, Kept.WORDS: 90, Kept.NUMBER: 365}, NOW))
    assert (again.calls, again.recordings) == (0, 0)


def test_what_is_handed_out_is_all_of_the_caller_and_nothing_of_others(kept: Any, url: str) -> None:
    path = asyncio.run(kept("c1", NUMBER, WORDS))
    asyncio.run(kept("c2", OTHER, OTHERS_WORDS))
    (one,) = on(url, lambda store: export(store, NUMBER, "boss", NOW))
    assert one["call_id"] == "c1"
    assert one["recordings"] == [str(path)]
    assert [row["text"] for row in one["notes"]] == [NOTE]
    assert any("quicksilver" in line["event"] for line in one["journal"])


def test_each_deed_is_audited_without_number_or_words(kept: Any, url: str) -> None:
    asyncio.run(kept("c1", NUMBER, WORDS))
    on(url, lambda store: export(store, NUMBER, "boss", NOW))
    on(url, lambda store: erase(store, NUMBER, "boss", NOW))
    on(url, lambda store: audit(store, Deed(NOW, "agent", "look", "c1")))
    told = on(url, deeds)
    assert [(deed.staff, deed.deed, deed.about) for deed in told] == [("agent", "look", "c1"), ("boss", "erase", "c1"), ("boss", "export", "c1")]


@pytest.mark.parametrize("sql", ["UPDATE audit SET staff = 'nobody'", "DELETE FROM audit"])
def test_the_audit_log_cannot_be_changed(url: str, query: Query, sql: str) -> None:
    on(url, lambda store: audit(store, Deed(NOW, "agent", "look", "c1")))
    with pytest.raises(sqlite3.DatabaseError, match="cannot be changed"):
        query(sql)
    assert query("SELECT staff FROM audit") == [("agent",)]


def test_a_reader_that_keeps_old_pages_is_named(kept: Any, url: str, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.store.database.WRITER_BUSY_MS", 50)
    asyncio.run(kept("c1", NUMBER, WORDS))
    reader = sqlite3.connect(database)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        with pytest.raises(StoreError, match="another program reads the database"):
            on(url, lambda store: erase(store, NUMBER, "boss", NOW))
    finally:
        reader.close()
    on(url, lambda store: privacy.erase(store, NUMBER, "boss", NOW))
    assert not found(database, "quicksilver")
