"""What agents write about calls: notes, wrap-ups, proposals for the knowledge base, follow-up tasks. Kept as written; shown as text.

A proposal changes nothing by itself: a supervisor reviews it, rewrites it, and only the knowledge base's own files reach a caller.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

from sqlalchemy import delete, insert, select, update

from voicebot.store.desk import DeskStore
from voicebot.store.desk_tables import FOLLOW_UPS, NOTES, PROPOSALS, WRAP_UPS
from voicebot.store.tables import CALLS

ProposalKind = Literal["wrong", "missing"]
ProposalState = Literal["open", "approved", "declined"]


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody noted about a call."""

    note_id: str
    call_id: str
    staff: str
    at_utc: datetime
    text: str


@dataclass(frozen=True, slots=True)
class WrapUp:
    """How a call ended for its agent. `meant` is the KB entry the caller meant, when the bot had understood another; else empty."""

    call_id: str
    staff: str
    at_utc: datetime
    disposition: str
    resolved: bool
    meant: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The answer of `entry_id` is wrong, or one is missing; `question` and `answer` are the agent's words."""

    proposal_id: str
    call_id: str
    staff: str
    at_utc: datetime
    kind: ProposalKind
    language: str
    entry_id: str
    question: str
    answer: str
    state: ProposalState = "open"
    reviewed_by: str = ""
    reviewed_utc: datetime | None = None


NOBODY = ""
"""Whose a task is until somebody takes it."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What is still to be done for a caller, by `staff` or NOBODY; without `text`, a call-back."""

    follow_up_id: str
    call_id: str
    staff: str
    at_utc: datetime
    due_utc: datetime
    text: str
    done_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """All that one wrap-up writes, at once or not at all."""

    wrap_up: WrapUp
    proposal: Proposal | None = None
    follow_up: FollowUp | None = None


def new_id() -> str:
    """A name for a row."""
    return uuid4().hex


async def note(store: DeskStore, written: Note) -> None:
    """Keep a note."""
    async with store.writing() as connection:
        await connection.execute(insert(NOTES), [asdict(written)])


async def notes_of(store: DeskStore, *call_ids: str) -> list[Note]:
    """Oldest first."""
    async with store.reading() as connection:
        return [Note(*row) for row in await connection.execute(select(NOTES).where(NOTES.c.call_id.in_(call_ids)).order_by(NOTES.c.at_utc))]


async def finish(store: DeskStore, finished: Finished) -> None:
    """Keep a wrap-up; the same agent's earlier one of this call is replaced."""
    done = finished.wrap_up
    async with store.writing() as connection:
        await connection.execute(delete(WRAP_UPS).where(WRAP_UPS.c.call_id == done.call_id, WRAP_UPS.c.staff == done.staff))
        await connection.execute(insert(WRAP_UPS), [asdict(done)])
        if finished.proposal:
            await connection.execute(insert(PROPOSALS), [asdict(finished.proposal)])
        if finished.follow_up:
            await connection.execute(insert(FOLLOW_UPS), [asdict(finished.follow_up)])


async def wrap_ups_of(store: DeskStore, *call_ids: str) -> list[WrapUp]:
    """Oldest first."""
    wanted = select(WRAP_UPS).where(WRAP_UPS.c.call_id.in_(call_ids)).order_by(WRAP_UPS.c.at_utc)
    async with store.reading() as connection:
        return [WrapUp(*row) for row in await connection.execute(wanted)]


async def proposals(store: DeskStore, state: ProposalState = "open") -> list[Proposal]:
    """Oldest first."""
    async with store.reading() as connection:
        wanted = select(PROPOSALS).where(PROPOSALS.c.state == state).order_by(PROPOSALS.c.at_utc)
        return [Proposal(*row) for row in await connection.execute(wanted)]


async def review(store: DeskStore, proposal_id: str, state: ProposalState, by: str, at_utc: datetime) -> bool:
    """Close an open proposal. False when it was closed already."""
    still_open = (PROPOSALS.c.proposal_id == proposal_id) & (PROPOSALS.c.state == "open")
    async with store.writing() as connection:
        done = await connection.execute(update(PROPOSALS).where(still_open).values(state=state, reviewed_by=by, reviewed_utc=at_utc))
        return bool(done.rowcount)


async def follow_ups(store: DeskStore, staff: str) -> list[tuple[FollowUp, str]]:
    """What this person has still to do or may take, most urgent first, each with the number of the call it comes from."""
    theirs = FOLLOW_UPS.c.staff.in_((staff, NOBODY)) & FOLLOW_UPS.c.done_utc.is_(None)
    wanted = select(FOLLOW_UPS, CALLS.c.ani).outerjoin(CALLS, CALLS.c.call_id == FOLLOW_UPS.c.call_id).where(theirs).order_by(FOLLOW_UPS.c.due_utc)
    async with store.reading() as connection:
        return [(FollowUp(*task), ani or "") for *task, ani in await connection.execute(wanted)]


async def take(store: DeskStore, follow_up_id: str, staff: str) -> bool:
    """A task that was nobody's is this person's now. False when somebody was faster."""
    nobodys = (FOLLOW_UPS.c.follow_up_id == follow_up_id) & (FOLLOW_UPS.c.staff == NOBODY)
    async with store.writing() as connection:
        return bool((await connection.execute(update(FOLLOW_UPS).where(nobodys).values(staff=staff))).rowcount)


async def follow_up_done(store: DeskStore, follow_up_id: str, staff: str, at_utc: datetime) -> None:
    """Cross one of one's own tasks off."""
    theirs = (FOLLOW_UPS.c.follow_up_id == follow_up_id) & (FOLLOW_UPS.c.staff == staff)
    async with store.writing() as connection:
        await connection.execute(update(FOLLOW_UPS).where(theirs).values(done_utc=at_utc))


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier call of the same number: when, what became of it, and what was written. No transcript."""

    call_id: str
    started_utc: datetime
    outcome: str | None
    reason: str | None
    disposition: str
    notes: tuple[str, ...]


async def earlier(store: DeskStore, ani: str, but: str, limit: int = 5) -> list[Earlier]:
    """The latest calls of `ani`, newest first, without the call `but`; none for a withheld number."""
    if not ani:
        return []
    wanted = select(CALLS.c.call_id, CALLS.c.started_utc, CALLS.c.outcome, CALLS.c.handover_reason).where(CALLS.c.ani == ani, CALLS.c.call_id != but)
    async with store.reading() as connection:
        found = [tuple(row) for row in await connection.execute(wanted.order_by(CALLS.c.started_utc.desc()).limit(limit))]
    ids = [row[0] for row in found]
    written, closed = await notes_of(store, *ids), {one.call_id: one.disposition for one in await wrap_ups_of(store, *ids)}
    return [
        Earlier(row[0], row[1], row[2], row[3], closed.get(row[0], ""), tuple(one.text for one in written if one.call_id == row[0])) for row in found
    ]
