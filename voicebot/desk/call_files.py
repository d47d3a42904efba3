"""Files of one call for supervisors: its recordings, in pieces as a player asks for them, and the whole record as CSV or JSON. Each is audited.

A recording is found through the call's own journal, never by a name that somebody sent.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response

from voicebot.desk.auth import Present
from voicebot.desk.desk import Desk, now_utc
from voicebot.desk.pages.call_audio import AudioError, inside
from voicebot.desk.pages.call_view import view
from voicebot.store import after
from voicebot.store.events import Line
from voicebot.store.privacy import Deed, audit
from voicebot.store.search import record

COLUMNS = ("at_ms", "kind", "what", "unheard", "mark")
RISKY = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""


def routes(desk: Desk) -> APIRouter:
    """`/calls/{call_id}/audio/{number}` and `/calls/{call_id}/export/{form}`."""
    router = APIRouter(tags=["calls"])

    @router.get("/calls/{call_id}/audio/{number}", response_class=FileResponse)
    async def audio(request: Request, call_id: str, number: int) -> FileResponse:
        """One recording of a call, by its number from 0; pieces of it by HTTP Range."""
        parts = view(await _record(desk, call_id)).parts
        if not 0 <= number < len(parts):
            raise HTTPException(404, "no such recording")
        try:
            path = inside(parts[number].path, desk.settings.recording.folder)
        except AudioError as error:
            raise HTTPException(404, str(error)) from None
        if request.headers.get("range", "bytes=0-").startswith("bytes=0-"):  # one listening, not each piece of it
            await _audited(desk, request, "listen", call_id)
        return FileResponse(path, media_type="audio/wav")

    @router.get("/calls/{call_id}/export/{form}")
    async def export(request: Request, call_id: str, form: Literal["csv", "json"]) -> Response:
        """A call's record as a file: `csv` its course for a spreadsheet, `json` every line of the journal and what was written about it."""
        lines = await _record(desk, call_id)
        body = await _json(desk, call_id, lines) if form == "json" else _csv(lines)
        await _audited(desk, request, "export", call_id)
        kind = {"csv": "text/csv; charset=utf-8", "json": "application/json"}[form]
        return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="call.{form}"'})

    return router


async def _record(desk: Desk, call_id: str) -> tuple[Line, ...]:
    lines = await record(desk.store, call_id)
    if not lines:
        raise HTTPException(404, "no such call")
    return lines


async def _audited(desk: Desk, request: Request, deed: str, call_id: str) -> None:
    present: Present = request.state.present
    await audit(desk.store, Deed(now_utc(), present.person.name, deed, call_id))


def _csv(lines: tuple[Line, ...]) -> str:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for moment in view(lines).moments:
        rows.writerow([_plain(getattr(moment, name)) for name in COLUMNS])
    return out.getvalue()


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(RISKY) else value


async def _json(desk: Desk, call_id: str, lines: tuple[Line, ...]) -> str:
    journal = [{"seq": line.seq, "t_ms": line.t_ms, "at_utc": line.at_utc.isoformat(), "event": json.loads(line.payload)} for line in lines]
    notes = [{"staff": note.staff, "at_utc": note.at_utc.isoformat(), "text": note.text} for note in await after.notes_of(desk.store, call_id)]
    closed = [
        {"staff": each.staff, "disposition": each.disposition, "resolved": each.resolved} for each in await after.wrap_ups_of(desk.store, call_id)
    ]
    return json.dumps({"call_id": call_id, "journal": journal, "notes": notes, "wrap_ups": closed}, ensure_ascii=False, indent=1)
