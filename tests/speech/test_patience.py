"""How long a call waits: for silence, on a dead line, on hold; and that no dead line is ever asked twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicebot.settings import Turns
from voicebot.speech.patience import Patience
from voicebot.values import FRAME_MS, NoAudio, Silence

TURNS = Turns(no_speech_ms=3_000, no_rtp_ms=5_000, on_hold_ms=8_000)
Due = list[tuple[int, Silence | NoAudio]]


class Waiting:
    """A call that waits; `due` is what came of it, and when."""

    def __init__(self, turns: Turns = TURNS) -> None:
        self.patience = Patience(turns)
        self.now_ms = 0
        self.due: Due = []

    def wait(self, ms: int, lost: bool = False, idle: bool = True) -> None:
        for _ in range(ms // FRAME_MS):
            self.now_ms += FRAME_MS
            if due := self.patience.frame(lost=lost, idle=idle):
                self.due.append((self.now_ms, due))


def test_a_caller_who_says_nothing_is_told_of_again_and_again() -> None:
    call = Waiting()
    call.wait(7_000)
    assert call.due == [(3_000, Silence(3_000)), (6_000, Silence(3_000))]


def test_time_counts_only_while_the_call_waits_for_the_caller() -> None:
    call = Waiting()
    call.wait(2_900)
    call.wait(20, idle=False)
    call.wait(2_900)
    call.patience.restart()
    call.wait(2_900)
    assert call.due == []


def test_a_dead_line_is_asked_once_then_given_up_once() -> None:
    call = Waiting()
    call.wait(20_000, lost=True)
    assert call.due == [(3_000, Silence(3_000)), (5_000, NoAudio(5_000))]


def test_a_silent_caller_whose_line_dies_is_not_asked_again() -> None:
    call = Waiting()
    call.wait(3_100)
    call.wait(5_000, lost=True)
    assert call.due == [(3_000, Silence(3_000)), (8_100, NoAudio(5_000))]


def test_a_caller_who_was_heard_is_asked_anew() -> None:
    call = Waiting()
    call.wait(4_000, lost=True)
    call.wait(20)
    call.patience.heard()
    call.patience.restart()
    call.wait(4_000, lost=True)
    assert [due for _, due in call.due] == [Silence(3_000), Silence(3_000)]


def test_a_packet_lost_in_the_moment_of_the_question_does_not_stop_it() -> None:
    call = Waiting()
    call.wait(5_980)
    call.wait(20, lost=True)
    assert [due for _, due in call.due] == [Silence(3_000)] * 2


def test_a_phone_that_sends_no_silence_may_listen_to_an_answer_of_any_length() -> None:
    call = Waiting()
    call.wait(60_000, lost=True, idle=False)
    call.wait(2_000, lost=True)
    assert call.due == []


def test_what_was_lost_before_and_after_the_bot_spoke_adds_up() -> None:
    call = Waiting()
    call.wait(2_500, lost=True)
    call.wait(10_000, lost=True, idle=False)
    call.wait(2_500, lost=True)
    assert call.due == [(15_000, NoAudio(5_000))]


def test_on_hold_nothing_counts_but_the_hold() -> None:
    call = Waiting()
    call.patience.hold(True)
    call.wait(7_900, lost=True)
    assert call.due == []
    call.wait(5_000)
    assert call.due == [(8_000, NoAudio(8_000))], "once"


def test_who_comes_back_from_hold_has_all_the_time_again() -> None:
    call = Waiting()
    call.wait(2_900)
    for _ in range(3):
        call.patience.hold(True)
        call.wait(7_000)
        call.patience.hold(False)
        call.wait(2_900)
    assert call.due == []


def test_limits_that_are_no_whole_frames_are_met_all_the_same() -> None:
    call = Waiting(Turns(no_speech_ms=90_000, no_rtp_ms=5_011, on_hold_ms=1))
    call.wait(6_000, lost=True)
    call.patience.hold(True)
    call.wait(1_000)
    assert [due for _, due in call.due] == [NoAudio(5_000), NoAudio(20)]


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.booleans()), max_size=30))
def test_however_the_line_behaves_a_dead_stretch_is_asked_about_once_and_given_up_once(stretches: list[tuple[int, bool, bool]]) -> None:
    call = Waiting()
    for frames, lost, idle in stretches:
        before = len(call.due)
        call.wait(frames * FRAME_MS, lost=lost, idle=idle)
        kinds = [type(due) for _, due in call.due[before:]]
        if lost and idle:
            assert kinds.count(NoAudio) <= 1
            assert kinds.count(Silence) <= 1
        else:
            assert NoAudio not in kinds
        assert idle or not kinds
