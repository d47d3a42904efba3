"""How agents like to be briefed, as the desk tells the controllers: those who sit at a phone, again and again, and what was read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.kit.deskkit import BEGUN, QUEUED, WITH_BOT, handled, lines, person
from voicebot.desk import briefed
from voicebot.desk.briefed import NEXT, forms, keep_told, read
from voicebot.desk.duty import Duty
from voicebot.handover.story import told
from voicebot.store import staff
from voicebot.store.desk import DeskStore
from voicebot.store.postings import Posting
from voicebot.store.staff import Role

SITS = Posting("6001", BEGUN, None, "ann", "ready", "", BEGUN)
RINGS = told(lines(*WITH_BOT, *QUEUED, *handled("6001")[:1]))
WAITS = told(lines(*WITH_BOT, *QUEUED))


class Controllers:
    """Note what they are told, and take it but for the first few times."""

    def __init__(self, refuses: int = 0) -> None:
        self.told: list[Mapping[str, str]] = []
        self._refuses = refuses

    async def tell(self, wanted: Mapping[str, str]) -> bool:
        self.told.append(dict(wanted))
        return len(self.told) > self._refuses

    async def until(self, wanted: Mapping[str, str]) -> None:
        while self.told[-1:] != [wanted]:
            await asyncio.sleep(0.01)


def test_a_press_goes_through_all_forms() -> None:
    assert [NEXT[form] for form in ("full", "short", "off")] == ["short", "off", "full"]


def test_a_phone_has_the_form_of_whoever_sits_there() -> None:
    ann, bob = replace(person("ann", Role.AGENT), briefing="short"), person("bob", Role.AGENT)
    gone = replace(SITS, extension="6003", staff="gone")
    assert forms((SITS, replace(SITS, extension="6002", staff="bob"), gone), (ann, bob)) == {"6001": "short", "6002": "full"}
    assert forms((), (ann,)) == {}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(briefed, "LOOK_S", 0.01)
    monkeypatch.setattr(briefed, "AGAIN", 1_000_000)


async def _paused(_paused: Mapping[str, bool]) -> bool:
    return True


@asynccontextmanager
async def telling(folder: Path, controllers: Controllers) -> AsyncIterator[tuple[DeskStore, Duty]]:
    """Ann, who likes it short, sits at 6001."""
    async with DeskStore.open(f"sqlite+aiosqlite:///{folder}/desk.db") as store, asyncio.timeout(30):
        await staff.add(store, replace(person("ann", Role.AGENT), briefing="short"))
        duty = Duty(store, ("6001",), _paused, 60)
        await duty.take("ann", "6001")
        task = asyncio.create_task(keep_told(duty, store, controllers.tell))
        yield store, duty
        task.cancel()
        await asyncio.wait({task})


def test_who_sits_down_is_told_once_and_again_when_he_changes_it(tmp_path: Path) -> None:
    async def acting() -> list[Mapping[str, str]]:
        said = Controllers()
        async with telling(tmp_path, said) as (store, duty):
            await said.until({"6001": "short"})
            await duty.ready("ann")
            await staff.change(store, "ann", briefing="off")
            await said.until({"6001": "off"})
        return said.told

    assert asyncio.run(acting()) == [{"6001": "short"}, {"6001": "off"}]


def test_what_no_controller_took_is_said_again(tmp_path: Path) -> None:
    async def acting() -> list[Mapping[str, str]]:
        said = Controllers(refuses=2)
        async with telling(tmp_path, said):
            while len(said.told) < 3:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        return said.told

    assert asyncio.run(acting()) == [{"6001": "short"}] * 3


def test_all_of_it_is_said_again_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(briefed, "AGAIN", 3)

    async def acting() -> None:
        said = Controllers()
        async with telling(tmp_path, said):
            while len(said.told) < 3:
                await asyncio.sleep(0.01)

    asyncio.run(acting())


@pytest.mark.parametrize(
    ("story", "posting", "expected"),
    [
        (RINGS, SITS, [{"read": "c1"}]),
        (RINGS, replace(SITS, extension="6002"), []),
        (RINGS, None, []),
        (WAITS, SITS, []),
    ],
)
def test_only_who_is_rung_can_have_read_it(story: Any, posting: Posting | None, expected: list[Mapping[str, str]]) -> None:
    said = Controllers()
    asyncio.run(read(said.tell, story, posting))
    assert said.told == expected
