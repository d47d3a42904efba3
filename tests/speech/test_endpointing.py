"""Endpointing: strings of frames in, events out. `#` is a voiced frame, `~` a stirring one, `.` silence; each is 20 ms."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.settings import Turns
from voicebot.speech.completeness import Completeness
from voicebot.speech.endpointing import Endpointing, Event, Paused, Resumed, SpeechStarted, TooLong, UtteranceEnded, hold_ms
from voicebot.values import FRAME_MS

TURNS = Turns(hold_complete_ms=400, hold_ms=700, hold_hanging_ms=1_300, max_utterance_ms=20_000)
COMPLETE, OPEN, HANGING = Completeness.COMPLETE, Completeness.OPEN, Completeness.HANGING
VERDICTS = st.sampled_from([None, COMPLETE, OPEN, HANGING])


def hear(endpointing: Endpointing, frames: str, verdict: Completeness | None = None) -> list[tuple[int, Event]]:
    """Feed `frames`, answering each pause with `verdict` at once; gives each event with the time it came at."""
    events: list[tuple[int, Event]] = []
    for mark in frames:
        new = list(endpointing.frame(mark == "#", mark == "~"))
        if verdict is not None:
            new += [event for pause in new if isinstance(pause, Paused) for event in endpointing.verdict(pause.at_ms, verdict)]
        events += [(endpointing.now_ms, event) for event in new]
    return events


def events(frames: str, verdict: Completeness | None = None, turns: Turns = TURNS) -> list[Event]:
    return [event for _, event in hear(Endpointing(turns), frames, verdict)]


def ended_at_ms(heard: list[tuple[int, Event]]) -> list[int]:
    return [at_ms for at_ms, event in heard if isinstance(event, UtteranceEnded)]


def gap(ms: int) -> str:
    return "." * (ms // FRAME_MS)


SPEECH = "#" * 20
STARTED = SpeechStarted(at_ms=0, audio_from_ms=0)


@pytest.mark.parametrize("frames", ["", "....", "#", "#....#....#....", "##........", "##...##...##", "~~~~~~~~~~", "#~#~...."])
def test_clicks_and_stirring_start_nothing(frames: str) -> None:
    assert events(frames) == []


@pytest.mark.parametrize(
    ("frames", "at_ms", "came_at_ms"),
    [
        ("###", 0, 60),
        ("...###", 60, 120),
        ("#.#.#", 0, 100),
        ("...##.#", 60, 140),
        ("#....###", 100, 160),
        ("#..#..#..##", 120, 220),
        ("..~~###", 80, 140),
    ],
)
def test_three_voiced_frames_of_five_start_speech_dated_back_to_the_first(frames: str, at_ms: int, came_at_ms: int) -> None:
    assert hear(Endpointing(TURNS), frames) == [(came_at_ms, SpeechStarted(at_ms, 0))]


def test_audio_is_wanted_from_before_the_first_voiced_frame() -> None:
    assert events(gap(1_000) + "###") == [SpeechStarted(1_000, 1_000 - Endpointing.PREROLL_MS)]


def test_audio_of_the_last_utterance_is_not_wanted_again() -> None:
    heard = events(SPEECH + gap(400) + "###", COMPLETE)
    assert heard == [STARTED, Paused(400), UtteranceEnded(0, 400), SpeechStarted(800, 400)]


@pytest.mark.parametrize(("verdict", "hold"), [(COMPLETE, 400), (OPEN, 700), (None, 700), (HANGING, 1_300)])
def test_each_verdict_has_its_hold(verdict: Completeness | None, hold: int) -> None:
    assert hear(Endpointing(TURNS), SPEECH + gap(hold - FRAME_MS), verdict)[-1] == (400 + Endpointing.SETTLE_MS, Paused(400))
    assert hear(Endpointing(TURNS), SPEECH + gap(hold), verdict)[-1] == (400 + hold, UtteranceEnded(0, 400))


def test_a_gap_shorter_than_a_pause_is_not_mentioned() -> None:
    assert events((SPEECH + gap(160)) * 5) == [STARTED]


def test_a_short_pause_is_announced_and_taken_back() -> None:
    assert events(SPEECH + gap(500) + SPEECH + gap(200)) == [STARTED, Paused(400), Resumed(900), Paused(1_300)]


def test_a_complete_verdict_ends_what_the_middle_hold_would_have_kept() -> None:
    assert UtteranceEnded(0, 400) in events(SPEECH + gap(500) + SPEECH, COMPLETE)
    assert UtteranceEnded(0, 400) not in events(SPEECH + gap(500) + SPEECH, OPEN)


@pytest.mark.parametrize("click", ["#", "##", "#.#"])
def test_a_click_in_a_pause_neither_resumes_nor_moves_the_end(click: str) -> None:
    heard = events(SPEECH + gap(300) + click + gap(700))
    assert heard == [STARTED, Paused(400), UtteranceEnded(0, 400)]


def test_voice_about_to_be_confirmed_puts_the_end_off() -> None:
    assert events(SPEECH + gap(680) + "###") == [STARTED, Paused(400), Resumed(1_080)]


def test_stirring_puts_the_end_off_but_not_for_ever() -> None:
    assert events(SPEECH + gap(680) + "~~~~~###") == [STARTED, Paused(400), Resumed(1_180)]
    assert ended_at_ms(hear(Endpointing(TURNS), SPEECH + gap(680) + "~~....")) == [400 + 700 + 2 * FRAME_MS]
    assert ended_at_ms(hear(Endpointing(TURNS), SPEECH + "~" * 100)) == [400 + 700 + Endpointing.STIR_MS]


def test_a_late_complete_verdict_ends_the_turn_at_once() -> None:
    endpointing = Endpointing(TURNS)
    hear(endpointing, SPEECH + gap(600))
    assert endpointing.verdict(400, COMPLETE) == (UtteranceEnded(0, 400),)
    assert not endpointing.speaking


def test_an_early_complete_verdict_waits_for_its_hold() -> None:
    endpointing = Endpointing(TURNS)
    hear(endpointing, SPEECH + gap(200))
    assert endpointing.verdict(400, COMPLETE) == ()
    assert ended_at_ms(hear(endpointing, gap(300))) == [800]


def test_the_last_verdict_on_a_pause_counts() -> None:
    endpointing = Endpointing(TURNS)
    hear(endpointing, SPEECH + gap(300))
    assert endpointing.verdict(400, COMPLETE) == ()
    assert endpointing.verdict(400, HANGING) == ()
    assert ended_at_ms(hear(endpointing, gap(1_300))) == [1_700]


def test_a_verdict_on_a_pause_that_is_over_is_ignored() -> None:
    endpointing = Endpointing(TURNS)
    assert endpointing.verdict(0, COMPLETE) == ()
    hear(endpointing, SPEECH)
    assert endpointing.verdict(400, COMPLETE) == ()
    hear(endpointing, gap(600) + SPEECH)
    assert endpointing.verdict(400, COMPLETE) == ()
    hear(endpointing, gap(600))
    assert endpointing.verdict(400, COMPLETE) == ()
    assert endpointing.speaking
    assert endpointing.verdict(1_400, COMPLETE) == (UtteranceEnded(0, 1_400),)


def test_a_verdict_does_not_outlive_its_pause() -> None:
    endpointing = Endpointing(TURNS)
    hear(endpointing, SPEECH + gap(300))
    endpointing.verdict(400, HANGING)
    assert ended_at_ms(hear(endpointing, SPEECH + gap(700))) == [1_100 + 700]


@pytest.mark.parametrize(
    ("verdict", "longest_ms", "hold"),
    [(None, 0, 700), (OPEN, 500, 700), (OPEN, 640, 800), (None, 5_000, 1_300), (COMPLETE, 5_000, 400), (HANGING, 900, 1_300)],
)
def test_a_slow_caller_is_given_more_unless_the_words_are_complete(verdict: Completeness | None, longest_ms: int, hold: int) -> None:
    assert hold_ms(TURNS, verdict, longest_ms) == hold


def test_a_caller_who_went_on_after_a_long_pause_is_held_longer_the_next_time() -> None:
    heard = hear(Endpointing(TURNS), SPEECH + gap(680) + SPEECH + gap(2_000))
    assert ended_at_ms(heard) == [1_480 + 680 * 5 // 4 + 10]


def test_a_caller_who_was_cut_off_is_held_longer_the_next_time() -> None:
    heard = hear(Endpointing(TURNS), SPEECH + gap(800) + SPEECH + gap(2_000))
    assert ended_at_ms(heard) == [1_100, 1_600 + 1_000]


def test_patience_fades_from_turn_to_turn() -> None:
    heard = hear(Endpointing(TURNS), SPEECH + gap(800) + SPEECH + gap(3_000) + SPEECH + gap(3_000) + SPEECH + gap(3_000))
    holds = [at_ms - event.end_ms for at_ms, event in heard if isinstance(event, UtteranceEnded)]
    assert holds == [700, 1_000, 760, 700]


def test_speech_long_after_a_turn_teaches_nothing() -> None:
    heard = hear(Endpointing(TURNS), SPEECH + gap(1_220) + SPEECH + gap(2_000))
    assert ended_at_ms(heard) == [1_100, 2_020 + 700]


def test_an_utterance_without_end_is_cut_and_goes_on_as_a_new_one() -> None:
    turns = replace_turns(max_utterance_ms=1_000)
    heard = events("#" * 100, turns=turns)
    assert heard[:4] == [STARTED, TooLong(0), UtteranceEnded(0, 1_000), SpeechStarted(1_000, 1_000)]
    assert heard[4:] == [TooLong(1_000), UtteranceEnded(1_000, 2_000)]


def test_an_utterance_may_grow_too_long_in_a_pause() -> None:
    assert events(SPEECH + gap(600), HANGING, replace_turns(max_utterance_ms=1_000)) == [STARTED, Paused(400), TooLong(0), UtteranceEnded(0, 400)]


def replace_turns(**changes: int) -> Turns:
    return TURNS.model_copy(update=changes)


FRAMES = st.lists(st.tuples(st.sampled_from("#~."), st.integers(1, 40)), max_size=25).map(lambda runs: "".join(mark * n for mark, n in runs))


def check_order(heard: list[tuple[int, Event]]) -> None:
    """SpeechStarted (Paused Resumed)* [Paused] [TooLong] UtteranceEnded, times never going back."""
    after: dict[type[Event], set[type[Event]]] = {
        SpeechStarted: {Paused, TooLong, UtteranceEnded},
        Paused: {Resumed, TooLong, UtteranceEnded},
        Resumed: {Paused, TooLong, UtteranceEnded},
        TooLong: {UtteranceEnded},
        UtteranceEnded: {SpeechStarted},
    }
    kinds = [type(event) for _, event in heard]
    assert not kinds or kinds[0] is SpeechStarted
    assert all(then in after[first] for first, then in pairwise(kinds))
    last_end_ms = 0
    start_ms = 0
    for came_at_ms, event in heard:
        match event:
            case SpeechStarted(at_ms, audio_from_ms):
                assert last_end_ms <= audio_from_ms <= at_ms < came_at_ms
                start_ms = at_ms
            case UtteranceEnded(from_ms, end_ms):
                assert from_ms == start_ms < end_ms <= came_at_ms
                last_end_ms = end_ms
            case TooLong(from_ms):
                assert from_ms == start_ms
            case Paused(at_ms) | Resumed(at_ms):
                assert start_ms < at_ms < came_at_ms


@given(FRAMES, VERDICTS, st.integers(200, 3_000))
def test_any_frames_give_well_formed_events(frames: str, verdict: Completeness | None, max_utterance_ms: int) -> None:
    endpointing = Endpointing(replace_turns(max_utterance_ms=max_utterance_ms))
    check_order(hear(endpointing, frames + gap(2_000), verdict))
    assert not endpointing.speaking


@given(FRAMES, st.lists(st.tuples(st.integers(0, 5_000), VERDICTS), max_size=50))
def test_verdicts_at_any_time_about_anything_keep_events_well_formed(frames: str, verdicts: list[tuple[int, Completeness | None]]) -> None:
    endpointing = Endpointing(TURNS)
    heard: list[tuple[int, Event]] = []
    waiting = iter(verdicts)
    pauses = [0]
    for mark in frames:
        new = endpointing.frame(mark == "#", mark == "~")
        pauses += [event.at_ms for event in new if isinstance(event, Paused)]
        at_ms, verdict = next(waiting, (0, None))
        if verdict is not None:
            new += endpointing.verdict(pauses[at_ms % len(pauses)], verdict)
        heard += [(endpointing.now_ms, event) for event in new]
    check_order(heard)


@given(FRAMES, st.sampled_from([COMPLETE, OPEN, HANGING]), st.integers(0, 10))
def test_a_verdict_before_its_hold_is_over_gives_the_same_whenever_it_comes(frames: str, verdict: Completeness, late_frames: int) -> None:
    """The hold for complete words leaves (400 − 180) / 20 = 11 frames between the pause and the first possible end."""
    endpointing, heard, due = Endpointing(TURNS), list[tuple[int, Event]](), dict[int, int]()
    frames += gap(2_000)
    for n, mark in enumerate(frames):
        new = endpointing.frame(mark == "#", mark == "~")
        due.update((n + late_frames, event.at_ms) for event in new if isinstance(event, Paused))
        if n in due:
            new += endpointing.verdict(due[n], verdict)
        heard += [(endpointing.now_ms, event) for event in new]
    assert heard == hear(Endpointing(TURNS), frames, verdict)


@given(FRAMES)
def test_a_longer_hold_never_cuts_more(frames: str) -> None:
    patient = replace_turns(hold_ms=1_300)
    frames += gap(2_000)
    assert len(ended_at_ms(hear(Endpointing(patient), frames))) <= len(ended_at_ms(hear(Endpointing(TURNS), frames)))
