"""The desk's pauses on their way to the queue: who asks must be let in, what is no agent goes nowhere, what Asterisk refuses ends nothing."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.kit.globals import Globals
from voicebot.telephony.pauses import Pauses
from voicebot.telephony.server import Credentials, Handlers, Server


def paused(floor: Globals | None, query: dict[str, list[str]], queues: tuple[str, ...] = ("support",)) -> bool:
    async def acting() -> bool:
        async with asyncio.TaskGroup() as scope:

            def spawn(run: Coroutine[Any, Any, None]) -> None:
                scope.create_task(run)

            return Pauses(queues, lambda: floor, spawn).take(query)  # type: ignore[arg-type,return-value]

    return asyncio.run(acting())


def test_each_agent_is_paused_or_not_in_the_queue() -> None:
    floor = Globals()
    assert paused(floor, {"6001": ["1"], "6002": ["0"]})
    assert sorted(floor.asked) == [("QUEUE_MEMBER(support,paused,PJSIP/6001)", "1"), ("QUEUE_MEMBER(support,paused,PJSIP/6002)", "0")]


def test_an_agent_is_paused_in_every_queue() -> None:
    floor = Globals()
    assert paused(floor, {"6001": ["1"]}, ("support", "billing"))
    assert sorted(floor.asked) == [("QUEUE_MEMBER(billing,paused,PJSIP/6001)", "1"), ("QUEUE_MEMBER(support,paused,PJSIP/6001)", "1")]


@pytest.mark.parametrize("query", [{}, {"6001": ["yes"]}, {"6001)x": ["1"]}, {"60": ["1"]}, {"../x": ["1"]}, {"٦٠٠١": ["1"]}, {"6001": ["1\n"]}])
def test_what_is_no_agent_or_no_flag_goes_nowhere(query: dict[str, list[str]]) -> None:
    floor = Globals()
    assert paused(floor, query)
    assert floor.asked == []


def test_a_controller_without_the_floor_says_so() -> None:
    assert not paused(None, {"6001": ["1"]})


def test_what_asterisk_refuses_is_logged_and_ends_nothing() -> None:
    with capture_logs() as logs:
        assert paused(Globals(500), {"6001": ["1"], "6002": ["1"]})
    assert [entry["event"] for entry in logs] == ["agents cannot be paused"]


GOOD = {"Authorization": "Basic " + base64.b64encode(b"voicebot:secret").decode()}


@pytest.mark.parametrize(
    ("headers", "taken", "status", "told"),
    [
        (GOOD, True, 200, [{"6001": ["1"]}]),
        (GOOD, False, 503, [{"6001": ["1"]}]),
        ({}, True, 401, []),
        ({"Authorization": "Basic eDp5"}, True, 401, []),
    ],
)
def test_only_who_has_the_controllers_secret_may_pause(headers: dict[str, str], taken: bool, status: int, told: list[dict[str, list[str]]]) -> None:
    heard: list[dict[str, list[str]]] = []

    def take(query: dict[str, list[str]]) -> bool:
        heard.append(query)
        return taken

    async def asking() -> int:
        handlers = Handlers(
            lambda _: None, lambda _: None, lambda _: None, lambda _: None, lambda: (True, b"ok\n"), lambda: b"", {"/desk/pauses": take}
        )
        async with Server("127.0.0.1", 0, Credentials("voicebot", "secret"), handlers) as server, httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(f"http://127.0.0.1:{server.port}/desk/pauses?6001=1", headers=headers)).status_code

    assert asyncio.run(asking()) == status
    assert heard == told
