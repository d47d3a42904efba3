"""Whole calls, told as what the caller does, what the record then says and what Asterisk was asked. Every one ends with nothing left behind.

Then the same calls with each request to Asterisk failing in turn, and cancelled before each step of the loop.
"""

from __future__ import annotations

import asyncio
import errno
import wave
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kit.asterisk import FakeAsterisk
from tests.kit.bot import Bench
from tests.kit.conversation import (
    OPENED,
    QUEUED,
    Caller,
    at_once,
    goes_on,
    hangs_up,
    happens,
    hold,
    interrupts,
    presses,
    says,
)
from tests.kit.speech import ScriptedGate, scripted_ears
from tests.kit.tales import ANSWER, ANSWERED, ASKED_WHEN, BILL, BILL_ANSWER, GONE, GREETED, TALES, WHEN, Tale, puts_phone_down, to_queue
from tests.kit.troubled import TROUBLED
from voicebot.call import OURS_S
from voicebot.settings.handover import Handover
from voicebot.store.events import BargedIn, BotSpoke, CallerSpoke, Fault, HandoverDecided, NoticeGiven, OptedOut, TurnMeasured
from voicebot.store.record import CallJournal
from voicebot.values import FRAME_MS

MakeBench = Callable[..., Bench]


@pytest.fixture(autouse=True)
def _voice_is_any_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted_ears(monkeypatch)


@pytest.fixture
def bench(tmp_path: Path) -> MakeBench:
    return lambda **how: Bench(tmp_path, **how)


@pytest.mark.parametrize("tale", [*TALES, *TROUBLED], ids=lambda tale: tale.title)
def test_tales(tale: Tale, tmp_path: Path) -> None:
    held = tale.hold(tmp_path)
    assert held.story == list(tale.story)
    assert held.done, "the call ended before the caller had done all"
    assert held.ending == tale.ending
    assert tale.asked is None or held.asked == list(tale.asked)
    assert held.wrongs() == []
    assert b"voicebot_" in held.bench.bot.metrics.render()


# What a story does not show: times, files, figures.


def test_the_notice_comes_before_any_answer_and_each_turn_is_measured(bench: MakeBench) -> None:
    record = hold(bench(), interrupts(WHEN, 500), says(BILL), hangs_up()).record
    kinds = [type(event) for _, event in record.lines]
    assert kinds.index(NoticeGiven) < kinds.index(CallerSpoke)
    assert [spoken.entry_id for spoken in record.of(BotSpoke)] == [None, "opening-hours", "bill-copy"]
    for measured in record.of(TurnMeasured)[1:]:
        assert measured.hold_ms == 400
        assert measured.recognise_ms == pytest.approx(40)
        assert measured.total_ms < 500
    assert [t_ms for t_ms, _ in record.lines] == sorted(t_ms for t_ms, _ in record.lines)


def test_what_was_heard_of_a_cut_answer_is_known_to_the_frame(bench: MakeBench) -> None:
    held = hold(bench(), says(WHEN), interrupts(BILL, 1_500), hangs_up())
    _, cut, answer = held.record.of(BotSpoke)
    [barge_in] = held.record.of(BargedIn)
    assert cut.heard_ms == pytest.approx(1_500 + barge_in.silent_after_ms + ScriptedGate.late_ms, abs=40)
    assert barge_in.silent_after_ms <= 40
    assert cut.heard_text == "we are"
    assert held.asterisk.line
    assert 3_000 + cut.heard_ms + answer.heard_ms == held.asterisk.line.played_frames * FRAME_MS
    assert (cut.length_ms, answer.heard_ms, answer.heard_text) == (4_000, 2_000, "the bill is in the app")


def test_a_bot_that_resumes_lost_nothing_and_paused_for_a_moment_only(bench: MakeBench) -> None:
    held = hold(bench(), says(WHEN), interrupts("okay", 1_500), hangs_up())
    assert held.asterisk.line
    assert held.asterisk.line.commands == ["MARK_MEDIA", "FLUSH_MEDIA", "MARK_MEDIA", "FLUSH_MEDIA", "FLUSH_MEDIA", "MARK_MEDIA"]
    assert held.record.of(BotSpoke)[-1].heard_ms == 4_000
    paused_ms = held.record.lines[-2][0] - held.record.of(BotSpoke)[-1].start_ms - 4_000
    assert paused_ms <= 700


def test_the_briefing_the_agent_hears_lies_where_asterisk_looks(bench: MakeBench) -> None:
    held = hold(bench(), says(WHEN), says("agent please"))
    [decided] = held.record.of(HandoverDecided)
    assert decided.briefing == "Caller asked for a person. Topics: opening hours."
    assert (held.bench.spool_folder / "c1.sln16").stat().st_size == 32_000


def with_handover(bench: Bench, **values: Any) -> Bench:
    handover = Handover.model_validate(values)
    bench.bot = replace(bench.bot, settings=bench.settings.model_copy(update={"handover": handover}))
    return bench


