"""A call's files over HTTP: pieces of the recording, exports, for supervisors alone, each audited; and the search kept up beside the desk."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.kit.calllog import NOON, known
from tests.kit.deskkit import WITH_BOT, hire, journalling, lines
from tests.kit.deskstage import Stage, staged
from voicebot.desk.call_log import keep_up
from voicebot.store.events import CallerSpoke, CallSealed, Line, Recorded
from voicebot.store.privacy import deeds
from voicebot.store.search import Query, search
from voicebot.store.staff import Role
from voicebot.testbed.fill import fill

EVIL = "=HYPERLINK(1)"
SOUND = bytes(range(200))


def recorded(path: Path) -> tuple[Line, ...]:
    happened = (
        *WITH_BOT[:3],
        (4_100, Recorded(str(path), True)),
        (6_000, CallerSpoke(EVIL, 0.9, 5_000, 6_000)),
        (9_000, CallSealed("contained", "bot", 9_000)),
    )
    return tuple(lines(*happened, call_id="c1"))


def staging(url: str, folder: Path, work: Callable[[Stage], Awaitable[None]], role: Role = Role.SUPERVISOR) -> None:
    async def scenario() -> None:
        await hire(url, ("sue", role))
        (folder / "in").mkdir(exist_ok=True)
        (folder / "in" / "c1.wav").write_bytes(SOUND)
        (folder / "out.wav").write_bytes(SOUND)
        async with staged(url) as stage:
            settings = stage.desk.settings
            object.__setattr__(
                stage.desk, "settings", settings.model_copy(update={"recording": settings.recording.model_copy(update={"folder": folder / "in"})})
            )
            await stage.desk.door.refresh()
            await stage.enter("sue")
            await fill(stage.desk.store, [recorded(folder / "in" / "c1.wav"), known("c2", "hello", NOON)])
            await work(stage)

    asyncio.run(scenario())


def test_a_recording_comes_in_pieces_and_one_listening_is_one_deed(url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        async def ask(path: str, part: str = "") -> httpx.Response:
            return await stage.http.get(path, headers={"Range": part} if part else {})

        whole = await ask("/calls/c1/audio/0")
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, SOUND, "audio/wav")
        piece = await ask("/calls/c1/audio/0", "bytes=50-59")
        assert (piece.status_code, piece.content, piece.headers["content-range"]) == (206, SOUND[50:60], "bytes 50-59/200")
        assert (await ask("/calls/c1/audio/0", "bytes=500-")).status_code == 416
        for path in ("/calls/c1/audio/1", "/calls/c1/audio/-1", "/calls/c2/audio/0", "/calls/none/audio/0"):
            assert (await ask(path)).status_code == 404
        assert [(each.staff, each.deed, each.about) for each in await deeds(stage.desk.store)] == [("sue", "listen", "c1")]

    staging(url, tmp_path, work)


def test_a_path_outside_the_folder_is_not_served_whatever_the_journal_says(url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        await fill(stage.desk.store, [tuple(replace_call(recorded(tmp_path / "out.wav"), "c3"))])
        answer = await stage.http.get("/calls/c3/audio/0")
        assert (answer.status_code, answer.content == SOUND) == (404, False)

    staging(url, tmp_path, work)


def replace_call(record: tuple[Line, ...], call_id: str) -> list[Line]:
    return [Line(call_id, line.seq, line.t_ms, line.at_utc, line.type, line.payload) for line in record]


def test_exports_hold_the_call_and_no_formula(url: str, tmp_path: Path) -> None:
    async def work(stage: Stage) -> None:
        rows = list(csv.DictReader(io.StringIO((await stage.http.get("/calls/c1/export/csv")).text)))
        assert [row["what"] for row in rows if row["kind"] == "caller"] == [f"'{EVIL}"]
        told = (await stage.http.get("/calls/c1/export/json")).json()
        assert [line["event"]["type"] for line in told["journal"]][-1] == "call_sealed"
        assert (told["call_id"], told["notes"]) == ("c1", [])
        assert (await stage.http.get("/calls/c1/export/pdf")).status_code == 422
        assert [(each.deed, each.about) for each in await deeds(stage.desk.store)] == [("export", "c1")] * 2

    staging(url, tmp_path, work)


@pytest.mark.parametrize("path", ["/calls/c1/audio/0", "/calls/c1/export/json"])
def test_an_agent_gets_neither(url: str, tmp_path: Path, path: str) -> None:
    async def work(stage: Stage) -> None:
        assert (await stage.http.get(path)).status_code == 403
        assert await deeds(stage.desk.store) == []

    staging(url, tmp_path, work, Role.AGENT)


def test_a_call_can_be_found_soon_after_its_seal(url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with staged(url) as stage, journalling(url, tmp_path / "spool") as calls:
            keeping = asyncio.ensure_future(keep_up(stage.desk.store, stage.desk.live))
            record = calls.begin("now-1", *WITH_BOT)
            record.seal(30_000, "contained", "bot")
            seal = lines(*WITH_BOT, (30_000, CallSealed("contained", "bot", 30_000)), call_id="now-1")
            async with asyncio.timeout(30):
                while not await search(stage.desk.store, Query(words="roaming")):
                    for line in (seal[0], seal[-1]):
                        stage.desk.live.take(line)
                    await asyncio.sleep(0.02)
            keeping.cancel()
            await asyncio.wait({keeping})

    asyncio.run(scenario())
