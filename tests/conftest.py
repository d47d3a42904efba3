"""Shared by all tests: where the repository, the private Asterisk and the test material beside the repository are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from voicebot.settings import load

settings.register_profile("voicebot", deadline=None)  # the first example may load a dictionary; time is measured by tests that say so
settings.load_profile("voicebot")

ROOT = Path(__file__).resolve().parent.parent


REAL_TIME = {"asterisk_tree", "browser"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that plays calls or pages in real time may be disturbed by other work of the machine: it gets a second try, and the log says so."""
    for item in items:
        if item.get_closest_marker("e2e") or REAL_TIME & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def asterisk_tree() -> Path:
    """The Asterisk that scripts/setup built, or the one VOICEBOT_PBX__TREE names."""
    tree = (ROOT / load().pbx.tree).resolve()
    if not (tree / "usr/sbin/asterisk").exists():
        pytest.skip(f"no Asterisk in {tree}: run scripts/setup")
    return tree


@pytest.fixture(scope="session")
def shared() -> Path:
    """Audio and models beside the repository, not part of it."""
    folder = ROOT.parent / "shared"
    if not (folder / "audio").is_dir():
        pytest.skip("no test material in ../shared")
    return folder


@pytest.fixture(autouse=True)
def logs_as_they_come() -> Iterator[None]:
    """What one test configures of the logs is not the next one's."""
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end; a task left behind, or a loop blocked for a second, is an error in itself."""

    def runner(coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def checked() -> Any:
            result = await coroutine
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"tasks left behind: {left}"
            return result

        return asyncio.run(checked())

    return runner