def test_a_caller_goes_to_the_queue_of_his_reason_and_the_record_names_it(bench: MakeBench) -> None:
    ways = {"person": {"queue": "front", "priority": 3}}
    held = hold(with_handover(bench(), queues=ways, survey="calm"), says("agent please"))
    assert held.asked[:2] == ["set VOICEBOT_QUEUE=front", "set VOICEBOT_PRIORITY=3"]
    assert "set VOICEBOT_SURVEY=1" in held.asked
    [decided] = held.record.of(HandoverDecided)
    assert (decided.queue, decided.priority, decided.urgent) == ("front", 3, False)


def test_out_of_hours_the_bot_promises_no_person_but_to_who_is_in_danger(bench: MakeBench) -> None:
    never = {"open": ["mon-sun 00:00-24:00"], "closed": [str(datetime.now(UTC).date() + timedelta(days=days)) for days in (0, 1)]}
    held = hold(with_handover(bench(), hours=never), says("agent please"))
    assert [line for line in held.story if "connecting" in line] == []
    assert held.asked[-1] == QUEUED
    assert held.ending == "followed"
    danger = hold(with_handover(bench(), hours=never, survey="calm"), says("my house is on fire"))
    assert "bot, handover: connecting emergency" in danger.story
    assert "set VOICEBOT_SURVEY=1" not in danger.asked


@pytest.mark.parametrize("fault", ["unspeakable", "slow", "no folder"])
def test_without_a_briefing_the_caller_is_handed_over_all_the_same(fault: str, bench: MakeBench, tmp_path: Path) -> None:
    made = bench()
    if fault == "no folder":
        made.spool_folder.write_text("in the way")
    made.phrases.unspeakable = lambda text: fault == "unspeakable" and text.startswith("Caller")
    made.phrases.takes = lambda text: 60.0 if fault == "slow" and text.startswith("Caller") else 0.0
    held = hold(made, says("agent please"))
    assert [line for line in held.story if line.startswith("fault, briefing")]
    assert held.asked == ["set VOICEBOT_QUEUE=support", "set VOICEBOT_PRIORITY=0", QUEUED]
    decided_ms = next(t_ms for t_ms, event in held.record.lines if isinstance(event, HandoverDecided))
    assert held.record.lines[-1][0] - decided_ms < 2_100 + FRAME_MS
    assert (held.ending, held.leaks()) == ("followed", [])


def stereo(path: Path) -> tuple[Any, Any]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 16_000, 2)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return both[:, 0], both[:, 1]


def test_a_recorded_call_has_the_caller_left_and_the_bot_right(bench: MakeBench, tmp_path: Path) -> None:
    held = hold(bench(recorded=True), says(WHEN), hangs_up())
    assert held.story == ["answered", "recording on", "bot, greeting: greeting", "notice given, recorded", *ANSWERED, *GONE]
    caller, bot = stereo(tmp_path / "recordings" / "c1.wav")
    assert np.count_nonzero(caller) == 4 * 240 * 16
    assert np.count_nonzero(bot) == 7_000 * 16
    assert np.flatnonzero(bot)[3_000 * 16] > np.flatnonzero(caller)[-1]


def test_who_refuses_the_recording_is_not_recorded_and_what_was_is_gone(bench: MakeBench, tmp_path: Path) -> None:
    held = hold(bench(recorded=True), says("please do not record this call"), hangs_up())
    refused = ["decided Reply: opted out", "opted out of recording", "recording off"]
    assert held.story[-6:] == [*refused, "bot, prompt: no recording", "bot, prompt: how can i help", *GONE]
    assert list((tmp_path / "recordings").glob("*")) == []


