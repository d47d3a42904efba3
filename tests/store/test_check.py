"""Every record of a journal is read and judged; calls still open are counted, not blamed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from voicebot.errors import StoreError
from voicebot.store.check import Checked, check, told
from voicebot.store.events import BotSpoke, CallAnswered, CallerHungUp, CallStarted, NoticeGiven
from voicebot.store.history import Violation
from voicebot.store.journal import Journal

Running = Callable[[], AbstractAsyncContextManager[Journal]]
GREETING = BotSpoke("hello", "greeting", 0, 1_000, 1_000, False, "hello")


def test_good_open_and_bad_records_are_told_apart(running: Running, url: str, begun: CallStarted) -> None:
    async def scenario() -> Checked:
        async with running() as journal:
            for call_id in ("good", "open", "bad"):
                record = journal.call(call_id, begun)
                record.append(0, CallAnswered())
                record.append(1_000, GREETING if call_id != "bad" else NoticeGiven(False))
            journal.call("good-2", begun).seal(0, "abandoned", "caller")
            for call_id in ("good", "bad"):
                record = await journal.resume(call_id)
                record.append(1_500, CallerHungUp())
                record.seal(1_500, "abandoned", "caller")
        return await check(url)

    checked = asyncio.run(scenario())
    assert checked == Checked(4, 1, {"bad": (Violation("notice first", 2, "notice given without a greeting"),)})
    assert told(checked) == ["bad, line 2: notice first: notice given without a greeting", "4 calls checked, 1 still open: violations in 1 of them"]


def test_more_calls_than_are_read_at_once_are_all_read(running: Running, url: str, begun: CallStarted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.store.check._CHUNK", 3)

    async def scenario() -> Checked:
        async with running() as journal:
            for number in range(10):
                journal.call(f"c{number}", begun).seal(0, "abandoned", "app")
        return await check(url)

    checked = asyncio.run(scenario())
    assert (checked.calls, checked.open, checked.wrong) == (10, 0, {})
    assert told(checked) == ["10 calls checked, 0 still open: no violations"]


def test_without_a_journal_there_is_one_line_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no journal here yet"):
        asyncio.run(check(f"sqlite+aiosqlite:///{tmp_path / 'none.db'}"))


def test_a_database_without_our_tables_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError):
        asyncio.run(check(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"))
