"""Who is not simply put through: out of hours, nobody signed in, in danger, in a queue of his own, behind others, and asked how it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.kit.dialplan import LOUD, Floor, Run, calling, eventually, handed_over, no_channel, ready_for_a_call_back, said, tone, waiting
from voicebot.settings import Settings
from voicebot.settings.handover import Handover, Way
from voicebot.settings.hours import Hours

pytestmark = pytest.mark.e2e

Opened = Callable[[Settings], AbstractAsyncContextManager[Floor]]
ALWAYS = ("mon-sun 00:00-24:00",)
DANGER = {"VOICEBOT_PRIORITY": "20"}


def of(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update={"handover": Handover(ring_s=2, **{"max_wait_s": 20, **changes})})


def sounding(it: Floor, *lines: str) -> None:
    for line in lines:
        tone(it.pbx.plan.sounds / f"{line}-en.sln16", seconds=0.2)


def said_to(it: Floor, caller: Any) -> list[str]:
    """The lines that one caller heard."""
    number = caller.number.replace("anonymous", "")
    every = [event for floor in it.controller.on("/floor") for event in floor.named("ChannelDialplan")]
    steps = [event for event in every if event["channel"]["caller"]["number"] == number]
    lines = [step["dialplan_app_data"].split(",") for step in steps if step["dialplan_app"] in {"Playback", "Read"}]
    return [next(part for part in parts if "/" in part).rpartition("/")[2].removesuffix("-en") for parts in lines]


async def sent_on(it: Floor, caller: Any, variables: Mapping[str, str], dialled: str = "100") -> None:
    async with calling(it, caller, dialled) as control:
        await handed_over(it, control, **variables)


def test_out_of_hours_a_caller_is_told_and_offered_a_call_back_and_one_in_danger_waits_all_the_same(
    opened: Opened, settings: Settings, run: Run
) -> None:
    shut = Hours(open=(f"{(datetime.now(UTC) - timedelta(days=2)).strftime('%a').lower()} 00:00-24:00",))
    today = tuple((datetime.now(UTC) + timedelta(days=days)).date().isoformat() for days in (0, 1))  # a test may run at midnight

    async def steps() -> None:
        async with opened(of(settings, hours=shut)) as it:
            asks, leaves, hidden, endangered = [await it.phone(number) for number in ("774", "775", "anonymous", "776")]
            ready_for_a_call_back(it, "4")
            sounding(it, "closed", "again", "danger", "at_capacity")
            for caller in (leaves, hidden, asks):
                await sent_on(it, caller, {"VOICEBOT_LINE": "at_capacity"} if caller is leaves else {})
            await eventually(lambda: "callback_offer" in said_to(it, asks))
            asks.info("100", "1")
            await eventually(lambda: said_to(it, asks)[-1:] == ["callback_confirm"], 8)
            asks.info("100", "1")
            await sent_on(it, endangered, DANGER)
            await eventually(lambda: asks.ended and leaves.ended and hidden.ended, 15)
            assert said_to(it, asks)[:2] == ["closed", "callback_offer"]
            assert said_to(it, asks)[-1] == "callback_kept"
            assert said_to(it, leaves) == ["closed", "callback_offer", "again"], "nobody is promised a person who does not come"
            assert said_to(it, hidden)[:1] == ["closed"]
            assert said_to(it, hidden)[-1] == "again"
            await waiting(it, 1, 5)
            assert said_to(it, endangered) == ["danger"]
            endangered.bye()
            await it.pbx.cli("dialplan set global VOICEBOT_HOURS 00:00-23:59,*,*,*")
            assert "VOICEBOT_HOURS=00:00-23:59,*,*,*\n" in await it.pbx.cli("dialplan show globals")
            await it.pbx.cli(f"dialplan set global VOICEBOT_HOLIDAYS {'|'.join(today)}")
            celebrates = await it.phone("777")
            await sent_on(it, celebrates, {})
            await eventually(lambda: said_to(it, celebrates) == ["closed", "callback_offer"])
            celebrates.bye()
            await no_channel(it)

    run(steps())


def test_with_nobody_signed_in_a_caller_is_offered_a_call_back_and_waits_when_he_does_not_want_one(
    opened: Opened, settings: Settings, run: Run
) -> None:
    async def steps() -> None:
        async with opened(of(settings, hours=Hours(zone="Asia/Shanghai", open=ALWAYS))) as it:
            first, second, agent = [await it.phone(number) for number in ("774", "775", "6001")]
            agent.answers = False
            ready_for_a_call_back(it, "4")
            sounding(it, "nobody")
            await sent_on(it, first, {})
            await waiting(it, 1, 10)
            assert said_to(it, first) == ["nobody", "callback_offer"]
            assert await agent.register(it.pbx.plan.agents["6001"]) == 200
            await sent_on(it, second, {})
            await eventually(lambda: agent.rung)
            await waiting(it, 2, 3)
            assert said_to(it, second) == []
            for caller in (first, second):
                caller.bye()
            await no_channel(it)

    run(steps())


def test_a_caller_reaches_the_agents_of_his_queue_and_one_in_danger_whoever_is_there(opened: Opened, settings: Settings, run: Run) -> None:
    ways = {"complaint": Way(queue="complaints"), "danger": Way(queue="crisis")}
    agents = {"complaints": ("6002",), "crisis": ("6003",), "support": ("6001",)}

    async def steps() -> None:
        async with opened(of(settings, nobody="wait", queues=ways, agents=agents)) as it:
            complains, endangered, usual, complaints = [await it.phone(number) for number in ("774", "775", "6001", "6002")]
            usual.answers = complaints.answers = False
            for agent in (usual, complaints):
                assert await agent.register(it.pbx.plan.agents[agent.number]) == 200
            await sent_on(it, complains, {"VOICEBOT_QUEUE": "complaints"})
            await eventually(lambda: complaints.rung)
            assert not usual.rung
            await sent_on(it, endangered, {"VOICEBOT_QUEUE": "crisis", **DANGER})
            await eventually(lambda: usual.rung)
            assert said_to(it, endangered) == []
            for caller in (complains, endangered):
                caller.bye()
            await no_channel(it)

    run(steps())


def test_who_waits_behind_others_is_told_his_place_in_his_language_and_the_first_is_not(opened: Opened, settings: Settings, run: Run) -> None:
    async def steps() -> None:
        async with opened(of(settings, nobody="wait", announce_s=2)) as it:
            first, second = [await it.phone(number) for number in ("774", "775")]
            (it.pbx.plan.sounds / "zh/digits").mkdir(parents=True)
            tone(it.pbx.plan.sounds / "zh/digits/2.sln16", seconds=1)
            await sent_on(it, first, {})
            await waiting(it, 1, 5)
            await sent_on(it, second, {}, "200")
            await waiting(it, 2, 5)
            await eventually(lambda: second.loudest_heard(25) > LOUD, 10)
            assert first.loudest_heard(10_000) < LOUD
            first.bye()
            second.bye("200")
            await no_channel(it)

    run(steps())


def test_each_agent_hears_the_form_he_likes_and_one_who_changes_it_the_next_time(opened: Opened, settings: Settings, run: Run) -> None:
    async def steps() -> None:
        async with opened(of(settings)) as it:
            spool = it.pbx.plan.spool
            (spool / "short").mkdir()
            tone(spool / "call-1.sln16", seconds=1)
            (spool / "short" / "call-1.sln16").write_bytes(bytes(3_200))
            await eventually(lambda: it.controller.on("/floor"))
            for form, loud in (("short", False), ("off", True), ("", True)):
                it.controller.on("/floor")[0].request("POST", f"asterisk/variable?variable=VOICEBOT_BRIEF_6001&value={form}")
                caller, agent = await it.phone("774"), await it.phone("6001")
                assert await agent.register(it.pbx.plan.agents["6001"]) == 200
                await sent_on(it, caller, {"VOICEBOT_BRIEFING": str(spool / "call-1")})
                await eventually(lambda agent=agent: agent.rtp_heard, 10)  # type: ignore[misc]
                await asyncio.sleep(0.5)
                assert (agent.loudest_heard(10_000) > LOUD) is loud, form  # what has no form of its own is heard whole
                caller.bye()
                await no_channel(it)

    run(steps())


def test_when_the_agent_hangs_up_a_caller_is_asked_for_a_mark_if_the_bot_said_so(opened: Opened, settings: Settings, run: Run) -> None:
    async def steps() -> None:
        async with opened(of(settings)) as it:
            sounding(it, "survey", "survey_thanks")
            for asked, marked in (("1", "4"), ("1", "9"), ("", "")):
                caller, agent = await it.phone("774"), await it.phone("6001")
                assert await agent.register(it.pbx.plan.agents["6001"]) == 200
                before = len(said(it))
                await sent_on(it, caller, {"VOICEBOT_SURVEY": asked})
                await eventually(lambda agent=agent: agent.rtp_heard)  # type: ignore[misc]
                await asyncio.sleep(0.3)
                agent.bye_to_caller()
                if marked:
                    await eventually(lambda before=before: said(it)[before:] == ["survey"])  # type: ignore[misc]
                    caller.info("100", marked)
                await eventually(lambda caller=caller: caller.ended)  # type: ignore[misc]
                assert said(it)[before:] == {"4": ["survey", "survey_thanks"], "9": ["survey"], "": []}[marked]
                await no_channel(it)
            steps = [event for floor in it.controller.on("/floor") for event in floor.named("ChannelDialplan")]
            assert [step["dialplan_app_data"] for step in steps if step["dialplan_app"] == "NoOp"] == ["voicebot-survey 4", "voicebot-survey "]

    run(steps())
