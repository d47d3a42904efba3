"""A desk to test: calls as journal lines, a database of its own, and the real process with pages that a browser can open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from voicebot.store import events
from voicebot.store.events import Event, Line, encode, tag
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal
from voicebot.store.staff import Role, Staff
from voicebot.testbed import desks

BEGUN = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
ANI = "+441632960123"
PASSWORD = "a long enough password"
QUESTION = "why is my bill so much higher than last month"
COMPLAINT = "no you charged me roaming and i never left the country"
EVIL = "<script>alert(1)</script> <img src=x onerror=alert(2)>"

WITH_BOT: tuple[tuple[int, Event], ...] = (
    (100, events.CallAnswered()),
    (4_000, events.BotSpoke("Welcome.", "greeting", 100, 3_900, 3_900, False, "Welcome.")),
    (4_000, events.NoticeGiven(False)),
    (8_000, events.CallerSpoke(QUESTION, 0.86, 5_000, 7_600)),
    (8_100, events.Decided("Reply", "matched bill-higher 0.88", "bill-higher")),
    (13_500, events.BargedIn("taken", 13_400, 110)),
    (13_600, events.BotSpoke("Open My Bill in the app.", "answer", 8_200, 5_200, 7_000, True, "Open My Bill", "bill-higher")),
    (17_000, events.CallerSpoke(COMPLAINT, 0.41, 13_400, 16_800)),
    (17_100, events.Decided("Clarify", "two entries", None, None, ("roaming-cost", "refund"))),
    (17_200, events.BotSpoke("Do you mean roaming or a refund?", "clarify", 17_200, 3_000, 3_000, False, "Do you mean roaming or a refund?")),
    (24_000, events.CallerSpoke("an agent please", 0.91, 22_000, 23_800)),
)
QUEUED: tuple[tuple[int, Event], ...] = (
    (24_100, events.Decided("HandOver", "asked for a person")),
    (24_200, events.HandoverDecided("asked for a person", "support", 0, "Caller asked for a person.")),
    (27_500, events.QueueEntered("support")),
)


def handled(agent: str) -> tuple[tuple[int, Event], ...]:
    """What follows in the queue: `agent` rings, answers, hears the briefing, talks."""
    return (
        (29_000, events.AgentRang(agent)),
        (30_000, events.AgentAnswered(agent)),
        (30_010, events.BriefingStarted(agent)),
        (35_000, events.AgentJoined(agent)),
    )


def started(ani: str = ANI, at_utc: datetime = BEGUN, language: str = "en") -> events.CallStarted:
    """A call to the hotline 100."""
    return events.CallStarted(ani, "100", language, f"c-{ani}", at_utc)


def lines(*happened: tuple[int, Event], call_id: str = "c1", begun: events.CallStarted | None = None) -> list[Line]:
    """A record: its start, then what happened at which millisecond."""
    first = begun or started()
    record: Sequence[tuple[int, Event]] = ((0, first), *happened)
    return [Line(call_id, seq, t_ms, first.at_utc + timedelta(milliseconds=t_ms), tag(e), encode(e)) for seq, (t_ms, e) in enumerate(record)]


def over(by_agent: str = "") -> tuple[tuple[int, Event], ...]:
    """The end: the agent `by_agent` hangs up, or the caller does."""
    end: Event = events.AgentLeft(by_agent, "hung up") if by_agent else events.CallerHungUp()
    return ((60_000, end), (60_100, events.CallSealed("handed_over", "floor", 60_100)))


def person(name: str = "ann", role: Role = Role.AGENT) -> Staff:
    """Somebody with no password that works."""
    return Staff(name, role, "no hash")


async def hire(url: str, *people: tuple[str, Role]) -> None:
    """Put people on the staff, all with `PASSWORD`."""
    await desks.hire(url, PASSWORD, dict(people))


class Calls:
    """Calls as the controller would journal them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def begin(self, call_id: str, *happened: tuple[int, Event], ani: str = ANI) -> CallJournal:
        """A call of now."""
        record = self._journal.call(call_id, started(ani, datetime.now(UTC)))
        for t_ms, event in happened:
            record.append(t_ms, event)
        return record


@asynccontextmanager
async def journalling(url: str, spool: Path) -> AsyncIterator[Calls]:
    """A journal that is being written."""
    journal = await Journal.open(url, spool)
    async with asyncio.TaskGroup() as scope:
        scope.create_task(journal.run())
        try:
            yield Calls(journal)
        finally:
            await journal.close()


@dataclass(frozen=True, slots=True)
class Served:
    """A running `voicebot desk`."""

    base: str
    url: str
    """Of its database."""
    folder: Path


@asynccontextmanager
async def served(folder: Path, port: int = 0) -> AsyncIterator[Served]:
    """`voicebot desk` on its own, its database in `folder`; there is no controller."""
    url = f"sqlite+aiosqlite:///{folder}/journal.db"
    file = folder / "voicebot.toml"
    file.write_text(f'secrets = "{folder}/secrets"\nstore.url = "{url}"\nserve.port = 1\ndesk.port = {port}\n')
    async with desks.desk(file) as base:
        yield Served(base, url, folder)
