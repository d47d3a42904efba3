"""A changed knowledge base reaches new calls, and only those; one with a fault reaches nobody."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import structlog

from voicebot import renewal
from voicebot.dialogue.knowledge import Knowledge, load
from voicebot.errors import EngineError
from voicebot.metrics import Metrics
from voicebot.renewal import Renewal, stamp

ENTRY = "---\nid: {name}\nlanguage: en\ntitle: {name}\nquestions: [{name}]\nshort: Short.\n{more}---\n{answer}\n"


def write(folder: Path, name: str, answer: str = "So it is.", more: str = "") -> Path:
    path = folder / "en" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ENTRY.format(name=name, answer=answer, more=more), encoding="utf-8")
    os.utime(path, ns=(0, hash(answer) & 0xFFFFFFFF))
    return path


class World:
    """A folder with one entry; a tongue is just the knowledge it was made of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write(folder, "hours")
        self.metrics = Metrics()
        self.tongues: dict[str, Any] = {"en": load(folder)}
        self.making: Callable[[Knowledge], None] = lambda _knowledge: None
        self.renewal = Renewal(folder, load(folder), self.tongues, self._make, self.metrics)

    async def _make(self, knowledge: Knowledge, old: Any) -> Any:
        assert isinstance(old, Knowledge)
        self.making(knowledge)
        return knowledge

    def counted(self, result: str) -> float | None:
        return self.metrics.registry.get_sample_value("voicebot_knowledge_renewals_total", {"result": result})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_new_calls_get_the_changed_files_and_their_version(world: World) -> None:
    of_a_live_call = world.tongues["en"]
    write(world.folder, "hours", "Now it is otherwise.")
    assert asyncio.run(world.renewal.renew())
    assert world.tongues["en"].entry("hours", "en").answer == "Now it is otherwise."
    assert world.renewal.version == load(world.folder).version != of_a_live_call.version
    assert of_a_live_call.entry("hours", "en").answer == "So it is."
    assert world.counted("done") == 1


def test_a_knowledge_base_with_faults_changes_nothing_and_is_told_in_one_line(world: World) -> None:
    before, version = world.tongues["en"], world.renewal.version
    write(world.folder, "hours", "see https://x.org", "colour: red\n")
    with structlog.testing.capture_logs() as logs:
        assert not asyncio.run(world.renewal.renew())
    assert world.tongues["en"] is before
    assert world.renewal.version == version
    [line] = logs
    assert line["log_level"] == "error"
    assert "hours.md:7: unknown key 'colour'" in line["why"]
    assert (line["more_faults"], line["version"]) == (1, version)
    assert world.counted("refused") == 1


def test_what_cannot_be_made_ready_changes_no_language(world: World) -> None:
    def fail(_knowledge: Knowledge) -> None:
        raise EngineError("no voice")

    before = world.tongues["en"]
    world.making = fail
    write(world.folder, "hours", "Now it is otherwise.")
    assert not asyncio.run(world.renewal.renew())
    assert world.tongues["en"] is before


def test_only_what_is_valid_today_is_made_ready(world: World) -> None:
    write(world.folder, "party", more="valid_until: 2020-01-01\n")
    assert asyncio.run(world.renewal.renew())
    assert [entry.id for entry in world.tongues["en"].entries] == ["hours"]
    assert world.renewal.version == load(world.folder).version


def watched(world: World, monkeypatch: pytest.MonkeyPatch, *looks: Callable[[], object]) -> list[str]:
    """The versions that were made ready while `looks` happened, one before each look at the folder."""
    made: list[str] = []
    world.making = lambda knowledge: made.append(knowledge.version)
    left = list(looks)

    async def sleep(_s: float) -> None:
        if not left:
            raise EOFError
        left.pop(0)()

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with suppress(EOFError):
        asyncio.run(world.renewal.watch())
    return made


def nothing() -> None: ...


def test_untouched_files_are_never_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(world, monkeypatch, nothing, nothing, nothing) == []


def test_a_change_is_taken_once_it_has_settled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (lambda: write(world.folder, "hours", "One.")), (lambda: write(world.folder, "hours", "Two."))
    made = watched(world, monkeypatch, first, second, nothing, nothing)
    assert made == [load(world.folder).version]


def test_files_that_come_and_go_are_changes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = watched(world, monkeypatch, lambda: write(world.folder, "new"), nothing, (world.folder / "en" / "new.md").unlink, nothing)
    assert len(made) == 2
    assert made[1] == load(world.folder).version


def test_a_broken_file_is_refused_once_and_its_repair_is_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = watched(
        world, monkeypatch, lambda: write(world.folder, "hours", ""), nothing, nothing, lambda: write(world.folder, "hours", "Good."), nothing
    )
    assert made == [load(world.folder).version]
    assert (world.counted("refused"), world.counted("done")) == (1, 1)


def test_a_new_day_is_a_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "today", lambda: date(2030, 1, 1))
    assert len(watched(world, monkeypatch, nothing, nothing)) == 1


def test_a_folder_that_is_gone_has_a_stamp_too(tmp_path: Path) -> None:
    assert stamp(tmp_path / "none")[1] == frozenset()