def test_a_disk_that_deletes_nothing_ends_no_call(bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", read_only)
    held = hold(bench(recorded=True), says("please do not record this call"), hangs_up())
    assert held.story[-2:] == ["bot, prompt: how can i help", *GONE]
    assert held.ending == "abandoned by caller"


def test_who_takes_a_call_over_deletes_the_parts_its_caller_had_refused(bench: MakeBench, tmp_path: Path) -> None:
    first = hold(bench(recorded=True), says("please do not record this call"), hangs_up())
    refused = next(number for number, line in enumerate(first.record.history, start=1) if isinstance(line.event, OptedOut))
    part = tmp_path / "recordings" / "c1.wav"
    part.write_text("not deleted in time")
    hold(bench(recorded=True), hangs_up(), before=first.record.history[:refused])
    assert not part.exists()


def test_a_call_that_another_controller_holds_by_now_is_left_to_it(bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fenced(record: CallJournal) -> bool:
        assert told(record)[-1] is Fault, "what is asked of the database is asked with a line to write"
        record.taken.set()
        return False

    def told(record: Any) -> list[type]:
        return [type(event) for _, event in record.lines]

    monkeypatch.setattr(CallJournal, "ours", fenced)
    held = hold(bench(), says(WHEN), happens(lambda caller: caller.asterisk.end_media(), after_ms=500))
    assert QUEUED not in held.asterisk.asked


def test_a_database_that_does_not_answer_keeps_no_caller_from_the_queue(bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[FakeAsterisk] = []

    async def mute(_record: CallJournal) -> bool:
        await asyncio.sleep(4 * OURS_S)
        assert QUEUED in lines[0].asked
        lines.clear()
        return True

    def breaks(caller: Caller) -> None:
        lines.append(caller.asterisk)
        caller.asterisk.end_media()

    monkeypatch.setattr(CallJournal, "ours", mute)
    held = hold(bench(), says(WHEN), happens(breaks, after_ms=500))
    assert held.asked == [QUEUED]
    assert not lines, "nothing was asked of the database, or too late"


def test_without_the_control_socket_asterisk_moves_the_caller_on_and_the_floor_sees_what_becomes_of_him(bench: MakeBench) -> None:
    held = hold(bench(), says(WHEN), happens(lambda caller: caller.asterisk.disconnect(), after_ms=500))
    assert held.story == [*GREETED, *ASKED_WHEN, f"{ANSWER} (cut)", "fault, call: Asterisk closed the control connection"]
    assert held.asterisk.asked == OPENED
    assert held.ending == "followed"
    assert held.record.wrongs == []


def slow_to_say(sentence: str, takes_s: float) -> Callable[[str], float]:
    return lambda text: takes_s if text == sentence else 0.0


def test_a_key_pressed_while_the_answer_is_still_being_made_is_taken_at_once(bench: MakeBench) -> None:
    made = bench()
    made.phrases.takes = slow_to_say("we are open from eight to six", 2.0)
    held = hold(made, says(WHEN), at_once(lambda caller: caller.asterisk.press("0"), 1_000))
    pressed = ["caller presses 0", "decided HandOver: pressed 0", *to_queue("asked for a person", "connecting")]
    assert held.story == [*GREETED, *ASKED_WHEN, *pressed]
    assert held.leaks() == []


@pytest.mark.parametrize("whole", [True, False])
def test_the_record_says_whether_the_notice_was_given_whole(whole: bool, bench: MakeBench) -> None:
    held = hold(bench(menu=True), presses("2", None if whole else 100), hangs_up())
    assert [event.whole for event in held.record.of(NoticeGiven)] == [whole]
    assert held.wrongs() == []


def test_a_call_that_goes_on_behind_a_notice_cut_short_begins_with_it(bench: MakeBench) -> None:
    first = hold(bench(menu=True), presses("2", 100), hangs_up())
    lost = next(number for number, line in enumerate(first.record.history, start=1) if isinstance(line.event, NoticeGiven))
    held = hold(bench(menu=True), presses("0"), before=first.record.history[:lost])
    assert [event.whole for event in held.record.of(NoticeGiven)] == [False, True]
    assert "bot, prompt: lost you" not in held.story
    assert held.wrongs() == []


def test_a_key_pressed_before_the_bot_has_said_anything_is_answered_after_the_greeting(bench: MakeBench) -> None:
    """Not after a menu of half a minute, which he no longer needs. The notice he hears all the same."""
    made = bench(menu=True)
    held = hold(made, at_once(lambda caller: caller.asterisk.press("2"), 1), hangs_up())
    assert held.story == [*GREETED, "caller presses 2", "decided Reply: pressed 2 in the menu", BILL_ANSWER, "bot, menu: menu after", *GONE]


def test_a_key_pressed_while_the_greeting_is_still_being_made_does_not_save_him_the_notice(bench: MakeBench) -> None:
    made = bench()
    made.phrases.takes = slow_to_say("greeting", 2.0)
    held = hold(made, at_once(lambda caller: caller.asterisk.press("0"), 1_000))
    assert held.story == [*GREETED, "caller presses 0", "decided HandOver: pressed 0", *to_queue("asked for a person", "connecting")]
    assert [event.whole for event in held.record.of(NoticeGiven)] == [True]
    assert held.wrongs() == []


def test_a_caller_who_goes_on_while_the_answer_is_still_being_made_is_not_talked_over(bench: MakeBench) -> None:
    made = bench()
    made.phrases.takes = slow_to_say("we are open from eight to six", 3.0)
    held = hold(made, says(WHEN), goes_on(BILL, 800), hangs_up())
    answered = [f"caller: {BILL}", "decided Reply: matched bill-copy 0.92", BILL_ANSWER]
    assert held.story == [*GREETED, *ASKED_WHEN, "caller speaks over the bot: taken", *answered, *GONE]


def test_who_hangs_up_before_his_words_are_known_leaves_no_stream_behind(bench: MakeBench) -> None:
    made = bench()
    made.recogniser.takes_s = lambda _: 3.0
    held = hold(made, says(WHEN), at_once(puts_phone_down, 1_000))
    assert (held.story, held.ending, held.leaks()) == ([*GREETED, *GONE], "abandoned by caller", [])


def test_an_error_of_our_own_is_a_fault_and_the_caller_is_queued(bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("voicebot.mind.decide", wrong)
    made = bench()
    held = hold(made, says(WHEN))
    assert held.story[-1] == "fault, call: ZeroDivisionError: division by zero"
    assert held.asked == [QUEUED]
    assert (held.ending, held.leaks()) == ("followed", [])
    assert b'voicebot_faults_total{where="call"} 1.0' in made.bot.metrics.render()
