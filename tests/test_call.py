"""Whole calls, told as what the caller does, what the record then says and what Asterisk was asked. Every one ends with nothing left behind.

Then the same calls with each request to Asterisk failing in turn, and cancelled before each step of the loop.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kit.asterisk import CALLER, Trouble
from tests.kit.bot import Bench, menu_sentences
from tests.kit.conversation import (
    CLOSED,
    OPENED,
    QUEUED,
    Caller,
    Held,
    Step,
    at_once,
    coughs,
    goes_on,
    hangs_up,
    happens,
    hold,
    interrupts,
    presses,
    says,
)
from tests.kit.speech import NOISE, ScriptedGate
from voicebot.settings import Turns
from voicebot.speech import ear
from voicebot.store.events import BargedIn, BotSpoke, CallerSpoke, HandoverDecided, NoticeGiven, TurnMeasured
from voicebot.values import FRAME_MS

MakeBench = Callable[..., Bench]

WHEN, BILL = "when are you open", "where do i find my bill"
ANSWER, BILL_ANSWER = "bot, answer: we are open from eight to six", "bot, answer: the bill is in the app"

GREETED = ["answered", "bot, greeting: greeting", "notice given"]
ASKED_WHEN = [f"caller: {WHEN}", "decided Reply: matched opening-hours 0.95"]
ANSWERED = [*ASKED_WHEN, ANSWER]
MENU_READ = [f"bot, menu: {sentence}" for sentence in menu_sentences()]
GONE = ["caller hung up"]
MEDIA_LOST = ["fault, call: Asterisk closed the media socket"]
RECOGNISER_LOST = "fault, recogniser: recogniser worker ended with status -11"

BRIEFED = ["set VOICEBOT_QUEUE=support", "set VOICEBOT_PRIORITY=0", "set VOICEBOT_BRIEFING=/briefings/c1", QUEUED]
URGENT = ["set VOICEBOT_QUEUE=support", "set VOICEBOT_PRIORITY=1", "set VOICEBOT_BRIEFING=/briefings/c1", QUEUED]
HUNG_UP = [f"hang up {CALLER}"]


def to_queue(reason: str, words: str = "connecting sorry") -> list[str]:
    return [f"handover to support: {reason}", f"bot, handover: {words}"]


@pytest.fixture(autouse=True)
def _voice_is_any_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ear, "Gate", ScriptedGate)


@pytest.fixture
def bench(tmp_path: Path) -> MakeBench:
    return lambda **how: Bench(tmp_path, **how)


@dataclass(frozen=True)
class Tale:
    """One call: what the caller does, what the record says, how it ends, and what Asterisk was asked between opening and taking down."""

    title: str
    acts: Sequence[Step]
    story: Sequence[str]
    ending: str
    asked: Sequence[str] = ()
    how: tuple[tuple[str, Any], ...] = ()
    """How this hotline differs from the usual one."""


def stops_sending(caller: Caller) -> None:
    caller.line.sends = False


def closes_media(caller: Caller) -> None:
    caller.line.close()


def puts_phone_down(caller: Caller) -> None:
    caller.asterisk.hang_up()


TALES = (
    # Questions and answers.
    Tale(
        "a routine question is answered, and the caller says goodbye",
        [says(WHEN), says("no thanks goodbye")],
        [*GREETED, *ANSWERED, "caller: no thanks goodbye", "decided EndCall: the caller is done", "bot, goodbye: goodbye"],
        "contained by bot",
        HUNG_UP,
    ),
    Tale(
        "words said over the greeting are kept and answered, and the notice is given whole",
        [interrupts(WHEN, 500), hangs_up()],
        [*GREETED, *ANSWERED, *GONE],
        "contained by caller",
    ),
    Tale(
        "two close questions are told apart by one question back",
        [says("my bill"), says("the first one"), says("thanks"), says("no that's all")],
        [
            *GREETED,
            *["caller: my bill", "decided Clarify: matched bill-copy 0.50, bill-higher 0.45"],
            "bot, clarify: do you mean a copy of your bill or a higher bill",
            *["caller: the first one", "decided Reply: chose between two", BILL_ANSWER],
            *["caller: thanks", "decided Reply: acknowledged", "bot, prompt: anything else"],
            *["caller: no that's all", "decided EndCall: the caller is done", "bot, goodbye: goodbye"],
        ],
        "contained by bot",
        HUNG_UP,
    ),
    Tale(
        "a key chooses between two questions as well",
        [says("my bill"), presses("2"), hangs_up()],
        [
            *GREETED,
            *["caller: my bill", "decided Clarify: matched bill-copy 0.50, bill-higher 0.45"],
            "bot, clarify: do you mean a copy of your bill or a higher bill",
            *["caller presses 2", "decided Reply: pressed 2 to choose", "bot, answer: calls abroad cost extra", *GONE],
        ],
        "contained by caller",
    ),
    Tale(
        "a yes said over the question back is its answer, not a murmur",
        [says("my bill"), interrupts("yes", 300), hangs_up()],
        [
            *GREETED,
            *["caller: my bill", "decided Clarify: matched bill-copy 0.50, bill-higher 0.45", "caller speaks over the bot: taken"],
            "bot, clarify: do you mean a copy of your bill or a higher bill (cut)",
            *["caller: yes", "decided Reply: chose between two", BILL_ANSWER, *GONE],
        ],
        "contained by caller",
    ),
    Tale(
        "an answer is said again when asked for",
        [says(WHEN), says("say that again"), hangs_up()],
        [*GREETED, *ANSWERED, "caller: say that again", "decided Reply: asked to repeat", ANSWER, *GONE],
        "contained by caller",
    ),
    Tale(
        "a short pause inside a question does not end it",
        [says("when"), goes_on("are you open", 300), hangs_up()],
        [*GREETED, *ANSWERED, *GONE],
        "contained by caller",
    ),
    Tale(
        "a bang without words is not a turn",
        [says(NOISE, 300), goes_on(WHEN, 1_500), hangs_up()],
        [*GREETED, *ANSWERED, *GONE],
        "contained by caller",
    ),
    # Speaking over the bot.
    Tale(
        "the caller interrupts the answer and is answered",
        [says(WHEN), interrupts(BILL, 1_500), hangs_up()],
        [
            *[*GREETED, *ASKED_WHEN, "caller speaks over the bot: taken", f"{ANSWER} (cut)"],
            *[f"caller: {BILL}", "decided Reply: matched bill-copy 0.92", BILL_ANSWER, *GONE],
        ],
        "contained by caller",
    ),
    Tale(
        "a murmured okay is let go, and the bot goes on to the end",
        [says(WHEN), interrupts("okay", 1_500), hangs_up()],
        [*GREETED, *ASKED_WHEN, "caller speaks over the bot: resumed", ANSWER, *GONE],
        "contained by caller",
    ),
    Tale(
        "so is a cough",
        [says(WHEN), coughs(1_500), hangs_up()],
        [*GREETED, *ASKED_WHEN, "caller speaks over the bot: resumed", ANSWER, *GONE],
        "contained by caller",
    ),
    # To a person.
    Tale(
        "who asks for a person is queued with a briefing",
        [says(WHEN), says("agent please")],
        [*GREETED, *ANSWERED, "caller: agent please", "decided HandOver: asked for a person", *to_queue("asked for a person", "connecting")],
        "followed",
        BRIEFED,
    ),
    Tale(
        "danger goes to a person at once, before others",
        [says("my house is on fire")],
        [
            *[*GREETED, "caller: my house is on fire", "decided HandOver: danger words: emergency"],
            *["handover to support: reports an emergency, urgent", "bot, handover: connecting emergency"],
        ],
        "followed",
        URGENT,
    ),
    Tale(
        "not understood twice goes to a person, with the reason",
        [says("banana pancakes today"), says("purple monkey dishwasher")],
        [
            *[*GREETED, "caller: banana pancakes today", "decided Reply: not understood, no match", "bot, prompt: say again"],
            *["caller: purple monkey dishwasher", "decided HandOver: not understood, no match; 2 times in a row"],
            *to_queue("was not understood"),
        ],
        "followed",
        BRIEFED,
    ),
    Tale(
        "the same question a third time goes to a person",
        [says(WHEN), says(WHEN), says(WHEN)],
        [
            *[*GREETED, *ANSWERED, f"caller: {WHEN}", "decided Reply: matched opening-hours 0.95, asked twice"],
            *["bot, prompt: again", "bot, answer: in short, we are open from eight to six", "bot, prompt: offer person"],
            *[f"caller: {WHEN}", "decided HandOver: matched opening-hours 0.95, asked 3 times", *to_queue("asked the same question again")],
        ],
        "followed",
        BRIEFED,
    ),
    # Keys.
    Tale(
        "key 0 in the greeting",
        [presses("0", 500)],
        [
            *["answered", "bot, greeting: greeting (cut)", "notice given"],
            *["caller presses 0", "decided HandOver: pressed 0", *to_queue("asked for a person", "connecting")],
        ],
        "followed",
        BRIEFED,
    ),
    Tale(
        "key 0 in an answer",
        [says(WHEN), presses("0", 500)],
        [
            *[*GREETED, *ASKED_WHEN, f"{ANSWER} (cut)"],
            *["caller presses 0", "decided HandOver: pressed 0", *to_queue("asked for a person", "connecting")],
        ],
        "followed",
        BRIEFED,
    ),
    Tale(
        "a hotline with a menu is led by keys",
        [presses("1"), presses("2"), hangs_up()],
        [
            *[*GREETED, *MENU_READ, "caller presses 1", "decided Reply: pressed 1 in the menu", ANSWER, "bot, menu: menu after"],
            *["caller presses 2", "decided Reply: pressed 2 in the menu", BILL_ANSWER, "bot, menu: menu after", *GONE],
        ],
        "contained by caller",
        how=(("menu", True),),
    ),
    Tale(
        "a language without a recogniser has the menu instead",
        [presses("1"), hangs_up()],
        [*GREETED, *MENU_READ, "caller presses 1", "decided Reply: pressed 1 in the menu", ANSWER, "bot, menu: menu after", *GONE],
        "contained by caller",
        how=(("hears", False),),
    ),
    Tale(
        "a menu key in the greeting is taken at once",
        [presses("2", 300), presses("0", 100)],
        [
            *["answered", "bot, greeting: greeting (cut)", "notice given"],
            *["caller presses 2", "decided Reply: pressed 2 in the menu", f"{BILL_ANSWER} (cut)"],
            *["caller presses 0", "decided HandOver: pressed 0", *to_queue("asked for a person", "connecting")],
        ],
        "followed",
        BRIEFED,
        how=(("menu", True),),
    ),
    Tale(
        "unknown keys bring the menu, then a person",
        [presses("9"), presses("9"), presses("8")],
        [
            *[*GREETED, "caller presses 9", "decided Reply: pressed 9", *MENU_READ],
            *["caller presses 9", "decided Reply: pressed unknown key 9", "bot, prompt: wrong key", *MENU_READ],
            *["caller presses 8", "decided HandOver: pressed unknown key 8; 2 in a row", *to_queue("pressed unknown keys")],
        ],
        "followed",
        BRIEFED,
    ),
    # Silence.
    Tale(
        "a silent caller is asked whether he is there, then queued",
        [],
        [
            *[*GREETED, "decided Reply: silent for 6000 ms", "bot, prompt: still there"],
            *["decided HandOver: silent for 6000 ms", *to_queue("stayed silent")],
        ],
        "followed",
        BRIEFED,
    ),
    Tale(
        "or told goodbye, where the setting says so",
        [],
        [
            *[*GREETED, "decided Reply: silent for 6000 ms", "bot, prompt: still there"],
            *["decided EndCall: silent for 6000 ms", "bot, goodbye: goodbye"],
        ],
        "abandoned by bot",
        HUNG_UP,
        how=(("turns", Turns(no_speech_then="end")),),
    ),
    Tale(
        "a line without any audio is ended and never fills the queue",
        [happens(stops_sending)],
        [*GREETED, "decided EndCall: no audio arrives from the caller"],
        "abandoned by bot",
        HUNG_UP,
    ),
    Tale(
        "nor does one that falls dead in the greeting",
        [happens(stops_sending, after_ms=100)],
        [*GREETED, "decided EndCall: no audio arrives from the caller"],
        "abandoned by bot",
        HUNG_UP,
    ),
    # The caller hangs up.
    Tale(
        "in the greeting, before the notice was given",
        [hangs_up(after_ms=500)],
        ["answered", "bot, greeting: greeting (cut)", *GONE],
        "abandoned by caller",
    ),
    Tale(
        "in the middle of an answer", [says(WHEN), hangs_up(after_ms=500)], [*GREETED, *ASKED_WHEN, f"{ANSWER} (cut)", *GONE], "contained by caller"
    ),
    Tale("before the question was taken for over", [says(WHEN), at_once(puts_phone_down, 100)], [*GREETED, *GONE], "abandoned by caller"),
    Tale(
        "while he is being connected: nothing more is asked of Asterisk",
        [says("agent please"), hangs_up(after_ms=200)],
        [
            *[*GREETED, "caller: agent please", "decided HandOver: asked for a person"],
            *[*to_queue("asked for a person", "connecting (cut)"), *GONE],
        ],
        "abandoned by caller",
    ),
    # Asterisk lets us down.
    Tale(
        "the media socket is lost in an answer: to the queue",
        [says(WHEN), happens(closes_media, after_ms=500)],
        [*GREETED, *ASKED_WHEN, f"{ANSWER} (cut)", *MEDIA_LOST],
        "followed",
        [QUEUED],
    ),
    Tale(
        "the media channel ends while the bot listens: to the queue",
        [happens(lambda caller: caller.asterisk.end_media())],
        [*GREETED, *MEDIA_LOST],
        "followed",
        [QUEUED],
    ),
    Tale(
        "the media socket is lost while the caller is being connected: he is, without hearing so",
        [says("agent please"), happens(closes_media, after_ms=200)],
        [*GREETED, "caller: agent please", "decided HandOver: asked for a person", *to_queue("asked for a person", "connecting (cut)")],
        "followed",
        BRIEFED,
    ),
)


@pytest.mark.parametrize("tale", TALES, ids=lambda tale: tale.title)
def test_tales(tale: Tale, bench: MakeBench) -> None:
    held = hold(bench(**dict(tale.how)), *tale.acts)
    assert held.done, "the call ended before the caller had done all"
    assert held.story == list(tale.story)
    assert held.ending == tale.ending
    assert held.asked == list(tale.asked)
    assert held.leaks() == []


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


def test_the_recogniser_fails_and_the_menu_takes_over_then_a_person(bench: MakeBench) -> None:
    broken = bench()
    broken.recogniser.broken = True
    held = hold(broken, says(WHEN), says(WHEN), says(WHEN))
    failed = [RECOGNISER_LOST, "decided Reply: the recogniser failed", *MENU_READ]
    last = [RECOGNISER_LOST, "decided HandOver: the recogniser failed", *to_queue("could not be heard by the bot")]
    assert held.story == [*GREETED, *failed, *failed, *last]
    assert held.leaks() == []


def test_a_key_still_chooses_when_the_recogniser_is_lost(bench: MakeBench) -> None:
    broken = bench()
    broken.recogniser.broken = True
    held = hold(broken, says(WHEN), presses("1", after_ms=300), hangs_up())
    chosen = ["caller presses 1", "decided Reply: pressed 1 in the menu", ANSWER, "bot, menu: menu after"]
    assert held.story == [*GREETED, RECOGNISER_LOST, "decided Reply: the recogniser failed", f"{MENU_READ[0]} (cut)", *chosen, *GONE]


def test_the_briefing_the_agent_hears_lies_where_asterisk_looks(bench: MakeBench) -> None:
    held = hold(bench(), says(WHEN), says("agent please"))
    [decided] = held.record.of(HandoverDecided)
    assert decided.briefing == "Caller asked for a person. Topics: opening hours."
    assert (held.bench.spool_folder / "c1.sln16").stat().st_size == 32_000


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
    assert held.record.lines[-1][0] - decided_ms <= 2_000
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


def test_a_caller_who_is_gone_before_he_is_answered(bench: MakeBench) -> None:
    async def at_the_door(caller: Caller) -> None:
        await caller.until(lambda: bool(caller.asterisk.asked))
        caller.asterisk.hang_up()

    held = hold(bench(), at_the_door)
    assert (held.story, held.ending, held.leaks()) == (GONE, "abandoned by caller", [])
    assert f"answer {CALLER}" not in held.asterisk.asked


def test_without_a_media_socket_the_caller_goes_on_unanswered(bench: MakeBench) -> None:
    held = hold(bench(), media=False)
    assert held.story == ["fault, call: Asterisk opened no media socket within 3 s; see [serve] host and port"]
    assert held.asterisk.asked == ["open media", QUEUED, *CLOSED]
    assert (held.ending, held.leaks()) == ("followed", [])


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


def test_a_recorded_call_that_is_cancelled_before_any_step_leaves_a_whole_file_or_none(bench: MakeBench, tmp_path: Path) -> None:
    acts = [says(WHEN), says("no thanks goodbye")]
    steps = hold(bench(lengths_ms=SHORT_MS, recorded=True), *acts).steps
    for step in range(2, steps + 1):
        held = hold(bench(lengths_ms=SHORT_MS, recorded=True), *acts, cancel_at=step)
        assert held.leaks() == []
        file = tmp_path / "recordings" / "c1.wav"
        if file.exists():
            caller, bot = stereo(file)
            assert len(caller) == len(bot)
            file.unlink()


def test_an_error_of_our_own_is_a_fault_and_the_caller_is_queued(bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("voicebot.call.decide", wrong)
    made = bench()
    held = hold(made, says(WHEN))
    assert held.story[-1] == "fault, call: ZeroDivisionError: division by zero"
    assert held.asked == [QUEUED]
    assert (held.ending, held.leaks()) == ("followed", [])
    assert b'voicebot_faults_total{where="call"} 1.0' in made.bot.metrics.render()


# Every request of a call fails in turn; every step of it is the last.

SHORT_MS = {"greeting": 300, "we are open from eight to six": 300}
SWEPT: dict[str, Sequence[Step]] = {
    "handed over": [says(WHEN), says("agent please")],
    "ended by the bot": [says(WHEN), says("no thanks goodbye")],
    "hung up": [says(WHEN), hangs_up()],
}
TROUBLES: tuple[Trouble, ...] = ("500", "404", "no answer", "done, no answer")


def expected_leaks(trouble: Trouble, request: str) -> list[str]:
    """A bridge that Asterisk will not remove stays: it is swept at the next start. Nothing else may."""
    return ["bridge c1-bridge is left"] if request == CLOSED[-1] and trouble != "done, no answer" else []


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("swept", SWEPT)
def test_whichever_request_fails_the_caller_is_queued_or_gone_and_nothing_is_left(swept: str, trouble: Trouble, bench: MakeBench) -> None:
    requests = hold(bench(lengths_ms=SHORT_MS), *SWEPT[swept]).asterisk.asked
    for number, request in enumerate(requests, start=1):
        held = hold(bench(lengths_ms=SHORT_MS), *SWEPT[swept], troubles={number: trouble})
        assert held.leaks() == expected_leaks(trouble, request), f"{request}: {trouble}"


def test_a_fault_while_a_fault_is_dealt_with_is_sealed_once(bench: MakeBench) -> None:
    acts = [says(WHEN), happens(closes_media, after_ms=100)]
    for trouble in TROUBLES[:3]:
        held = hold(bench(lengths_ms=SHORT_MS), *acts, troubles={5: trouble})
        assert held.asterisk.asked[4] == QUEUED
        assert held.ending == "failed by call"
        assert held.record.wrongs == []
        assert held.asterisk.bridges == {}


CANCELLED = {**SWEPT, "media lost": [says(WHEN), happens(closes_media, after_ms=100)]}


@pytest.mark.parametrize("swept", CANCELLED)
def test_cancelled_before_any_step_the_caller_is_queued_or_gone_and_nothing_is_left(swept: str, bench: MakeBench) -> None:
    steps = hold(bench(lengths_ms=SHORT_MS), *CANCELLED[swept]).steps
    assert steps > 30
    ends = []
    for step in range(2, steps + 1):  # before its first step a call has done nothing that could leak
        held: Held = hold(bench(lengths_ms=SHORT_MS), *CANCELLED[swept], cancel_at=step)
        assert held.leaks() == [], f"cancelled before step {step} of {steps}"
        ends.append(held.ending)
    assert "followed" in ends, "no cancelled caller was ever handed over"
