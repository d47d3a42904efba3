"""One commit at a time, within its deadline or not at all for now; what is too slow still gets on, what fails is not tried at once again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tests.kit.clock import run_virtual
from voicebot.errors import StoreError
from voicebot.store import commits as commits_module
from voicebot.store.commits import COMMIT_DEADLINE_S, RETRY_S, TROUBLED_S, Commits
from voicebot.store.events import Line


class Scripted:
    """Stands for `Database`: each transaction takes `takes_s`, and fails when `fails`."""

    def __init__(self) -> None:
        self.takes_s = 0.01
        self.fails: Exception | None = None
        self.begun = 0
        self.written: list[str] = []

    @asynccontextmanager
    async def begin(self) -> Any:
        self.begun += 1
        await asyncio.sleep(self.takes_s)
        if self.fails:
            raise self.fails
        yield self


def line(call_id: str) -> Line:
    return Line(call_id, 0, 0, datetime(2026, 1, 1, tzinfo=UTC), "x", "{}")


class World:
    def __init__(self) -> None:
        self.database = Scripted()
        self.fenced: set[str] = set()
        self.refused: list[tuple[str, int]] = []
        database: Any = self.database
        self.commits = Commits(database, self.fenced, lambda call_id, count: self.refused.append((call_id, count)))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    async def write(database: Scripted, lines: Sequence[Line]) -> Counter[str]:
        database.written += [each.call_id for each in lines]
        return Counter(each.call_id for each in lines if each.call_id == "taken")

    monkeypatch.setattr(commits_module, "write", write)
    return World()


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(scenario())


async def now_s() -> float:
    return asyncio.get_running_loop().time()


def test_lines_are_taken_but_those_of_calls_that_are_fenced_and_refusals_are_told(world: World) -> None:
    world.fenced.add("fenced")

    async def scenario() -> None:
        assert await world.commits.take([line("a"), line("fenced"), line("taken")])
        assert world.commits.last_ms == pytest.approx(10, abs=0.1)

    play(scenario)
    assert world.database.written == ["a", "taken"]
    assert world.refused == [("taken", 1)]


@pytest.mark.parametrize("error", [OperationalError("x", {}, Exception("disk is full")), OSError(5, "Input/output error"), StoreError("a newer one")])
def test_a_failure_is_told_and_not_tried_again_at_once(world: World, error: Exception) -> None:
    async def scenario() -> None:
        world.database.fails = error
        assert not await world.commits.take([line("a")])
        assert world.commits.trouble
        assert not world.commits.due
        await asyncio.sleep(RETRY_S)
        assert world.commits.due
        world.database.fails = None
        assert await world.commits.take([line("a")])
        assert world.commits.trouble == ""

    play(scenario)


def test_a_commit_that_hangs_is_waited_for_once_then_only_looked_at_and_no_second_is_begun(world: World) -> None:
    async def scenario() -> None:
        world.database.takes_s = 60
        began_s = await now_s()
        assert not await world.commits.take([line("a")])
        assert await now_s() - began_s == pytest.approx(COMMIT_DEADLINE_S)
        for _ in range(3):
            began_s = await now_s()
            assert not await world.commits.take([line("b")])
            assert await now_s() - began_s == pytest.approx(TROUBLED_S)
        assert world.database.begun == 1
        world.database.takes_s = 0.01
        await asyncio.sleep(60)
        assert await world.commits.take([line("b")])

    play(scenario)
    assert world.database.written == ["a", "b"]


def test_commits_that_are_always_late_get_on_when_asked_for_the_same_lines(world: World) -> None:
    async def scenario() -> None:
        world.database.takes_s = COMMIT_DEADLINE_S * 2
        lines = [line("a")]
        tries = 1
        while not await world.commits.take(lines):
            tries += 1
            await asyncio.sleep(RETRY_S)
            assert tries < 10

    play(scenario)
    assert (world.database.begun, world.database.written) == (1, ["a"])


def test_a_late_failure_is_a_failure(world: World) -> None:
    async def scenario() -> None:
        world.database.takes_s, world.database.fails = 3.0, OSError(5, "Input/output error")
        lines = [line("a")]
        assert not await world.commits.take(lines)
        await asyncio.sleep(5)
        assert not await world.commits.take(lines)
        world.database.takes_s, world.database.fails = 0.01, None
        assert await world.commits.take(lines)
        assert world.database.begun == 2

    play(scenario)


def test_who_is_cancelled_while_waiting_leaves_the_commit_to_end(world: World) -> None:
    async def scenario() -> None:
        world.database.takes_s = 1.0
        lines = [line("a")]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.commits.take(lines), 0.5)
        assert await world.commits.take(lines)
        assert world.database.begun == 1

    play(scenario)
