"""Figures from recordings made here, with delays, gaps and deafness planted: each planted defect must move its figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.store.events import CallerSpoke, CallSealed, Decided, Event, HandoverDecided, Line, QueueEntered, encode, tag
from voicebot.testbed import audio, g711, measure
from voicebot.testbed.g711 import Samples
from voicebot.testbed.measure import Phrase
from voicebot.testbed.recording import Packet, Recording

Babble = Callable[[int, float], Samples]
START_S = 1_000.0
ANSWERED = datetime(2026, 1, 1, tzinfo=UTC)


def heard(*parts: Samples, lost: range = range(0), late_s: float = 0.0) -> Recording:
    """A recording that begins at START_S and carries `parts` one after the other; packets in `lost` never came, all came `late_s` late."""
    samples = np.concatenate(parts)
    frames = np.pad(samples, (0, -len(samples) % 160)).reshape(-1, 160)
    recording = Recording()
    for index, frame in enumerate(frames):
        if index not in lost:
            at_s = START_S + 0.02 * index + (late_s if index else 0.0)
            recording.note(Packet(at_s, 0, index, 160 * index, 1, g711.encode(frame, "PCMU")))
    return recording


def steady(duration_s: float) -> Samples:
    """Voice without a pause: every frame of it is voiced."""
    return audio.tone(400, duration_s)


@pytest.fixture
def references(babble: Babble) -> Mapping[str, Samples]:
    return {"answer/bill": babble(1, 3.0), "short/bill": babble(2, 1.5), "answer/data": babble(3, 3.0), "prompt/one_moment": babble(4, 0.8)}


def lines(*events: tuple[int, Event]) -> list[Line]:
    return [Line("call", seq, ms, ANSWERED + timedelta(milliseconds=ms), tag(event), encode(event)) for seq, (ms, event) in enumerate(events)]


def spoke(start_ms: int, end_ms: int) -> CallerSpoke:
    return CallerSpoke("where is my bill", 0.9, start_ms, end_ms)


# What the bot said.


@pytest.mark.parametrize("delay_s", [0.3, 0.62, 1.5, 4.0])
def test_the_delay_of_an_answer_is_measured_to_the_packet(delay_s: float, references: Mapping[str, Samples]) -> None:
    recording = heard(audio.silence(delay_s), references["answer/bill"], audio.silence(1.0))
    said = measure.phrases(references, recording, START_S, START_S + 9)
    assert [phrase.name for phrase in said] == ["answer/bill"]
    assert measure.mouth_to_ear_ms(START_S, said) == pytest.approx(1000 * delay_s, abs=20)


def test_a_late_network_is_part_of_the_delay(references: Mapping[str, Samples]) -> None:
    prompt = heard(audio.silence(0.6), references["answer/bill"])
    slow = heard(audio.silence(0.6), references["answer/bill"], late_s=0.05)
    said = [measure.phrases(references, recording, START_S, START_S + 9) for recording in (prompt, slow)]
    assert measure.mouth_to_ear_ms(START_S, said[1]) - measure.mouth_to_ear_ms(START_S, said[0]) == pytest.approx(50, abs=1)


def test_a_filler_does_not_count_as_the_answer(references: Mapping[str, Samples]) -> None:
    recording = heard(audio.silence(0.4), references["prompt/one_moment"], audio.silence(0.8), references["answer/data"])
    said = measure.phrases(references, recording, START_S, START_S + 9)
    assert [phrase.name for phrase in said] == ["prompt/one_moment", "answer/data"]
    assert measure.mouth_to_ear_ms(START_S, said) == pytest.approx(2_000, abs=20)


def test_a_filler_right_before_the_answer_does_not_shorten_it(references: Mapping[str, Samples]) -> None:
    recording = heard(audio.silence(0.4), references["prompt/one_moment"], references["answer/data"])
    assert measure.mouth_to_ear_ms(START_S, measure.phrases(references, recording, START_S, START_S + 9)) == pytest.approx(1_200, abs=21)


def test_sorry_alone_is_no_answer(references: Mapping[str, Samples]) -> None:
    said = measure.phrases(references, heard(audio.silence(0.5), references["prompt/one_moment"]), START_S, START_S + 9)
    assert len(said) == 1
    assert measure.answer(said) is None
    assert measure.mouth_to_ear_ms(START_S, said) == math.inf


def test_unknown_speech_and_silence_are_nothing(references: Mapping[str, Samples], babble: Babble) -> None:
    assert measure.phrases(references, heard(babble(77, 4.0)), START_S, START_S + 9) == ()
    assert measure.phrases(references, heard(audio.silence(4.0)), START_S, START_S + 9) == ()
    assert measure.phrases(references, Recording(), START_S, START_S + 9) == ()


def test_what_was_said_before_the_question_is_not_its_answer(references: Mapping[str, Samples]) -> None:
    recording = heard(references["answer/bill"], audio.silence(1.0), references["answer/data"])
    said = measure.phrases(references, recording, START_S + 3.0, START_S + 12)
    assert [phrase.name for phrase in said] == ["answer/data"]


def test_answers_that_begin_alike_are_told_apart_and_counted_once(babble: Babble) -> None:
    opening = babble(1, 1.5)
    alike = {"answer/one": np.concatenate((opening, babble(2, 2.0))), "answer/two": np.concatenate((opening, babble(3, 2.0)))}
    said = measure.phrases(alike, heard(audio.silence(0.5), alike["answer/two"], audio.silence(0.5)), START_S, START_S + 9)
    assert [phrase.entry_id for phrase in said] == ["two"]


@pytest.mark.parametrize(("lost", "whole"), [(range(0), True), (range(100, 120), False)])
def test_a_hole_in_an_answer_is_found(lost: range, whole: bool, references: Mapping[str, Samples]) -> None:
    recording = heard(audio.silence(0.5), references["answer/bill"], audio.silence(1.0), lost=lost)
    [phrase] = measure.phrases(references, recording, START_S, START_S + 4.5)
    assert measure.heard_whole(phrase, references["answer/bill"], START_S + 4.5) is whole


def test_an_answer_that_the_caller_cut_short_was_whole_as_far_as_it_went(references: Mapping[str, Samples]) -> None:
    recording = heard(audio.silence(0.5), references["answer/bill"][:12_000], audio.silence(1.0))
    [phrase] = measure.phrases(references, recording, START_S, START_S + 2.0)
    assert measure.heard_whole(phrase, references["answer/bill"], START_S + 2.0)
    assert not measure.heard_whole(phrase, references["answer/bill"], START_S + 3.5)


def test_an_answer_cut_by_lost_packets_is_heard_shorter(references: Mapping[str, Samples]) -> None:
    whole = measure.phrases(references, heard(references["answer/bill"]), START_S, START_S + 9)
    torn = measure.phrases(references, heard(references["answer/bill"], lost=range(60, 150)), START_S, START_S + 9)
    assert whole[0].heard_s == pytest.approx(3.0, abs=0.11)
    assert torn[0].heard_s == pytest.approx(1.2, abs=0.11)


@pytest.mark.parametrize(("name", "entry_id"), [("answer/bill", "bill"), ("short/e-sim", "e-sim"), ("prompt/goodbye", None)])
def test_only_answers_belong_to_an_entry(name: str, entry_id: str | None) -> None:
    assert Phrase(name, 0.0, 1.0).entry_id == entry_id


# Barge-in.


@pytest.mark.parametrize("wait_s", [0.06, 0.16, 0.4, 1.2])
def test_barge_in_is_from_the_callers_onset_to_the_bots_last_voice(wait_s: float) -> None:
    recording = heard(steady(2.0 + wait_s), audio.silence(2.0), steady(1.0))
    assert measure.silent_after_ms(recording, START_S + 2.0, START_S + 5 + wait_s) == pytest.approx(1000 * wait_s, abs=1)


def test_a_deaf_bot_is_never_silent() -> None:
    assert measure.silent_after_ms(heard(steady(8.0)), START_S + 2.0, START_S + 8.0) == math.inf


def test_the_pause_between_two_sentences_is_not_silence() -> None:
    recording = heard(steady(2.1), audio.silence(0.7), steady(1.0), audio.silence(2.0))
    assert measure.silent_after_ms(recording, START_S + 2.0, START_S + 5.8) == pytest.approx(1_800, abs=1)


def test_a_bot_that_was_not_speaking_cannot_be_interrupted() -> None:
    assert measure.silent_after_ms(heard(steady(1.0), audio.silence(4.0)), START_S + 2.0, START_S + 5.0) is None
    assert measure.silent_after_ms(Recording(), START_S + 2.0, START_S + 5.0) is None


@pytest.mark.parametrize("early_s", [0.15, 0.0, -0.05])
def test_the_wire_counts_even_when_play_out_lags_behind_it(early_s: float) -> None:
    """The sender's clock runs ahead of arrival, or behind it: packets are played later or earlier than they came."""
    recording = Recording()
    for index, frame in enumerate(np.concatenate((steady(2.4), audio.silence(2.0))).reshape(-1, 160)):
        at_s = START_S + 0.02 * index - (early_s if index >= 20 else 0.0)
        recording.note(Packet(at_s, 0, index, 160 * index, 1, g711.encode(frame, "PCMU")))
    onset_s = START_S + 2.0
    assert measure.silent_after_ms(recording, onset_s, START_S + 4.0) == pytest.approx(1000 * (0.4 - early_s), abs=1)


