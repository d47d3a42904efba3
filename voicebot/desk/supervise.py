"""Acting on a call of now, for supervisors: who may do what when, from which phone, what is audited, and which controller is asked.

Only what stands in `ACTS` can be asked for, and no phone rings but the one that the supervisor has taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import get_args

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from voicebot.desk.access import SUPERVISORS
from voicebot.desk.auth import Present
from voicebot.desk.desk import Desk, now_utc
from voicebot.errors import StoreError, VoicebotError
from voicebot.handover.story import Stage
from voicebot.store.privacy import Deed, audit
from voicebot.store.staff import Staff
from voicebot.telephony.supervision import Deed as Act

WAITING: frozenset[Stage] = frozenset({"queue", "ringing", "briefing"})
ACTS: Mapping[Act, frozenset[Stage]] = {
    "listen": WAITING | {"bot", "leaving", "agent"},
    "whisper": frozenset({"agent"}),
    "barge": frozenset({"agent"}),
    "take": WAITING | {"bot"},
    "send": WAITING | {"bot", "agent"},
    "end": WAITING | {"bot", "agent"},
}
"""At which stages of a call each can be asked for."""
BY_PHONE: frozenset[Act] = frozenset({"listen", "whisper", "barge", "take"})
"""What needs a phone of one's own."""


def acts(stage: Stage) -> tuple[Act, ...]:
    """What can be asked for now."""
    return tuple(act for act, stages in ACTS.items() if stage in stages)


async def supervise(desk: Desk, person: Staff, call_id: str, act: Act, queue: str = "") -> None:
    """Do it. The audit log has it first, also when it then fails. Raises VoicebotError naming what stands in the way."""
    story, posting = desk.live.calls.get(call_id), desk.duty.of(person.name)
    phone = posting.extension if posting and act in BY_PHONE else ""
    if person.role not in SUPERVISORS:
        raise VoicebotError(f"{act}: for supervisors alone")
    if story is None or story.stage not in ACTS[act]:
        raise VoicebotError(f"{act}: not at this stage of the call; it is {story.stage if story else 'over'}")
    if act in BY_PHONE and not phone:
        raise VoicebotError(f"{act}: you sit at no phone; take one on the page Desk")
    if queue and queue not in desk.settings.handover.names:
        raise VoicebotError(f"{queue}: no such queue; there are {', '.join(desk.settings.handover.names)}")
    await audit(desk.store, Deed(now_utc(), person.name, act, f"{call_id} {queue or phone}".strip()))
    order = {"call": call_id, "phone": phone, "queue": queue}
    if act == "take":
        await desk.order({**order, "deed": "leave"})  # else the phone that listened is engaged
    if not await desk.order({**order, "deed": act}):
        raise VoicebotError(f"{act}: no controller can do that now; the greeting may not be over, or the caller gone. Try again in a moment")


class Asked(BaseModel):
    """What is to be done; `queue` is where `send` goes, "" for the usual one."""

    act: str
    queue: str = ""


def routes(desk: Desk) -> APIRouter:
    """`POST /api/calls/{call_id}/acts`."""
    router = APIRouter(prefix="/api", tags=["calls"])

    @router.post("/calls/{call_id}/acts", status_code=HTTPStatus.NO_CONTENT, responses={409: {"description": "Not now; the answer says why."}})
    async def do(request: Request, call_id: str, asked: Asked) -> None:
        """Listen, whisper, barge, take, send or end, as the supervisor who asks, by the phone he has taken."""
        present: Present = request.state.present
        act = next((one for one in get_args(Act) if one == asked.act and one in ACTS), None)
        if act is None:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"{asked.act}: no such act; there are {', '.join(ACTS)}")
        try:
            await supervise(desk, present.person, call_id, act, asked.queue)
        except StoreError:
            raise
        except VoicebotError as error:
            raise HTTPException(HTTPStatus.CONFLICT, str(error)) from None

    return router
