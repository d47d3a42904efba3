"""Where a call ended, by its journal, and the figures made of many; the calls themselves need a telephone."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from voicebot.customers.database import DatabaseDirectory
from voicebot.customers.demo import people
from voicebot.store.events import BotSpoke, CallSealed, Event, HandoverDecided
from voicebot.testbed.bench_conversations import Played, _judge, _result, ended, filled
from voicebot.testbed.conversations import Conversation, Hears, Says


def record(*events: Event) -> Any:
    return SimpleNamespace(lines=[SimpleNamespace(event=event) for event in events])


def spoke(text: str) -> BotSpoke:
    return BotSpoke(text, "answer", 0, 1, 1, False, text)


HANDED = HandoverDecided("asked for a person", "support", 0, "")
CALL = Conversation("t", "en", "1", (Says("agent"), Hears(("Connecting you",))), "with a person, asked for a person")


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ((), ""),
        ((HANDED, CallSealed("handed_over", "floor", 1)), "with a person, asked for a person"),
        ((CallSealed("contained", "bot", 1),), "with the bot"),
        ((CallSealed("contained", "caller", 1),), "the caller hangs up"),
    ],
)
def test_where_it_ended(events: tuple[Event, ...], end: str) -> None:
    assert ended(record(*events)) == end


def played(*events: Event) -> Played:
    one = Played(CALL)
    _judge(one, record(*events))
    return one


def test_an_end_that_is_missed_and_a_sentence_that_is_missing_show() -> None:
    good, bad = played(spoke("Connecting you."), HANDED), played(CallSealed("contained", "bot", 1))
    assert (good.reached, good.misheard) == (True, [])
    assert (bad.reached, bad.misheard) == (False, ["Connecting you"])
    assert bad.row()["not said"] == ["Connecting you"]


def test_nine_of_ten_are_enough_and_one_in_silence_is_too_many() -> None:
    good, bad = played(spoke("Connecting you."), HANDED), played(CallSealed("contained", "bot", 1))
    assert _result([good] * 9 + [bad]).passed
    assert not _result([good] * 8 + [bad] * 2).passed
    silent = played(spoke("Connecting you."), HANDED)
    silent.silent = True
    assert not _result([good] * 9 + [silent]).passed


def test_the_demos_customers_are_there_before_the_first_call(tmp_path: Path) -> None:
    async def main() -> str | None:
        url = f"sqlite+aiosqlite:///{tmp_path}/customers.db"
        who = people(date(2026, 3, 14))[:2]
        await filled(url, who)
        directory = DatabaseDirectory(url)
        found = await directory.find(who[1].phone)
        await directory.close()
        return found.id if found else None

    assert datetime.now(UTC).year >= 2026
    assert asyncio.run(main()) == "c1"
