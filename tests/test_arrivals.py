"""What a control socket brings is told by what Asterisk says on it, and whom nobody knows goes on to the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.kit.asterisk import APPLICATION, CALLER, FakeAsterisk
from tests.kit.clock import run_virtual
from voicebot.arrivals import CLOSE_TIMEOUT_S, LATE_START_TIMEOUT_S, START_TIMEOUT_S, STUCK_S, Lost, New, Unknown, brought, until_closed
from voicebot.errors import AriError
from voicebot.telephony.leg import MediaDoor


class OpenCalls:
    """Stands for the journal: knows which channels have a record without an end."""

    def __init__(self, *channels: str) -> None:
        self._calls = [SimpleNamespace(channel=channel) for channel in channels]

    async def unsealed(self) -> list[SimpleNamespace]:
        return self._calls


def told(tell: Callable[[FakeAsterisk], None], *open_calls: str) -> tuple[New | Lost | Unknown, float]:
    """What `brought` makes of what Asterisk tells, and how long that took."""
    journal: Any = OpenCalls(*open_calls)

    async def scenario() -> tuple[New | Lost | Unknown, float]:
        asterisk = FakeAsterisk(MediaDoor())
        asyncio.get_running_loop().call_later(0.5, tell, asterisk)
        return await brought(asterisk.control, journal), asyncio.get_running_loop().time()

    return run_virtual(scenario())


def test_a_start_is_a_new_call_at_once_whatever_the_journal_has_open() -> None:
    came, after_s = told(FakeAsterisk.begin, CALLER)
    assert isinstance(came, New)
    assert came.start.channel.id == CALLER
    assert after_s < START_TIMEOUT_S


def test_an_application_without_a_start_is_a_lost_call_if_the_journal_has_it_open() -> None:
    came, after_s = told(FakeAsterisk.begin_again, "another", CALLER)
    assert isinstance(came, Lost)
    assert (came.start.application, came.start.channel.id) == (APPLICATION, CALLER)
    assert after_s < START_TIMEOUT_S


@pytest.mark.parametrize("open_calls", [(), ("another",)])
def test_an_application_whose_call_is_not_open_is_unknown_and_can_be_found_by_its_name(open_calls: tuple[str, ...]) -> None:
    came, after_s = told(FakeAsterisk.begin_again, *open_calls)
    assert isinstance(came, Unknown)
    assert came.start
    assert (came.start.application, came.start.channel.id) == (APPLICATION, CALLER)
    assert after_s == pytest.approx(START_TIMEOUT_S, abs=0.1)


def test_a_start_that_follows_the_application_is_a_new_call() -> None:
    def both(asterisk: FakeAsterisk) -> None:
        asterisk.begin_again()
        asterisk.begin()

    assert isinstance(told(both)[0], New)


def test_a_socket_on_which_nothing_is_told_is_unknown_in_time() -> None:
    came, after_s = told(lambda _asterisk: None)
    assert came == Unknown(None)
    assert after_s == pytest.approx(START_TIMEOUT_S, abs=0.1)


def test_a_caller_who_is_gone_is_unknown_and_others_are_not_taken_for_him() -> None:
    def gone(asterisk: FakeAsterisk) -> None:
        asterisk.channels = {"somebody-else"}
        asterisk.begin_again()

    assert told(gone)[0] == Unknown(None)


def test_a_socket_that_closes_before_it_has_told_is_an_error() -> None:
    with pytest.raises(AriError):
        told(FakeAsterisk.disconnect)


def test_who_waits_for_the_close_is_told_when_asterisk_closes_whatever_else_it_says() -> None:
    async def scenario() -> None:
        asterisk = FakeAsterisk(MediaDoor())
        asterisk.begin()
        asyncio.get_running_loop().call_later(2, asterisk.disconnect)
        await until_closed(asterisk.control, asterisk.start)
        assert asyncio.get_running_loop().time() == pytest.approx(2)
        assert asterisk.control.over

    run_virtual(scenario())


@pytest.mark.parametrize(("left", "waits_s"), [(True, CLOSE_TIMEOUT_S), (False, STUCK_S)])
def test_who_waits_for_the_close_waits_so_long_and_for_a_caller_who_is_still_there_less(left: bool, waits_s: float) -> None:
    async def scenario() -> None:
        asterisk = FakeAsterisk(MediaDoor())
        if left:
            asterisk.redirect()
        await until_closed(asterisk.control, asterisk.start)
        assert asyncio.get_running_loop().time() == pytest.approx(waits_s, abs=0.1)

    run_virtual(scenario())


def test_the_socket_of_nobody_is_left_to_asterisk_for_a_while() -> None:
    async def scenario() -> None:
        await until_closed(FakeAsterisk(MediaDoor()).control, None)
        assert asyncio.get_running_loop().time() == pytest.approx(CLOSE_TIMEOUT_S, abs=0.1)

    run_virtual(scenario())


def begins_late(start_after_s: float) -> Callable[[FakeAsterisk], None]:
    def tell(asterisk: FakeAsterisk) -> None:
        asterisk.state = "Ring"
        asterisk.begin_again()
        asyncio.get_running_loop().call_later(start_after_s, asterisk.begin)

    return tell


def test_a_call_nobody_has_answered_yet_is_waited_for_when_its_start_is_late() -> None:
    came, after_s = told(begins_late(2))
    assert isinstance(came, New)
    assert after_s == pytest.approx(2.5, abs=0.1)


def test_a_call_whose_start_never_comes_is_unknown_in_the_end() -> None:
    came, after_s = told(begins_late(60))
    assert isinstance(came, Unknown)
    assert came.start
    assert after_s == pytest.approx(LATE_START_TIMEOUT_S, abs=0.1)


def test_a_start_that_came_during_a_slow_look_into_the_journal_counts() -> None:
    class Slow(OpenCalls):
        async def unsealed(self) -> list[SimpleNamespace]:
            await asyncio.sleep(START_TIMEOUT_S * 2)
            return []

    async def scenario() -> New | Lost | Unknown:
        journal: Any = Slow()
        asterisk = FakeAsterisk(MediaDoor())
        asterisk.begin_again()
        asterisk.begin()
        return await brought(asterisk.control, journal)

    assert isinstance(run_virtual(scenario()), New)