def test_silence_must_be_seen_to_its_end() -> None:
    recording = heard(steady(2.2), audio.silence(0.5))
    assert measure.silent_after_ms(recording, START_S + 2.0, START_S + 2.7) == math.inf


@given(st.integers(5, 150), st.integers(0, 20))
def test_any_wait_is_measured_whatever_the_jitter(frames: int, late_ms: int) -> None:
    recording = heard(steady(1.0 + 0.02 * frames), audio.silence(1.5), late_s=late_ms / 1000)
    waited_ms = measure.silent_after_ms(recording, START_S + 1.0, START_S + 2.4 + 0.02 * frames)
    assert waited_ms == pytest.approx(20 * frames + late_ms, abs=21)


# Backchannel.


@pytest.mark.parametrize("held_s", [0.0, 0.3, 0.68, 0.9, 2.0])
def test_resuming_is_as_late_as_the_bot_held_still(held_s: float) -> None:
    reference = np.concatenate((steady(2.0), audio.tone(900, 0.5), audio.tone(1_400, 0.5)))
    recording = heard(reference[:16_000], audio.silence(held_s), reference[16_000:], audio.silence(1.0))
    assert measure.resumed_after_ms(reference, recording, START_S, START_S + 1.8, START_S + 9) == pytest.approx(1000 * held_s, abs=21)


