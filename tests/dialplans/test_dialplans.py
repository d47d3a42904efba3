"""What a caller, an agent and an intruder meet on the private Asterisk. Each test is a call over real SIP."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest

from tests.kit.dialplan import (
    LOUD,
    Open,
    Run,
    caller_channel,
    calling,
    eventually,
    handed_over,
    no_channel,
    ready_for_a_call_back,
    said,
    tone,
    waiting,
)

pytestmark = pytest.mark.e2e


def test_a_call_reaches_the_controller_while_it_rings_with_what_the_bot_must_know(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("+49301234;drop=table'")
            async with calling(it, caller, "200") as control:
                start = control.named("StasisStart")[0]
                assert caller.statuses == [100, 180]
                assert start["channel"]["channelvars"] == {"VOICEBOT_ANI": "+49301234", "VOICEBOT_DNIS": "200", "VOICEBOT_LANGUAGE": "zh"}
                assert start["channel"]["caller"] == {"name": "", "number": "+49301234"}
                assert start["application"].startswith("voicebot:PJSIP/voicebot-caller-")
                control.request("POST", f"channels/{control.channel}/answer")
            assert caller.statuses[-1] == 200
            caller.bye("200")
            await no_channel(it)

    run(steps())


def test_every_socket_carries_the_credentials_and_its_protocol(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("77")
            async with calling(it, caller) as control:
                where = f"app={control.named('StasisStart')[0]['application']}&external_host=voicebot-media&format=slin16"
                link = "transport=websocket&encapsulation=none&connection_type=client&transport_data=v(token=abc)"
                control.request("POST", f"channels/externalMedia?{where}&{link}")
                control.request("POST", f"channels/{control.channel}/answer")
                await eventually(lambda: it.controller.on("/media"))
            await eventually(lambda: it.controller.on("/floor"))
            sockets = {each.path: (each.protocol, each.authorization) for each in it.controller.sockets}
            expected = it.basic(it.pbx.plan.username, it.pbx.plan.password)
            assert sockets == {"/ari": ("ari", expected), "/floor": ("ari", expected), "/media?token=abc": ("media", expected)}
            caller.bye()

    run(steps())


@pytest.mark.parametrize(("offered", "answered"), [("0 8 101", "0 101"), ("8 0 101", "8 101"), ("8 101", "8 101"), ("0", "0")])
def test_the_callers_codec_order_is_kept(floor: Open, run: Run, offered: str, answered: str) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("77")
            async with calling(it, caller, codecs=offered) as control:
                control.request("POST", f"channels/{control.channel}/answer")
            assert re.search(r"m=audio \d+ RTP/AVP (.*)\r", caller.sdp)[1] == answered  # type: ignore[index]
            caller.bye()

    run(steps())


def test_a_digit_by_sip_info_is_heard(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("77")
            async with calling(it, caller) as control:
                control.request("POST", f"channels/{control.channel}/answer")
            caller.info("100", "5")
            await eventually(lambda: [event["digit"] for event in control.named("ChannelDtmfReceived")] == ["5"])
            caller.bye()

    run(steps())


def test_whatever_extension_a_pbx_sends_a_call_in_with_the_caller_gets_to_the_bot(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            for extension, dnis in {"5": "5", "4930123": "4930123", "+4930123": "4930123", "s": "", "support": ""}.items():
                goto = f"dialplan add extension 100,1,Goto(voicebot-call\\,{extension}\\,1) into voicebot-inbound replace"
                assert "Extension 100@voicebot-inbound" in await it.pbx.cli(goto)
                caller = await it.phone("77")
                async with calling(it, caller) as control:
                    assert control.named("StasisStart")[0]["channel"]["channelvars"].get("VOICEBOT_DNIS", "") == dnis, extension
                    control.request("POST", f"channels/{control.channel}/answer")
                caller.bye()
                await no_channel(it)

    run(steps())


def test_numbers_that_are_no_hotline_get_404_and_no_channel(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            for number in ("10", "101", "1000", "s", "h", "i", "t", "0049301234", "6001"):
                assert await (await it.phone("77")).invite(number) == 404, number
            assert "0 calls processed" in await it.pbx.cli("core show channels")

    run(steps())


def test_agents_register_with_their_secret_and_nobody_else_does(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            secrets = it.pbx.plan.agents
            assert [await (await it.phone(name)).register(secrets[name]) for name in secrets] == [200, 200, 200]
            assert await (await it.phone("6001")).register("wrong") == 401
            assert await (await it.phone("6001")).register(secrets["6002"]) == 401
            assert await (await it.phone("6009")).register(secrets["6001"]) in {401, 403, 404}

    run(steps())


def test_an_agents_name_is_challenged_and_an_agent_reaches_nothing(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            assert await (await it.phone("6002")).invite("100") == 401
            assert await (await it.phone("voicebot-caller")).invite("6001") == 404
            assert "-= 0 extensions" in await it.pbx.cli("dialplan show voicebot-agents")

    run(steps())


def test_a_transfer_is_not_taken(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("77")
            async with calling(it, caller) as control:
                control.request("POST", f"channels/{control.channel}/answer")
            caller.refer("100", "200")
            await asyncio.sleep(1)
            assert "1 active channel\n" in await it.pbx.cli("core show channels")
            assert len(it.controller.on("/ari")) == 1
            assert not any("REFER" in text and text.startswith("SIP/2.0 2") for text in caller.heard())
            caller.bye()
            await no_channel(it)

    run(steps())


def test_handed_over_the_agent_hears_the_briefing_first_and_then_they_talk(floor: Open, run: Run, tmp_path: Path) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller, agent = await it.phone("77"), await it.phone("6001")
            assert await agent.register(it.pbx.plan.agents["6001"]) == 200
            tone(it.pbx.plan.spool / "call-1.sln16", seconds=1)
            async with calling(it, caller) as control:
                await handed_over(it, control, VOICEBOT_BRIEFING=str(it.pbx.plan.spool / "call-1"), VOICEBOT_QUEUE="support")
            await eventually(lambda: agent.loudest_heard(10) > LOUD)
            caller.rtp_heard.clear()
            await asyncio.sleep(0.6)
            assert 20 < len(caller.rtp_heard) < 40
            assert 0 < caller.loudest_heard(40) < LOUD, "the caller hears music, not the briefing"
            await asyncio.sleep(1)
            agent.rtp_heard.clear()
            await caller.talk(0.5, loud=True)
            assert agent.loudest_heard(20) > LOUD
            agent.bye_to_caller()
            await eventually(lambda: caller.ended)
            await no_channel(it)

    run(steps())


@pytest.mark.parametrize("path", ["{outside}/call-1", "{spool}/../secret", "{spool}/sub/call-1", "call-1", "{spool}", ""])
def test_a_briefing_outside_the_spool_folder_is_not_played(floor: Open, run: Run, tmp_path: Path, path: str) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller, agent = await it.phone("77"), await it.phone("6001")
            assert await agent.register(it.pbx.plan.agents["6001"]) == 200
            (it.pbx.plan.spool / "sub").mkdir()
            for wrong in (tmp_path / "call-1", it.pbx.plan.run / "secret", it.pbx.plan.spool / "sub/call-1"):
                tone(wrong.with_suffix(".sln16"), seconds=1)
            async with calling(it, caller) as control:
                given = path.format(outside=tmp_path, spool=it.pbx.plan.spool)
                await handed_over(it, control, VOICEBOT_BRIEFING=given, VOICEBOT_QUEUE="no-such-queue", VOICEBOT_PRIORITY="x7")
            await eventually(lambda: agent.rung)
            await asyncio.sleep(0.7)
            assert agent.loudest_heard(100) < LOUD
            assert "QUEUE_PRIO=07" in await it.pbx.cli(f"core show channel {await caller_channel(it)}")
            caller.bye()
            await no_channel(it)

    run(steps())


def test_with_nobody_free_the_caller_hears_music_then_the_overflow_message_then_the_call_ends(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("77")
            tone(it.pbx.plan.sounds / "overflow-en.sln16", seconds=1)
            async with calling(it, caller) as control:
                await handed_over(it, control)
            assert await waiting(it, 1, 3) < 1
            await eventually(lambda: caller.loudest_heard(25) > 20, 2)
            assert caller.loudest_heard(10_000) < LOUD
            await eventually(lambda: caller.loudest_heard(25) > LOUD, 6)
            await eventually(lambda: caller.ended, 8)
            await no_channel(it)

    run(steps())


OFFERED = ["callback_number", "digit_7", "digit_7", "digit_4", "callback_confirm"]


def test_a_caller_who_presses_one_is_read_his_own_number_and_called_back_when_he_confirms_it(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("774")
            ready_for_a_call_back(it, "74")
            async with calling(it, caller) as control:
                await handed_over(it, control)
            await waiting(it, 1, 3)
            caller.info("100", "1")
            await eventually(lambda: said(it)[-1:] == ["callback_confirm"], 8)
            caller.info("100", "1")
            await eventually(lambda: caller.ended, 5)
            assert said(it) == [*OFFERED, "callback_kept"]
            await no_channel(it)

    run(steps())


def test_a_caller_who_does_not_confirm_his_number_waits_on(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("774")
            ready_for_a_call_back(it, "74")
            async with calling(it, caller) as control:
                await handed_over(it, control)
            await waiting(it, 1, 3)
            caller.info("100", "1")
            await eventually(lambda: said(it) == OFFERED, 8)
            caller.info("100", "2")
            await waiting(it, 1, 5)
            assert not caller.ended
            caller.bye()
            await no_channel(it)

    run(steps())


def test_a_caller_whom_nobody_answered_is_offered_a_call_back_and_one_without_a_number_is_not(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            callers = {number: await it.phone(number) for number in ("774", "anonymous")}
            ready_for_a_call_back(it, "74")
            for caller in callers.values():
                async with calling(it, caller) as control:
                    await handed_over(it, control)
            await eventually(lambda: all(caller.ended for caller in callers.values()), 15)
            assert sorted(said(it)) == ["callback_offer", "overflow", "overflow"]
            await no_channel(it)

    run(steps())


def test_a_caller_the_bot_does_not_take_hears_why_and_waits_in_the_queue(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("77")
            tone(it.pbx.plan.sounds / "at_capacity-en.sln16", seconds=1)
            async with calling(it, caller) as control:
                await handed_over(it, control, VOICEBOT_LINE="at_capacity")
            await eventually(lambda: caller.loudest_heard(25) > LOUD, 2)
            assert await waiting(it, 1, 5) < 5
            await asyncio.sleep(0.6)
            assert caller.loudest_heard(25) < LOUD, "music now"
            caller.bye()
            await no_channel(it)

    run(steps())


@pytest.mark.parametrize("line", ["no_such_line", "../briefings/call-1", "secret&beep", "at_capacity,skip", ""])
def test_a_line_that_is_none_delays_nobody_and_names_no_other_file(floor: Open, run: Run, line: str) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("77")
            tone(it.pbx.plan.run / "secret.sln16", seconds=1)
            tone(it.pbx.plan.spool / "call-1.sln16", seconds=1)
            tone(it.pbx.plan.spool / "call-1-en.sln16", seconds=1)
            async with calling(it, caller) as control:
                await handed_over(it, control, VOICEBOT_LINE=line)
            assert await waiting(it, 1, 3) < 1
            await asyncio.sleep(0.4)
            assert caller.loudest_heard(100) < LOUD
            caller.bye()

    run(steps())


def test_a_missing_overflow_message_ends_the_call_as_well(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("77")
            async with calling(it, caller) as control:
                await handed_over(it, control)
            await eventually(lambda: caller.ended, 10)
            await no_channel(it)

    run(steps())


def test_when_the_controller_is_lost_mid_call_the_caller_is_in_the_queue_within_five_seconds(floor: Open, run: Run) -> None:
    async def steps() -> None:
        async with floor() as it:
            caller = await it.phone("77")
            async with calling(it, caller) as control:
                control.request("POST", f"channels/{control.channel}/answer")
            it.controller.close()
            assert await waiting(it, 1, 5) < 5
            caller.bye()

    run(steps())


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_when_the_controller_is_down_at_invite_the_caller_is_in_the_queue_within_three_seconds(floor: Open, run: Run, how: str) -> None:
    async def steps() -> None:
        async with floor() as it:
            it.controller.close()
            with socket.socket() as hole:
                hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                hole.bind(("127.0.0.1", it.controller.port))
                if how == "silent":
                    hole.listen(50)
                caller = await it.phone("77")
                async with asyncio.TaskGroup() as group:
                    group.create_task(caller.invite("100"))
                    assert await waiting(it, 1, 6) < 3
            caller.bye()

    run(steps())
