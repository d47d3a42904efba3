"""A desk that cannot start says why in one line."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from voicebot.errors import VoicebotError
from voicebot.store import staff
from voicebot.store.desk import DeskStore
from voicebot.store.staff import Role
from voicebot.testbed.desks import desk, hire


def test_a_desk_whose_port_is_taken_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            file = tmp_path / "voicebot.toml"
            file.write_text(f'store.url = "sqlite+aiosqlite:///{tmp_path}/journal.db"\ndesk.port = {taken.getsockname()[1]}\n')
            async with desk(file):
                pass

    with pytest.raises(VoicebotError, match=r"the desk did not start: voicebot: the desk cannot listen on 127.0.0.1:\d+: address already in use"):
        asyncio.run(scenario())


def test_people_are_hired_with_their_roles(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/journal.db"

    async def scenario() -> None:
        await hire(url, "a long enough password", {"ann": Role.AGENT, "sue": Role.SUPERVISOR}, "zh")
        async with DeskStore.open(url) as store:
            assert [(one.name, one.role, one.language) for one in await staff.everybody(store)] == [
                ("ann", "agent", "zh"),
                ("sue", "supervisor", "zh"),
            ]

    asyncio.run(scenario())