def test_a_bot_that_drops_the_answer_never_resumes(babble: Babble) -> None:
    reference = babble(1, 5.0)
    dropped = heard(reference[:16_000], audio.silence(5.0))
    another = heard(reference[:16_000], audio.silence(0.3), babble(2, 4.0))
    assert measure.resumed_after_ms(reference, dropped, START_S, START_S + 1.8, START_S + 7) == math.inf
    assert measure.resumed_after_ms(reference, another, START_S, START_S + 1.8, START_S + 7) == math.inf


def test_an_answer_begun_again_is_not_resumed(babble: Babble) -> None:
    reference = babble(1, 4.0)
    again = heard(reference[:16_000], audio.silence(0.3), reference, audio.silence(1.0))
    assert measure.resumed_after_ms(reference, again, START_S, START_S + 1.8, START_S + 7) == math.inf


def test_quiet_after_the_resumed_answer_is_not_held_against_the_bot(babble: Babble) -> None:
    reference = babble(1, 4.0)
    recording = heard(reference, audio.silence(5.0))
    assert measure.resumed_after_ms(reference, recording, START_S, START_S + 1.5, START_S + 9) < 250


def test_longest_quiet_counts_both_ends() -> None:
    recording = heard(audio.silence(0.5), steady(1.0), audio.silence(0.3), steady(1.0), audio.silence(0.8))
    assert measure.longest_quiet_ms(recording, START_S, START_S + 2.8) == pytest.approx(500, abs=1)
    assert measure.longest_quiet_ms(recording, START_S, START_S + 3.6) == pytest.approx(800, abs=1)
    assert measure.longest_quiet_ms(Recording(), START_S, START_S + 2) == pytest.approx(2_000)


# Journal.


def test_turns_taken_counts_the_callers_utterances() -> None:
    assert measure.turns_taken(lines((0, spoke(0, 900)), (1, Decided("Reply", "why")), (2, spoke(4_000, 5_000)))) == 2
    assert measure.turns_taken([]) == 0


@pytest.mark.parametrize(
    ("first", "whole"),
    [(spoke(7_000, 9_900), True), (spoke(7_000, 9_650), True), (spoke(7_000, 8_000), False), (spoke(8_500, 10_000), False)],
)
def test_a_turn_that_ended_at_the_pause_is_shorter_than_what_was_said(first: CallerSpoke, whole: bool) -> None:
    assert measure.one_turn(lines((0, Decided("Reply", "why")), (9_000, first), (11_000, spoke(8_500, 10_000))), 3_000) is whole


def test_nothing_heard_is_not_one_turn() -> None:
    assert not measure.one_turn([], 1_000)


def test_handover_is_from_decision_to_queue() -> None:
    decided = HandoverDecided("asked", "support", 0, "a caller")
    assert measure.handover_ms(lines((4_000, decided), (4_900, QueueEntered("support")), (30_000, QueueEntered("support")))) == 900
    assert measure.handover_ms(lines((4_000, decided))) == math.inf
    assert measure.handover_ms(lines((4_900, QueueEntered("support")))) == math.inf


@pytest.mark.parametrize("times", [0, 1, 2])
def test_seals_are_counted(times: int) -> None:
    assert measure.seals(lines((0, spoke(0, 1)), *[(1, CallSealed("contained", "bot", 1))] * times)) == times


# Percentiles.


def test_percentiles_are_by_nearest_rank() -> None:
    assert measure.figures(range(1, 21)) == measure.Figures(20, 10, 19, 20)
    assert measure.figures([7.0]) == measure.Figures(1, 7.0, 7.0, 7.0)


def test_what_never_happened_makes_a_percentile_worse() -> None:
    assert measure.figures([100.0] * 18 + [math.inf] * 2).p95 == math.inf
    assert measure.figures([100.0] * 19 + [math.inf]).p95 == 100.0


def test_nothing_measured_is_not_a_number() -> None:
    found = measure.figures([])
    assert found.count == 0
    assert math.isnan(found.p95)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.floats(0, 100))
def test_a_percentile_is_one_of_the_values_and_enough_lie_below(values: list[float], share: float) -> None:
    found = measure.percentile(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share / 100 * len(values)
