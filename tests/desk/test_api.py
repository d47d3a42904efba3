from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.kit.deskkit import ANI, COMPLAINT, EVIL, QUEUED, WITH_BOT, handled, hire, lines, started
from tests.kit.deskstage import Stage, staged
from voicebot.store.events import CallerSpoke, Line
from voicebot.store.staff import Role


def at_the_api(url: str, scenario: Callable[[Stage], Awaitable[None]], name: str = "sue") -> None:
    async def acting() -> None:
        await hire(url, ("ann", Role.AGENT), ("sue", Role.SUPERVISOR))
        async with staged(url) as stage:
            await stage.enter(name)
            await scenario(stage)

    asyncio.run(acting())


def record(call_id: str, agent: str = "", later_s: int = 1) -> list[Line]:
    begun = started(at_utc=datetime.now(UTC) + timedelta(seconds=later_s))
    rang = handled(agent) if agent else ()
    return lines(*WITH_BOT, (24_050, CallerSpoke(EVIL, 0.9, 1, 2)), *QUEUED, *rang, call_id=call_id, begun=begun)


def play(stage: Stage, *records: list[Line]) -> None:
    for line in (line for each in records for line in each):
        stage.desk.live.take(line)


def test_calls_are_listed_the_newest_first(url: str) -> None:
    async def scenario(stage: Stage) -> None:
        play(stage, record("old"), record("new", "6001", 60))
        rows = (await stage.http.get("/api/calls")).json()
        assert [(row["call_id"], row["stage"], row["agent"]) for row in rows] == [("new", "agent", "6001"), ("old", "queue", "")]
        assert (rows[0]["number"], rows[0]["hotline"], rows[0]["anger"], rows[0]["urgent"]) == (ANI, "100", "unknown", False)
        assert len((await stage.http.get("/api/calls?limit=1")).json()) == 1

    at_the_api(url, scenario)


@pytest.mark.parametrize("limit", ["0", "201", "x", "-1"])
def test_a_limit_beyond_all_bounds_is_refused(url: str, limit: str) -> None:
    async def scenario(stage: Stage) -> None:
        assert (await stage.http.get(f"/api/calls?limit={limit}")).status_code == 422

    at_the_api(url, scenario)


def test_one_call_comes_with_its_briefing_and_transcript_as_data(url: str) -> None:
    async def scenario(stage: Stage) -> None:
        play(stage, record("c1"))
        found = (await stage.http.get("/api/calls/c1")).json()
        assert found["briefing"]["need"].startswith("About “a higher bill”")
        assert found["briefing"]["ask"][0] == "since when"
        assert {"who": "caller", "text": COMPLAINT, "at_ms": 13_400, "interrupted": False} in found["transcript"]
        assert EVIL in [each["text"] for each in found["transcript"]]
        assert found["anger_curve"] == []

    at_the_api(url, scenario)


def test_an_agent_gets_their_own_calls_and_of_others_not_even_that_there_are_any(url: str) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.desk.duty.take("ann", "6001")
        play(stage, record("mine", "6001"), record("others", "6002"), record("nobodys"))
        assert [row["call_id"] for row in (await stage.http.get("/api/calls")).json()] == ["mine"]
        assert (await stage.http.get("/api/calls/mine")).status_code == 200
        others, none = await stage.http.get("/api/calls/others"), await stage.http.get("/api/calls/nothing")
        assert (others.status_code, others.text) == (none.status_code, none.text) == (404, '{"detail":"no such call"}')

    at_the_api(url, scenario, "ann")


def test_the_interface_describes_itself_and_reads_but_for_what_supervisors_do(url: str) -> None:
    async def scenario(stage: Stage) -> None:
        paths = (await stage.http.get("/api/openapi.json")).json()["paths"]
        assert set(paths.pop("/api/calls/{call_id}/acts")) == {"post"}
        assert set(paths) == {"/api/calls", "/api/calls/{call_id}", "/calls/{call_id}/audio/{number}", "/calls/{call_id}/export/{form}"}
        assert all(set(methods) == {"get"} for methods in paths.values())

    at_the_api(url, scenario)


def test_nobody_without_a_sign_in_gets_anything(url: str) -> None:
    async def scenario(stage: Stage) -> None:
        stage.http.cookies.clear()
        for path in ("/api/calls", "/api/calls/c1", "/api/openapi.json"):
            assert (await stage.http.get(path)).status_code == 401

    at_the_api(url, scenario)
