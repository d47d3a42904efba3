"""Barge-in: strings of frames in, actions out. `#` is a voiced frame, `.` silence, `~` something that stirs unconfirmed; each is 20 ms."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.bargein import BACKCHANNELS, Action, BargeIn, Commit, Continue, Pause, Said, is_backchannel, weigh
from voicebot.values import FRAME_MS, Transcript


def hear(barge_in: BargeIn, frames: str) -> list[tuple[int, Action]]:
    """Feed `frames`; each action with the time it came at."""
    return [(barge_in.now_ms, action) for mark in frames for action in barge_in.frame(mark == "#", mark == "~")]


def talking(protected: bool = False) -> BargeIn:
    barge_in = BargeIn()
    barge_in.bot_started(protected)
    return barge_in


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("", "en", True),
        (" … ", "en", True),
        ("okay", "en", True),
        ("Mm-hm.", "en", True),
        ("uh huh yeah okay", "en", True),
        ("oh, I see! right", "en", True),
        ("that's right", "en", True),
        ("rights", "en", False),
        ("okay stop", "en", False),
        ("no", "en", False),
        ("yes but how", "en", False),
        ("i see the problem", "en", False),
        ("agent", "en", False),
        ("嗯", "zh", True),
        ("好的", "zh", True),
        ("嗯 好的，知道了。", "zh", True),
        ("好贵", "zh", False),
        ("不对", "zh", False),
        ("转人工", "zh", False),
        ("", "xx", True),
        ("okay", "xx", False),
    ],
)
def test_backchannels(text: str, language: str, expected: bool) -> None:
    assert is_backchannel(text, language) is expected


@given(st.sampled_from(sorted(BACKCHANNELS)), st.data())
def test_any_run_of_listed_phrases_is_a_backchannel(language: str, data: st.DataObject) -> None:
    phrases = data.draw(st.lists(st.sampled_from(BACKCHANNELS[language]), max_size=5))
    assert is_backchannel(", ".join(phrases), language)


@pytest.mark.parametrize(
    ("text", "language", "expects_answer", "matters", "worth"),
    [
        ("", "en", False, True, Said.NOTHING),
        (" ", "en", True, True, Said.NOTHING),
        ("okay", "en", False, True, Said.MURMUR),
        ("okay", "en", True, False, Said.MEANT),
        ("mm hm", "en", True, False, Said.MEANT),
        ("好的", "zh", False, True, Said.MURMUR),
        ("好的", "zh", True, False, Said.MEANT),
        ("home", "en", False, False, Said.UNCLEAR),
        ("help", "en", False, False, Said.MEANT),
        ("help me top up", "en", False, False, Said.UNCLEAR),
        ("okay but how", "en", False, True, Said.MEANT),
        ("转人工", "zh", False, True, Said.MEANT),
    ],
)
def test_what_words_over_the_bot_are_worth(text: str, language: str, expects_answer: bool, matters: bool, worth: Said) -> None:
    asked: list[Transcript] = []

    def judge(words: Transcript) -> bool:
        asked.append(words)
        return matters

    heard = Transcript(text, 0.4)
    assert weigh(heard, language, expects_answer, judge) is worth
    assert asked in ([], [heard])


def test_silence_does_not_pause_the_bot() -> None:
    assert hear(talking(), "." * 100) == []


@pytest.mark.parametrize(("frames", "onset_ms", "came_at_ms"), [("#", 0, 20), ("...##", 60, 80)])
def test_the_first_voiced_frame_pauses_the_bot(frames: str, onset_ms: int, came_at_ms: int) -> None:
    barge_in = talking()
    assert hear(barge_in, frames) == [(came_at_ms, Pause(onset_ms))]
    assert barge_in.paused


@pytest.mark.parametrize(
    ("frames", "onset_ms", "came_at_ms"),
    [("##", 0, 40), ("..#.#", 40, 100), ("#....#", 0, 120), ("#.....##", 120, 160), ("#.....#.....#", None, None)],
)
def test_after_a_false_alarm_the_voice_must_last(frames: str, onset_ms: int | None, came_at_ms: int | None) -> None:
    barge_in = talking()
    hear(barge_in, "#" + "." * 32)
    start_ms = barge_in.now_ms
    expected = [] if onset_ms is None or came_at_ms is None else [(start_ms + came_at_ms, Pause(start_ms + onset_ms))]
    assert hear(barge_in, frames) == expected


def test_nothing_is_paused_while_the_bot_is_silent() -> None:
    barge_in = BargeIn()
    assert hear(barge_in, "#" * 50) == []
    assert barge_in.words(Said.MEANT) == ()
    barge_in.bot_started()
    barge_in.bot_stopped()
    assert hear(barge_in, "#" * 50) == []


def test_a_protected_phrase_is_never_paused() -> None:
    barge_in = talking(protected=True)
    assert hear(barge_in, "#" * 100) == []
    assert barge_in.words(Said.MEANT) == ()


def test_protection_ends_with_its_phrase() -> None:
    barge_in = talking(protected=True)
    hear(barge_in, "#" * 10)
    barge_in.bot_started()
    assert hear(barge_in, "##") == [(220, Pause(200))]


def test_a_protected_phrase_queued_behind_a_paused_one_does_not_leave_the_bot_paused() -> None:
    barge_in = talking()
    hear(barge_in, "####")
    barge_in.bot_started(protected=True)
    assert [type(action) for _, action in hear(barge_in, "." * 30 + "#" * 40)] == [Continue]


def test_speech_that_goes_on_takes_the_turn_without_words() -> None:
    barge_in = talking()
    assert hear(barge_in, "#" * 60) == [(20, Pause(0)), (BargeIn.COMMIT_MS, Commit(0, "speech"))]
    assert not barge_in.paused


def test_words_take_the_turn() -> None:
    barge_in = talking()
    hear(barge_in, "#" * 12 + "." * 10)
    assert barge_in.words(Said.MEANT) == (Commit(0, "words"),)
    assert hear(barge_in, "#" * 50) == []


def test_words_take_the_turn_even_while_the_caller_speaks() -> None:
    barge_in = talking()
    hear(barge_in, "#" * 12)
    assert barge_in.words(Said.MEANT) == (Commit(0, "words"),)


def test_after_a_murmur_the_bot_goes_on_soon() -> None:
    barge_in = talking()
    hear(barge_in, "#" * 12 + "." * 14)
    assert barge_in.words(Said.MURMUR) == (Continue(0, "backchannel"),)
    assert not barge_in.paused


def test_after_what_was_not_understood_the_bot_waits_for_a_second_word() -> None:
    barge_in = talking()
    hear(barge_in, "#" * 12 + "." * 12)
    assert barge_in.words(Said.UNCLEAR) == ()
    assert hear(barge_in, "." * 10) == [(20 + BargeIn.DECIDE_MS, Continue(0, "no words"))]


@pytest.mark.parametrize("gap_ms", range(0, 360, 40))
def test_the_gap_after_a_short_first_word_does_not_let_the_bot_go_on(gap_ms: int) -> None:
    barge_in = talking()
    hear(barge_in, "#" * 8 + "." * 6)
    assert barge_in.words(Said.UNCLEAR) == ()
    assert hear(barge_in, "." * (gap_ms // FRAME_MS) + "#" * 12) == []
    assert barge_in.paused
    assert barge_in.words(Said.MEANT) == (Commit(0, "words"),)


def test_a_murmur_settled_early_is_let_go_once_the_silence_is_long_enough() -> None:
    barge_in = talking()
    hear(barge_in, "#" * 12 + "." * 6)
    assert barge_in.words(Said.MURMUR) == ()
    [(at_ms, action)] = hear(barge_in, "." * 10)
    assert (at_ms, action) == (12 * FRAME_MS + BargeIn.LET_GO_MS, Continue(0, "backchannel"))


def test_a_murmur_is_forgotten_when_the_caller_speaks_on() -> None:
    barge_in = talking()
    hear(barge_in, "#" * 8 + "." * 6)
    assert barge_in.words(Said.MURMUR) == ()
    assert hear(barge_in, "." * 4 + "#" * 3 + "." * 9) == []
    assert barge_in.paused


def test_after_a_murmur_something_that_stirs_may_be_a_but() -> None:
    barge_in = talking()
    hear(barge_in, "#" * 8 + "." * 6)
    barge_in.words(Said.MURMUR)
    assert hear(barge_in, "." * 5 + "~" * 5 + "#" * 5) == []
    assert barge_in.paused


def test_what_only_stirs_is_not_waited_for_long() -> None:
    barge_in = talking()
    hear(barge_in, "#" * 8 + "~" * 6)
    barge_in.words(Said.UNCLEAR)
    assert hear(barge_in, "~" * 40) == [(20 + BargeIn.DECIDE_MS + BargeIn.STIR_MS, Continue(0, "no words"))]


@pytest.mark.parametrize("voiced", range(1, 17))
def test_without_words_the_bot_goes_on_when_the_time_is_up(voiced: int) -> None:
    assert hear(talking(), "#" * voiced + "." * 40) == [(20, Pause(0)), (20 + BargeIn.DECIDE_MS, Continue(0, "no words"))]


def test_who_spoke_just_before_the_time_is_up_is_waited_for() -> None:
    barge_in = talking()
    assert hear(barge_in, "#" * 30 + "." * 9) == [(20, Pause(0))]
    assert hear(barge_in, ".") == [(600 + BargeIn.WORDS_MS, Continue(0, "no words"))]


@pytest.mark.parametrize("said", [Said.UNCLEAR, Said.NOTHING])
def test_words_known_to_be_nothing_are_not_waited_for(said: Said) -> None:
    barge_in = talking()
    hear(barge_in, "#" * 28 + "." * 5)
    assert barge_in.words(said) == (Continue(0, "no words"),)


@pytest.mark.parametrize(
    ("said", "taken"),
    [(Said.UNCLEAR, (Commit(0, "speech"),)), (Said.NOTHING, (Continue(0, "no words"),)), (Said.MURMUR, (Continue(0, "backchannel"),))],
)
def test_many_words_take_the_turn_though_they_were_misheard(said: Said, taken: tuple[Action, ...]) -> None:
    barge_in = talking()
    hear(barge_in, "#" * (BargeIn.UNCLEAR_MS // FRAME_MS) + "." * 5)
    assert barge_in.words(said) == taken


def test_who_speaks_on_and_off_has_the_turn_in_the_end() -> None:
    assert hear(talking(), ("#" * 5 + "." * 9) * 8) == [(20, Pause(0)), (20 + 2 * BargeIn.DECIDE_MS, Commit(0, "speech"))]


def test_words_that_come_after_the_bot_went_on_still_take_the_turn() -> None:
    barge_in = talking()
    hear(barge_in, "####" + "." * 30)
    assert barge_in.words(Said.MEANT) == (Commit(0, "words"),)


def test_a_backchannel_that_comes_after_the_bot_went_on_changes_nothing() -> None:
    barge_in = talking()
    hear(barge_in, "####" + "." * 30)
    assert barge_in.words(Said.MURMUR) == ()


def test_words_from_before_the_bot_spoke_do_not_interrupt_it() -> None:
    assert talking().words(Said.MEANT) == ()


def test_in_a_noisy_place_the_bot_grows_wary_until_it_next_starts() -> None:
    barge_in = talking()
    burst = "#" * 5 + "." * 30
    assert [type(action) for _, action in hear(barge_in, burst * 5)] == [Pause, Continue] * 3
    assert len(hear(barge_in, "#" * 20)) == 1
    barge_in.bot_stopped()
    barge_in.bot_started()
    assert [type(action) for _, action in hear(barge_in, burst)] == [Pause, Continue]


def test_wariness_has_a_limit() -> None:
    barge_in = talking()
    for _ in range(10):
        hear(barge_in, "#" * 20 + "." * 40)
    assert [type(action) for _, action in hear(barge_in, "#" * (BargeIn.WARY_MS // FRAME_MS))] == [Pause]


def test_the_next_phrase_of_an_answer_does_not_forget_the_voice_heard_over_the_first() -> None:
    barge_in = talking()
    hear(barge_in, "#" + "." * 32 + "#")
    barge_in.bot_started()
    assert hear(barge_in, "#") == [(700, Pause(660))]
    barge_in.bot_started()
    assert barge_in.paused
    assert barge_in.words(Said.MEANT) == (Commit(660, "words"),)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("frames"), st.tuples(st.sampled_from("#.~"), st.integers(1, 50)).map(lambda run: run[0] * run[1])),
        st.tuples(st.just("words"), st.sampled_from([said.name for said in Said])),
        st.tuples(st.sampled_from(["starts", "starts protected", "stops"]), st.just("")),
    ),
    max_size=40,
)


def act(barge_in: BargeIn, kind: str, value: str) -> list[tuple[int, Action]]:
    match kind:
        case "frames":
            return hear(barge_in, value)
        case "words":
            return [(barge_in.now_ms, action) for action in barge_in.words(Said[value])]
        case "stops":
            barge_in.bot_stopped()
        case _:
            barge_in.bot_started(protected=kind == "starts protected")
    return []


@given(STEPS)
def test_any_history_gives_pauses_that_are_decided_in_time(steps: list[tuple[str, str]]) -> None:
    """After a Pause: Commit or Continue within twice DECIDE_MS, unless the bot was stopped meanwhile; never two Pauses or two Continues."""
    barge_in = BargeIn()
    stretch: list[tuple[int, Action]] = []
    for kind, value in steps:
        new = act(barge_in, kind, value)
        stretch = [] if kind == "stops" else stretch + new
        for (paused_at_ms, first), (at_ms, then) in pairwise(stretch):
            if isinstance(first, Pause):
                assert isinstance(then, Commit | Continue)
                assert at_ms - paused_at_ms <= 2 * BargeIn.DECIDE_MS
            else:
                assert isinstance(then, Pause) or (isinstance(then, Commit) and isinstance(first, Continue))
        assert all(action.onset_ms < at_ms for at_ms, action in new)
