"""A call log to search: generated calls in a database of its own, and a few whose words, numbers and ends a test knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tests.kit.deskkit import lines
from voicebot.dialogue.entry import Entry
from voicebot.store import events
from voicebot.store.desk import DeskStore
from voicebot.store.events import Event, Line
from voicebot.testbed.fill import fill

T = TypeVar("T")
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
ENTRIES = tuple(
    Entry(name, language, f"about {name}", (), None, (question,), f"The answer about {name}.", f"In short: {name}.")
    for name, language, question in (
        ("bill", "en", "why is my bill so high"),
        ("roaming", "en", "what does roaming cost"),
        ("bill", "zh", "话费为什么这么高"),
        ("puk", "zh", "怎么查流量套餐"),
    )
)
Known = tuple[Line, ...]


def known(
    call_id: str,
    words: str,
    at_utc: datetime = NOON,
    *,
    ani: str = "0201555777",
    entry: str = "bill",
    anger: float = 0.1,
    agent: str = "",
    why: str = "",
) -> Known:
    """A sealed call: `words` answered with `entry` (without one: not understood); handed over for `why`, and answered by `agent`."""
    decided = events.Decided("Reply", "matched", entry) if entry else events.Decided("Reply", "not understood, best bill 0.2")
    said: list[tuple[int, Event]] = [
        (100, events.CallAnswered()),
        (3_000, events.CallerSpoke(words, 0.9, 1_000, 2_900)),
        (3_010, events.AngerScored(anger)),
        (3_020, decided),
        (5_000, events.BotSpoke("Well.", "answer", 3_100, 1_900, 1_900, False, "Well.", entry or None)),
    ]
    if why:
        said += [(6_000, events.HandoverDecided(why, "support", 0, "b")), (7_000, events.QueueEntered("support"))]
    if agent:
        said += [
            (17_000, events.AgentRang(agent)),
            (17_000, events.AgentAnswered(agent)),
            (17_100, events.BriefingStarted(agent)),
            (20_000, events.AgentJoined(agent)),
        ]
    outcome = "handed_over" if agent else "abandoned" if why else "contained"
    end = events.CallSealed(outcome, "floor", 50_000)  # type: ignore[arg-type]
    return tuple(lines(*said, (50_000, end), call_id=call_id, begun=events.CallStarted(ani, "100", "en", "PJSIP/caller", at_utc)))


CALLS: Sequence[Known] = (
    known("bill-1", "Why is my BILL so high", NOON, ani="+441632960111"),
    known("bill-2", "my bill is wrong", NOON + timedelta(hours=1), anger=0.8, agent="6001", why="is upset"),
    known("roam-1", "roaming in spain", NOON + timedelta(hours=1), entry="roaming", agent="6002", why="asked for a person"),
    known("zh-1", "我想查话费", NOON + timedelta(days=1), ani="+8613800000000", anger=0.5),
    known("gift-1", "do you sell gift cards", NOON + timedelta(days=1, hours=2), entry="", why="was not understood"),
    known("gift-2", "gift cards do you sell", NOON + timedelta(days=1, hours=2), entry=""),
)


async def filled(url: str, work: Callable[[DeskStore], Awaitable[T]], calls: Sequence[Known] = CALLS) -> T:
    """Do `work` on a call log with `calls`."""
    async with DeskStore.open(url) as store:
        await fill(store, calls)
        return await work(store)
