from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.kit.deskkit import QUEUED, WITH_BOT, handled, hire, journalling, lines, person, started
from tests.kit.deskstage import staged
from voicebot.desk import desk as module
from voicebot.desk.desk import Desk
from voicebot.errors import KnowledgeError
from voicebot.settings import Settings
from voicebot.store import staff
from voicebot.store.staff import Role


def test_a_call_is_seen_by_whom_it_rang_for_and_by_supervisors(url: str) -> None:
    async def scenario() -> None:
        async with staged(url) as stage:
            await stage.desk.duty.take("ann", "6001")
            await stage.desk.duty.take("bob", "6002")
            soon = started(at_utc=datetime.now(UTC) + timedelta(seconds=1))
            for line in lines(*WITH_BOT, *QUEUED, *handled("6001"), begun=soon):
                stage.desk.live.take(line)
            seen = {
                name: await stage.desk.visible(person(name, role), "c1")
                for name, role in (("ann", Role.AGENT), ("bob", Role.AGENT), ("sue", Role.ADMIN))
            }
            assert {name for name, story in seen.items() if story} == {"ann", "sue"}
            assert await stage.desk.visible(person("sue", Role.ADMIN), "nothing") is None

    asyncio.run(scenario())


def test_what_goes_wrong_for_one_page_ends_nothing(url: str) -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    async def scenario() -> None:
        done = asyncio.Event()

        async def works() -> None:
            done.set()

        async with staged(url) as stage:
            stage.desk.spawn(fails())
            stage.desk.spawn(works())
            await done.wait()

    with capture_logs() as logs:
        asyncio.run(scenario())
    assert [entry["event"] for entry in logs] == ["a page's request failed"]


def test_everything_runs_until_the_desk_is_left(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_S", 0.02)
    settings = Settings(secrets=tmp_path / "secrets", store={"url": url}, serve={"port": 1})  # type: ignore[arg-type]

    async def scenario() -> None:
        await hire(url, ("ann", Role.AGENT))
        async with Desk.open(settings) as desk, journalling(url, tmp_path / "spool") as calls:
            left: list[frozenset[str]] = []
            desk.door.on_left.append(left.append)
            secret = await desk.door.sign_in("ann", "a long enough password")
            assert secret
            record = calls.begin("c1", *WITH_BOT)
            async with asyncio.timeout(20):
                while "c1" not in desk.live.calls:
                    await asyncio.sleep(0.02)
                await staff.remove(desk.store, "ann", datetime.now(UTC))
                while not left:
                    await asyncio.sleep(0.02)
            assert desk.door.present(secret) is None
            record.seal(1, "abandoned", "caller")
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


def test_a_desk_without_knowledge_does_not_start(url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Desk.open(Settings(kb={"folder": tmp_path}, store={"url": url})):  # type: ignore[arg-type]
            pass

    with pytest.raises(KnowledgeError):
        asyncio.run(scenario())
