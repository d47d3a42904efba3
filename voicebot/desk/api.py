"""The REST interface for other systems and for people's own scripts: calls as the desk sees them, described at /api/openapi.json. It only reads.

Who asks is known by the desk's cookie, and sees what the same person sees on the pages.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request

from voicebot.desk.access import may_see
from voicebot.desk.auth import Present
from voicebot.desk.desk import Desk, now_utc
from voicebot.desk.outside import CallDetail, CallRow, detail, row
from voicebot.handover.written import written
from voicebot.store import postings
from voicebot.store.privacy import Deed, audit

MOST = 200


def routes(desk: Desk) -> APIRouter:
    """`/api/calls` and `/api/calls/{call_id}`."""
    router = APIRouter(prefix="/api", tags=["calls"])

    @router.get("/calls")
    async def calls(request: Request, limit: Annotated[int, Query(ge=1, le=MOST)] = 50) -> list[CallRow]:
        """Calls of now and of the last hour that the asking person may see, the newest first."""
        present: Present = request.state.present
        newest = sorted(desk.live.calls.values(), key=lambda story: story.started_utc, reverse=True)
        held = await postings.of(desk.store, present.person.name, newest[-1].started_utc) if newest else []
        seen = [story for story in newest if may_see(present.person, held, story)][:limit]
        if seen:
            await audit(desk.store, Deed(now_utc(), present.person.name, "search", " ".join(story.call_id for story in seen)))
        return [CallRow.model_validate(row(story)) for story in seen]

    @router.get("/calls/{call_id}", responses={404: {"description": "There is no such call, or the asking person may not see it."}})
    async def call(request: Request, call_id: str) -> CallDetail:
        """One call, of now or of long ago."""
        present: Present = request.state.present
        story = await desk.visible(present.person, call_id)
        if story is None:
            raise HTTPException(404, "no such call")
        await audit(desk.store, Deed(now_utc(), present.person.name, "look", call_id))
        return detail(story, written(story, desk.search.knowledge, present.person.language))

    return router
