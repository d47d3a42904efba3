"""Curves of holds from what an ear has noted: planted pauses give the figures they must."""

from __future__ import annotations

import math

import pytest

from voicebot.evaluate.turns import FIXED_MS, Turn, curves, ended_ms, fixed, met, plain, point, scaled, table, unbeaten
from voicebot.settings import Turns
from voicebot.speech.completeness import Completeness
from voicebot.testbed.overlap import Noted

LATE_MS = 100
"""From a pause's settling to its verdict."""


def turn(name: str, *spans_ms: int, verdicts: tuple[Completeness, ...] = (), end_ms: int | None = None) -> Turn:
    """Silence and voice in turns, silence first; a verdict for each silence after speech but the last gets the last one."""
    frames: list[tuple[bool, bool]] = []
    judged: list[tuple[int, int, Completeness]] = []
    last_ms = 0
    for number, span_ms in enumerate(spans_ms):
        voiced = number % 2 == 1
        start_ms = len(frames) * 20
        frames += [(voiced, voiced)] * (span_ms // 20)
        if voiced:
            last_ms = len(frames) * 20
        elif number and number // 2 <= len(verdicts):
            judged.append((start_ms + 180 + LATE_MS, start_ms, verdicts[number // 2 - 1]))
    pauses = spans_ms[2:-1:2]
    return Turn(name, max(pauses, default=0), end_ms or last_ms, Noted(tuple(frames), tuple(judged)))


def test_a_fixed_hold_ends_a_turn_that_long_after_its_speech() -> None:
    assert ended_ms(turn("a", 500, 1_000, 2_500).noted, fixed(Turns(), 700)) == (2_200,)


def test_a_pause_longer_than_the_hold_cuts_and_a_shorter_one_does_not() -> None:
    heard = turn("a", 500, 1_000, 600, 1_000, 2_500)
    assert ended_ms(heard.noted, fixed(Turns(), 500)) == (2_000, 3_600)
    assert ended_ms(heard.noted, fixed(Turns(), 800)) == (3_900,)
    assert (point("", [heard], fixed(Turns(), 500), False).cut, point("", [heard], fixed(Turns(), 800), False).cut) == (1.0, 0.0)


def test_verdicts_shorten_and_lengthen_the_hold() -> None:
    turns = Turns(hold_complete_ms=400, hold_ms=640, hold_hanging_ms=950)
    ends = {}
    for verdict in Completeness:
        heard = turn("a", 500, 1_000, 2_500, verdicts=(verdict,))
        (ends[verdict],) = ended_ms(heard.noted, turns)
    assert ends == {Completeness.COMPLETE: 1_900, Completeness.OPEN: 2_140, Completeness.HANGING: 2_460}


def test_an_adaptive_hold_beats_the_fixed_ones_where_its_verdicts_are_right() -> None:
    heard = [turn(f"c{n}", 500, 1_000, 2_500, verdicts=(Completeness.COMPLETE,)) for n in range(10)]
    heard += [turn(f"h{n}", 500, 1_000, 740, 1_000, 2_500, verdicts=(Completeness.HANGING, Completeness.COMPLETE)) for n in range(10)]
    points = curves(heard, Turns())
    assert [one.name for one in points if one.adaptive and one.cut == 0 and one.median_ms <= 420]
    assert unbeaten(points) == ()
    as_it_is = [one for one in points if not one.adaptive or one.name == "adaptive × 1"]
    assert unbeaten(as_it_is) == ("fixed 200 ms", "fixed 300 ms"), "a hold that cuts half of all turns is quicker"
    assert met(points)


def test_without_verdicts_nothing_is_won() -> None:
    heard = [turn("a", 500, 1_000, 2_500), turn("b", 500, 1_000, 700, 1_000, 2_500)]
    points = curves(heard, Turns())
    assert unbeaten(points)
    assert not met(points)


def test_cuts_are_told_by_the_length_of_the_pause() -> None:
    heard = [turn("a", 500, 1_000, 2_500), turn("b", 500, 1_000, 300, 1_000, 2_500), turn("c", 500, 1_000, 800, 1_000, 2_500)]
    by_band = point("", heard, fixed(Turns(), 500), False).by_band
    assert by_band[:2] == (0.0, 0.0)
    assert math.isnan(by_band[2])
    assert by_band[3] == 1.0


def test_a_turn_that_never_ends_has_no_delay() -> None:
    alone = point("", [turn("a", 500, 1_000, 200)], Turns(), True)
    assert alone.cut == 0
    assert math.isnan(alone.median_ms)


def test_scaling_moves_all_three_holds() -> None:
    half = scaled(Turns(hold_complete_ms=400, hold_ms=600, hold_hanging_ms=900), 0.5)
    assert (half.hold_complete_ms, half.hold_ms, half.hold_hanging_ms) == (200, 300, 450)


def test_what_is_told_names_each_hold() -> None:
    points = curves([turn("a", 500, 1_000, 2_500)], Turns())
    lines = table(points).splitlines()
    assert len(lines) == 1 + len(points)
    assert lines[-1].startswith(f"fixed {FIXED_MS[-1]} ms")
    assert plain(points)[0]["turns"] == 1


@pytest.mark.parametrize("hold_ms", FIXED_MS)
def test_a_longer_fixed_hold_never_cuts_more(hold_ms: int) -> None:
    heard = [turn(f"{pause}", 500, 1_000, pause, 1_000, 2_500) for pause in range(200, 901, 100)]
    shorter, longer = (point("", heard, fixed(Turns(), ms), False).cut for ms in (hold_ms, hold_ms + 100))
    assert longer <= shorter
