"""Callers who end their calls as planned: every moment, every way out, against phones of our own."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.kit.pretender import Pretended, Pretender, pretending, voice
from voicebot.testbed import audio, hangups
from voicebot.testbed.hangups import PACE, VANISHING, Callers, Desk, Moment, Plan, plans
from voicebot.testbed.phone import Phone
from voicebot.testbed.rig import Rig

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def told(_what: str) -> None:
    """Nobody waits."""


# Plans.


def test_the_seed_alone_decides_what_callers_do() -> None:
    assert plans(200, 1) == plans(200, 1)
    assert plans(200, 1) != plans(200, 2)


def test_calls_end_at_every_moment_and_each_within_its_span() -> None:
    drawn = plans(1_000, 1)
    assert {plan.moment for plan in drawn} == set(Moment) == set(PACE)
    assert all(0 <= plan.after_s <= PACE[plan.moment][1] for plan in drawn)
    assert {plan.codec for plan in drawn} == {"PCMU", "PCMA"}


def test_some_vanish_and_most_say_goodbye() -> None:
    share = sum(plan.vanishes for plan in plans(2_000, 3)) / 2_000
    assert share == pytest.approx(VANISHING, abs=0.03)


# Calls.


@asynccontextmanager
async def callers(pretender: Pretender) -> AsyncIterator[Callers]:
    async with pretending(pretender) as target:
        yield Callers(cast(Rig, target), Desk(random.Random(1)), voice(5, 0.6))


def plan(moment: Moment, after_s: float = 0.1, vanishes: bool = False) -> Plan:
    return Plan(moment, after_s, vanishes, "PCMU")


async def played(moment: Moment, **how: Any) -> tuple[hangups.Played, Pretender]:
    pretender = Pretender([voice(2, 0.5)])
    async with callers(pretender) as some:
        await some.play([plan(moment, **how)], 1, time.monotonic() + 60, told)
        if pretender.calls and not how.get("vanishes"):
            await pretender.calls[0].wait_ended(2)
        return some.played[0], pretender


@pytest.mark.parametrize("moment", [Moment.GREETING, Moment.QUESTION, Moment.ANSWER, Moment.HANDOVER])
def test_a_call_is_answered_and_ended_at_its_moment(moment: Moment, run: Run) -> None:
    one, pretender = run(played(moment))
    assert (one.answered, one.reached, one.way) == (True, True, "BYE")
    assert pretender.calls[0].ended_by == "there"


def test_keys_lead_to_the_answer_and_to_a_person(run: Run) -> None:
    for moment, keys in ((Moment.ANSWER, "99"), (Moment.HANDOVER, "0"), (Moment.GREETING, "")):
        _, pretender = run(played(moment))
        assert "".join(press.key for press in pretender.calls[0].keys) == keys


def test_who_interrupts_speaks(run: Run) -> None:
    one, pretender = run(played(Moment.BARGE_IN, after_s=0.5))
    assert one.reached
    assert pretender.calls[0].heard.onset_s() is not None


def test_a_call_given_up_while_it_rings_is_cancelled(run: Run) -> None:
    async def scenario() -> None:
        async with Phone.open() as phone:
            some = Callers(cast(Rig, Pretended(phone.wire.port, {})), Desk(random.Random(1)), audio.silence(0.1))
            await some.play([plan(Moment.RINGING, after_s=0.2)], 1, time.monotonic() + 60, told)
            assert some.played[0].way == "CANCEL"
            with pytest.raises(TimeoutError):
                await phone.ring(0.05)  # it rang, and was given up

    run(scenario())


def test_who_vanishes_sends_no_farewell_and_no_more_packets(run: Run) -> None:
    async def scenario() -> None:
        pretender = Pretender([voice(2, 0.5)])
        async with callers(pretender) as some:
            await some.play([plan(Moment.GREETING, vanishes=True)], 1, time.monotonic() + 60, told)
            call, [one] = pretender.calls[0], some.played
            packets = len(call.heard.packet_times_s)
            await asyncio.sleep(0.3)
            assert (one.answered, one.way) == (True, "vanishing")
            assert not call.ended.is_set()
            assert len(call.heard.packet_times_s) - packets <= 1
            call.end("there")  # nobody there to answer our BYE

    run(scenario())


def test_a_moment_that_never_comes_ends_the_call_all_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hangups, "LONGEST_S", 1.0)
    one, _ = run(played(Moment.BRIEFING))
    assert (one.answered, one.reached) == (True, False)
    assert one.row()["reached"] is False


def test_so_many_at_a_time_and_none_begun_when_time_is_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    up: Counter[str] = Counter()
    lines: list[str] = []

    async def one(self: Callers, what: Plan) -> hangups.Played:
        up["now"] += 1
        up["most"] = max(up["most"], up["now"])
        await asyncio.sleep(0)
        up["now"] -= 1
        return hangups.Played(what, "1", True, True)

    monkeypatch.setattr(Callers, "_one", one)

    async def scenario() -> tuple[int, int]:
        some = Callers(cast(Rig, None), Desk(random.Random(1)), audio.silence(0.1))
        await some.play(plans(60, 1), 3, time.monotonic() + 60, lines.append)
        late = Callers(cast(Rig, None), Desk(random.Random(1)), audio.silence(0.1))
        await late.play(plans(60, 1), 3, time.monotonic() - 1, lines.append)
        return len(some.played), len(late.played)

    assert run(scenario()) == (60, 0)
    assert up["most"] == 3
    assert [line.partition(" calls")[0] for line in lines] == ["25 of 60", "50 of 60"]


# Agents.


class Always(random.Random):
    """The shortest of any span; `turns_down`: and no patience with callers."""

    def __init__(self, turns_down: bool = False) -> None:
        super().__init__(1)
        self._drawn = 0.0 if turns_down else 1.0

    def uniform(self, a: float, _b: float) -> float:
        return min(a, 0.3)

    def random(self) -> float:
        return self._drawn


@pytest.mark.parametrize("turns_down", [False, True])
def test_agents_take_calls_hang_up_after_a_while_and_turn_some_down(turns_down: bool, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    agents: list[Phone] = []

    async def register(phone: Phone) -> None:
        agents.append(phone)

    monkeypatch.setattr(Phone, "register", register)

    async def scenario() -> None:
        desk = Desk(Always(turns_down))
        rig = SimpleNamespace(address=("127.0.0.1", 9), plan=SimpleNamespace(agents={"6001": "secret"}))
        async with desk.open(cast(Rig, rig)), Phone.open() as caller, caller.dial(f"sip:6001@127.0.0.1:{agents[0].wire.port}", ani="5551") as call:
            await desk.rang["5551"].wait()
            await call.wait_ended(5)
            assert desk.answered["5551"].is_set() is not turns_down
            assert call.ended_by == "there"
            assert (call.answered_at_s is None) is turns_down

    run(scenario())
