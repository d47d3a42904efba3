"""Which calls are taken, what becomes of those that are not, and that a call that lost its controller is gone on with."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tests.kit.asterisk import CALLER, RETRIES_S, FakeAsterisk
from tests.kit.bot import KNOWLEDGE
from tests.kit.clock import run_virtual
from tests.kit.conversation import CLOSED, OPENED, QUEUED
from tests.kit.record import Record
from tests.kit.world import World, number
from voicebot import arrivals, reception
from voicebot.admission import Measures
from voicebot.arrivals import CLOSE_TIMEOUT_S, START_TIMEOUT_S
from voicebot.errors import StoreError
from voicebot.memory import APOLOGY, Memory
from voicebot.store.events import CallStarted
from voicebot.telephony.ari import StasisStart


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


# Calls that are taken.


def test_a_call_is_taken_with_a_record_and_counted_while_it_lasts(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            asterisk = world.calls_in()
            await asyncio.sleep(5)
            assert controller.calls == 1
            assert world.figure("voicebot_calls_in_progress") == "1.0"
            assert asterisk.line
            assert asterisk.line.played_frames > 100
            asterisk.hang_up()
            await asyncio.sleep(1)
            assert controller.calls == 0
            assert world.figure("voicebot_calls_in_progress") == "0.0"
            assert asterisk.asked == [*OPENED, *CLOSED]

    run_virtual(scenario())
    record = world.journal.records[CALLER]
    [started] = record.of(CallStarted)
    assert (started.ani, started.dnis, started.language, started.channel) == ("0201555777", "100", "en", CALLER)
    assert started.knowledge_version == KNOWLEDGE.version
    assert abs((datetime.now(UTC) - started.at_utc).total_seconds()) < 60
    assert record.story[1:] == ["answered", "bot, greeting: greeting", "notice given", "caller hung up"]
    assert record.wrongs == []


def test_the_control_socket_of_a_call_that_is_over_is_left_to_asterisk_for_a_while(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            asterisk = world.calls_in()
            await asyncio.sleep(5)
            asterisk.hang_up()
            await asyncio.sleep(CLOSE_TIMEOUT_S - 1)
            assert not asterisk.closed
            await asyncio.sleep(2)
            assert asterisk.closed

    run_virtual(scenario())


# Admission.


def test_the_caller_beyond_capacity_hears_a_line_and_goes_to_the_queue_and_the_next_is_taken_when_one_has_left(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            first, *others = [world.calls_in(number(f"555{each}"), f"c{each}") for each in range(3)]
            await asyncio.sleep(5)
            assert controller.calls == 3
            beyond = world.calls_in(number("5559"), "c9")
            await asyncio.sleep(0.51)
            assert beyond.asked == ["set VOICEBOT_LINE=at_capacity", "send c9 to voicebot-handover"]
            assert beyond.place == "voicebot-handover"
            assert controller.calls == 3
            assert world.figure('voicebot_refusals_total{reason="calls"}') == "1.0"
            first.hang_up()
            await asyncio.sleep(1)
            after = world.calls_in(number("5558"), "c8")
            await asyncio.sleep(2)
            assert after.place == "bot"
            assert {other.place for other in others} == {"bot"}

    run_virtual(scenario())


def test_a_caller_who_is_not_taken_has_a_record_that_says_why_and_the_floor_follows_him(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            floor = FakeAsterisk(world.bench.door)
            floor.channels = set()
            world.handlers.on_floor(floor.control)
            world.measures = Measures(cpu=0.99)
            beyond = world.calls_in(caller="c9")
            floor.channels |= {"c9"}
            await asyncio.sleep(1)
            assert beyond.place == "voicebot-handover"
            floor.tell("ChannelDestroyed", "c9")
            await asyncio.sleep(0.1)
            floor.disconnect()

    run_virtual(scenario())
    record = world.journal.records["c9"]
    assert record.story[1:] == ["handover to support: not admitted: cpu", "caller hung up"]
    assert record.outcome == "abandoned"
    assert record.wrongs == []


def test_what_is_logged_of_a_call_carries_its_id(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            world.measures = Measures(cpu=0.99)
            world.calls_in(caller="c9")
            await asyncio.sleep(1)

    with capture_logs(processors=[merge_contextvars]) as logs:
        run_virtual(scenario())
    assert [line["call_id"] for line in logs if line["event"] == "call sent on to the queue"] == ["c9"]


def test_a_caller_who_is_not_taken_and_has_hung_up_is_sealed_at_once(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            world.measures = Measures(loop_lag_ms=5_000)
            beyond = world.calls_in(caller="c9")
            await asyncio.sleep(0.5)
            beyond.hang_up()
            await asyncio.sleep(1)

    run_virtual(scenario())
    record = world.journal.records["c9"]
    assert record.story[1:] == ["handover to support: not admitted: loop lag", "caller hung up"]
    assert (record.outcome, record.sealed_by) == ("abandoned", "caller")


def test_when_asterisk_refuses_the_refusal_its_dialplan_has_the_caller_and_the_record_stays_open_for_the_floor(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            world.measures = Measures(cpu=0.99)
            beyond = world.calls_in(caller="c9", troubles={1: "500"})
            await asyncio.sleep(0.6)
            assert beyond.closed
            await asyncio.sleep(RETRIES_S)
            assert beyond.place == "voicebot-handover"

    run_virtual(scenario())
    record = world.journal.records["c9"]
    assert record.story[1:] == ["handover to support: not admitted: cpu"]
    assert record.outcome == ""


def test_one_number_cannot_take_all_and_withheld_numbers_share_no_cap(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            same = [world.calls_in(number("5551"), f"s{each}") for each in range(3)]
            await asyncio.sleep(2)
            assert sorted(each.place for each in same) == ["bot", "bot", "voicebot-handover"]
            for each in same:
                each.hang_up()
            await asyncio.sleep(2)
            hidden = [world.calls_in(number(""), f"h{each}") for each in range(3)]
            await asyncio.sleep(2)
            assert {each.place for each in hidden} == {"bot"}
            assert controller.calls == 3

    run_virtual(scenario())


def test_calls_that_send_no_audio_do_not_fill_capacity_for_long(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            ghosts = [world.calls_in(number(""), f"g{each}") for each in range(3)]
            await asyncio.sleep(4)
            for ghost in ghosts:
                assert ghost.line
                ghost.line.sends = False
            assert controller.calls == 3
            await asyncio.sleep(world.settings.turns.no_rtp_ms / 1_000 + 5)
            assert controller.calls == 0

    run_virtual(scenario())


def test_calls_that_come_at_the_same_instant_are_counted_one_by_one(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            crowd = [world.calls_in(number(f"555{each}"), f"c{each}") for each in range(10)]
            await asyncio.sleep(2)
            assert controller.calls == 3
            assert [each.place for each in crowd].count("voicebot-handover") == 7

    run_virtual(scenario())


# Calls that are not.


def test_a_language_nobody_speaks_here_goes_to_the_queue(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            asterisk = world.calls_in({"VOICEBOT_LANGUAGE": "fr"})
            await asyncio.sleep(1)
            assert asterisk.asked == [QUEUED]
            assert asterisk.place == "voicebot-handover"

    run_virtual(scenario())
    assert world.journal.records[CALLER].story[1:] == ["handover to support: no hotline speaks 'fr'"]


def test_a_call_another_controller_had_is_found_by_name_and_sent_on(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            asterisk = world.connects()
            asterisk.channels |= {"somebody-else", "c1-media"}
            asterisk.begin_again()
            await asyncio.sleep(START_TIMEOUT_S + 0.1)
            assert asterisk.asked == ["GET channels", QUEUED]
            assert asterisk.place == "voicebot-handover"

    run_virtual(scenario())
    assert world.journal.records[CALLER].story[1:] == ["handover to support: unknown call"]


def test_a_call_whose_record_was_sealed_too_early_goes_to_the_queue_and_the_record_stays(world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            record = world.journal.records[CALLER] = Record(CALLER)
            record.append(0, CallStarted("", "100", "en", CALLER, datetime.now(UTC), ""))
            record.seal(0, "failed", "call")
            asterisk = world.connects()
            asterisk.begin_again()
            await asyncio.sleep(START_TIMEOUT_S + 0.1)
            assert asterisk.asked == ["GET channels", QUEUED]

    run_virtual(scenario())
    assert world.journal.records[CALLER].wrongs == []


@pytest.mark.parametrize("told", ["nothing", "a channel that is gone"])
def test_a_control_socket_that_brings_no_caller_moves_nobody(told: str, world: World) -> None:
    async def scenario() -> None:
        async with world.serving():
            asterisk = world.connects()
            if told != "nothing":
                asterisk.channels.clear()
                asterisk.begin_again()
            await asyncio.sleep(10)
            assert asterisk.asked == ["GET channels"]
            assert asterisk.closed

    run_virtual(scenario())


def test_a_control_socket_that_closes_at_once_is_forgotten(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            world.connects().disconnect()
            await asyncio.sleep(0.1)
            assert controller.calls == 0

    run_virtual(scenario())


def test_a_caller_who_comes_back_while_his_record_is_open_goes_to_the_queue_and_others_stay(world: World) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            first = world.calls_in()
            await asyncio.sleep(5)
            second = world.calls_in()
            await asyncio.sleep(2)
            assert second.asked == [QUEUED]
            assert controller.calls == 1
            first.hang_up()
            await asyncio.sleep(1)

    run_virtual(scenario())
    assert world.journal.records[CALLER].outcome == "abandoned"


def test_a_call_that_comes_before_the_engines_are_up_goes_to_the_queue(world: World) -> None:
    async def meanwhile() -> None:
        await asyncio.sleep(0.1)
        asterisk = world.calls_in()
        await asyncio.sleep(0.6)
        assert asterisk.asked == [QUEUED]

    run_virtual(world.starting(3, meanwhile()))


# Calls that lost their controller.


Taken = tuple[Record, Memory] | None


def lost(world: World, monkeypatch: pytest.MonkeyPatch, taken: Taken | StoreError, language: str = "en") -> FakeAsterisk:
    """Asterisk connects again for a call that the journal has without an end."""
    asterisk = world.connects({"VOICEBOT_LANGUAGE": language})
    asterisk.media = f"{CALLER}-1-media"

    async def unfinished(*_: object) -> StasisStart:
        return asterisk.start

    async def take_over(*_: object) -> Taken:
        if isinstance(taken, StoreError):
            raise taken
        return taken

    monkeypatch.setattr(arrivals, "unfinished", unfinished)
    monkeypatch.setattr(reception, "take_over", take_over)
    asterisk.begin_again()
    return asterisk


def test_a_lost_call_is_gone_on_with_and_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Record(CALLER)

    async def scenario() -> None:
        async with world.serving() as controller:
            asterisk = lost(world, monkeypatch, (record, Memory(answered=True, noticed=True, resumed=1, unsaid=(APOLOGY,))))
            await asyncio.sleep(0.5)
            assert controller.calls == 1
            assert asterisk.line
            assert asterisk.line.played_frames > 0
            asterisk.hang_up()
            await asyncio.sleep(1)
            assert controller.calls == 0

    run_virtual(scenario())
    assert record.story == ["bot, prompt: lost you (cut)", "caller hung up"]


def test_a_lost_call_that_cannot_be_gone_on_with_goes_to_the_queue(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            asterisk = lost(world, monkeypatch, None)
            await asyncio.sleep(0.1)
            assert asterisk.asked == [QUEUED]
            assert controller.calls == 0

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("taken", "language"), [(StoreError("no database"), "en"), ((Record(CALLER), Memory(resumed=1)), "fr")], ids=["no record", "no language"]
)
def test_a_lost_call_without_its_record_or_its_language_goes_to_the_queue(
    taken: Taken | StoreError, language: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with world.serving() as controller:
            asterisk = lost(world, monkeypatch, taken, language)
            await asyncio.sleep(0.1)
            assert asterisk.asked == [QUEUED]
            assert controller.calls == 0

    run_virtual(scenario())


def test_a_controller_that_drains_takes_over_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with world.serving() as controller, asyncio.TaskGroup() as scope:
            draining = scope.create_task(controller.drained(5))
            await asyncio.sleep(0)
            asterisk = lost(world, monkeypatch, (Record(CALLER), Memory(resumed=1)))
            await asyncio.sleep(0.1)
            assert asterisk.asked == [QUEUED]
            draining.cancel()

    run_virtual(scenario())


@pytest.mark.parametrize(("takes_s", "place"), [(1.0, "bot"), (4.0, "voicebot-handover")])
def test_a_lost_call_waits_a_little_for_the_engines(takes_s: float, place: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def meanwhile() -> None:
        await asyncio.sleep(0.1)
        asterisk = lost(world, monkeypatch, (Record(CALLER), Memory(answered=True, noticed=True, resumed=1, unsaid=(APOLOGY,))))
        await asyncio.sleep(3)
        assert asterisk.place == place
        asterisk.hang_up()

    run_virtual(world.starting(takes_s, meanwhile()))
