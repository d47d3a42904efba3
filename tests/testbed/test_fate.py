"""What became of a caller is read from what the phone heard: silence after the queue was reached, words that do not come, must each show."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.kit.pretender import voice
from voicebot.testbed import audio, g711
from voicebot.testbed.fate import Fate, Seen, fate, figures
from voicebot.testbed.recording import Packet, Recording

STRUCK_S, UNTIL_S = 100.0, 112.0


def heard(*spans_s: tuple[float, float]) -> Recording:
    """A caller's ear from 5 s before the fault to its end: voice within `spans_s` (seconds after the fault), silence else."""
    samples = audio.silence(UNTIL_S - STRUCK_S + 5)
    for begin_s, end_s in spans_s:
        sound = voice(1, end_s - begin_s)
        first = round((begin_s + 5) * audio.RATE_HZ)
        samples[first : first + len(sound)] = sound
    recording = Recording()
    for number in range(len(samples) // audio.FRAME_SAMPLES):
        frame = samples[number * audio.FRAME_SAMPLES :][: audio.FRAME_SAMPLES]
        recording.note(Packet(STRUCK_S - 5 + number * audio.FRAME_S, 0, number, number * audio.FRAME_SAMPLES, 1, g711.encode(frame, "PCMU")))
    return recording


def seen(recording: Recording, **what: object) -> Seen:
    return Seen("555", STRUCK_S, UNTIL_S, recording, **what)  # type: ignore[arg-type]


def test_music_in_the_queue_is_what_brings_a_caller_back() -> None:
    found = fate(seen(heard((-5, 0.4), (1.5, 12)), queued_s=STRUCK_S + 1.4))
    assert found.end == "in queue"
    assert found.back_s == pytest.approx(1.5, abs=0.05)
    assert found.silent_s == pytest.approx(1.1, abs=0.05)


def test_words_of_the_bot_before_the_queue_do_not_count() -> None:
    found = fate(seen(heard((-5, 3.0), (6.0, 12)), queued_s=STRUCK_S + 5.5))
    assert found.back_s == pytest.approx(6.0, abs=0.05)


def test_a_queue_without_music_never_brings_anybody_back() -> None:
    found = fate(seen(heard((-5, 0.0)), queued_s=STRUCK_S + 1.0))
    assert (found.end, found.back_s) == ("in queue", math.inf)
    assert found.silent_s == pytest.approx(12, abs=0.05)


def test_resumed_is_back_with_the_first_words_after_the_break() -> None:
    found = fate(seen(heard((-2, 0.6), (0.8, 1.0), (3.2, 6)), taken_up=True, to_person=True))
    assert found.end == "resumed"
    assert found.back_s == pytest.approx(3.2, abs=0.05)


def test_resumed_while_the_bot_was_silent_anyway() -> None:
    found = fate(seen(heard((-4, -3), (2.0, 5)), taken_up=True, to_person=True))
    assert found.back_s == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("what", "end"),
    [
        ({"to_person": True}, "went on"),
        ({}, "stranded"),
        ({"taken_up": True}, "stranded"),
        ({"ended_s": STRUCK_S + 1}, "lost"),
        ({"ended_s": STRUCK_S + 9, "queued_s": STRUCK_S + 1}, "in queue"),
    ],
)
def test_the_end_is_what_the_caller_has_of_it(what: dict[str, object], end: str) -> None:
    """Taken up by the bot's account, and yet no way to a person: stranded."""
    assert fate(seen(heard((-5, 12)), **what)).end == end


def test_a_bot_that_speaks_again_after_a_long_silence_had_stranded_the_caller() -> None:
    assert fate(seen(heard((-5, 0.5), (8.5, 12)), to_person=True)).end == "went on"
    assert fate(seen(heard((-5, 0.5), (10.5, 12)), to_person=True)).end == "stranded"


def test_only_a_bot_that_never_let_go_has_no_time_to_be_back() -> None:
    assert math.isnan(fate(seen(heard((2, 9)), to_person=True)).back_s)
    assert math.isnan(fate(seen(heard(), ended_s=STRUCK_S + 1)).back_s)
    assert fate(seen(heard())).back_s == math.inf


def verdicts(fates: list[Fate], **how: bool) -> dict[str, bool | None]:
    return {figure.name: figure.passed for figure in figures(fates, len(fates), 5.0, **how)}


GOOD = [Fate("1", "in queue", 1.0, 1.0), Fate("2", "resumed", 2.0, 2.0), Fate("3", "went on", math.nan, 6.0)]


def test_queue_conversation_and_going_on_are_all_well() -> None:
    assert False not in verdicts(GOOD).values()
    told = {figure.name: figure.measured for figure in figures(GOOD, 3, 5.0)}
    assert (told["calls"], told["in queue"], told["resumed"], told["went on"]) == (3, 1, 1, 1)
    assert (told["back p50"], told["back max"], told["silence max"]) == (1.0, 2.0, 6.0)


@pytest.mark.parametrize(
    ("bad", "failed"),
    [
        (Fate("4", "stranded", math.inf, 12.0), {"stranded", "back max"}),
        (Fate("4", "lost", math.nan, 12.0), {"lost"}),
        (Fate("4", "in queue", 5.2, 5.2), {"back max"}),
    ],
)
def test_one_bad_fate_fails_the_fault(bad: Fate, failed: set[str]) -> None:
    assert {name for name, passed in verdicts([*GOOD, bad]).items() if passed is False} == failed


def test_calls_that_end_with_asterisk_are_lost_by_nature() -> None:
    lost = [Fate("4", "lost", math.nan, 0.0)]
    assert verdicts(lost, lost_by_nature=True)["lost"] is None
    assert verdicts(lost)["lost"] is False


@pytest.mark.parametrize("fates", [[], GOOD[:1], GOOD[:2]])
def test_a_fault_that_met_fewer_calls_than_it_should_proves_nothing(fates: list[Fate]) -> None:
    told = {figure.name: figure for figure in figures(fates, 3, 5.0)}
    assert (told["calls"].passed, told["calls"].target) == (False, "≥ 3")


def test_a_row_says_what_became_of_the_caller() -> None:
    row = Fate("555", "in queue", 1.25, 0.5).row()
    assert row == {"ani": "555", "end": "in queue", "back_s": 1.25, "silent_s": 0.5}
    assert np.isfinite(row["back_s"])
