"""How agents like to be briefed, on its way to Asterisk: what is no agent and no form goes nowhere, what fails ends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.kit.globals import Globals
from voicebot.telephony.briefings import Briefings


class Said:
    """What came of queries, one after the other."""

    def __init__(self, floor: Globals | None, *queries: Mapping[str, list[str]], full: bool = False) -> None:
        self.hushed: list[str] = []
        self._full = full

        async def acting() -> None:
            async with asyncio.TaskGroup() as scope:

                def spawn(run: Coroutine[Any, Any, None]) -> None:
                    scope.create_task(run)

                link: Any = floor
                self.briefings = Briefings(lambda: link, spawn, self._hush)
                self.taken = [self.briefings.take(query) for query in queries]

        asyncio.run(acting())

    async def _hush(self, call_id: str) -> None:
        if self._full:
            raise OSError(28, "No space left on device")
        self.hushed.append(call_id)


def test_each_agent_is_briefed_as_he_likes() -> None:
    floor = Globals()
    said = Said(floor, {"6001": ["short"], "6002": ["off"], "6003": ["full"]})
    assert said.taken == [True]
    assert dict(floor.asked) == {"VOICEBOT_BRIEF_6001": "short", "VOICEBOT_BRIEF_6002": "off", "VOICEBOT_BRIEF_6003": ""}
    assert [said.briefings.hears(agent) for agent in ("6001", "6002", "6003", "6004")] == [True, False, True, True]


def test_who_changes_his_mind_is_heeded() -> None:
    said = Said(Globals(), {"6001": ["off"]}, {"6001": ["full"]})
    assert said.briefings.hears("6001")


@pytest.mark.parametrize("query", [{}, {"6001": ["loud"]}, {"6001": [""]}, {"60)": ["off"]}, {"": ["off"]}, {"٦٠٠١": ["off"]}, {"6001": ["off\n"]}])
def test_what_is_no_agent_or_no_form_goes_nowhere(query: dict[str, list[str]]) -> None:
    floor = Globals()
    said = Said(floor, query)
    assert (said.taken, floor.asked, said.hushed) == ([True], [], [])
    assert said.briefings.hears("6001")


def test_a_briefing_that_was_read_is_taken_away() -> None:
    floor = Globals()
    assert Said(floor, {"read": ["c1", "c2"]}).hushed == ["c1", "c2"]
    assert dict(floor.asked) == {}


def test_a_controller_without_the_floor_says_so_and_does_nothing() -> None:
    said = Said(None, {"6001": ["off"], "read": ["c1"]})
    assert (said.taken, said.hushed, said.briefings.hears("6001")) == ([False], [], True)


def test_what_fails_is_logged_and_ends_nothing() -> None:
    with capture_logs() as logs:
        said = Said(Globals(500), {"6001": ["off"], "read": ["c1"]}, full=True)
    assert said.taken == [True]
    assert sorted(entry["event"] for entry in logs) == [
        "a briefing that was read is heard all the same",
        "an agent's form of briefing is not known to Asterisk",
    ]
