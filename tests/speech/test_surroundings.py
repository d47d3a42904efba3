"""Surroundings: levels of 20 ms frames in; a caller near the phone stands out from them, a room full of talk does not."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.surroundings import QUIET_DB, Surroundings
from voicebot.speech.vad import SILENT_DB

SECOND = 50
"""Frames."""


def fed(levels_db: Iterable[float], voiced: bool = False, around: Surroundings | None = None) -> tuple[Surroundings, list[bool]]:
    """Some surroundings after these frames, and whether somebody was near in each."""
    around = around or Surroundings()
    near: list[bool] = []
    for level_db in levels_db:
        around.frame(level_db, voiced)
        near.append(around.near)
    return around, near


def room(mean_db: float, frames: int, seed: int = 1) -> list[float]:
    """Talk behind the caller: stretches some dB about its mean."""
    chance = random.Random(seed)
    return [mean_db + max(-4.0, min(chance.gauss(0, 2.5), 5.0)) for _ in range(frames)]


@pytest.mark.parametrize("line_db", [SILENT_DB, -70.0, -55.0])
@pytest.mark.parametrize("caller_db", [-40.0, -30.0, -18.0])
def test_on_a_quiet_line_any_caller_is_near_at_once(line_db: float, caller_db: float) -> None:
    around, before = fed([line_db] * SECOND)
    assert not any(before)
    _, near = fed([caller_db] * 3, around=around)
    assert near[1:] == [True, True]


@pytest.mark.parametrize("mean_db", [-45.0, -33.0, -25.0])
def test_a_room_full_of_talk_is_not_near_once_it_is_known(mean_db: float) -> None:
    around, _ = fed(room(mean_db, 3 * SECOND))
    assert around.usual_db == pytest.approx(mean_db, abs=3)
    _, near = fed(room(mean_db, 10 * SECOND, seed=2), voiced=True, around=around)
    assert not any(near[Surroundings.LINGER_MS // 20 :])


def test_a_caller_over_that_room_is_near() -> None:
    around, _ = fed(room(-35, 3 * SECOND))
    _, near = fed([-21.0] * SECOND, voiced=True, around=around)
    assert near.index(True) < 8
    assert near[-1]


def test_a_caller_does_not_become_part_of_the_surroundings() -> None:
    around, _ = fed([-55.0] * SECOND)
    around, _ = fed([-20.0] * 5, around=around)
    usual_db = around.usual_db
    around, near = fed([-20.0] * 10 * SECOND, voiced=True, around=around)
    assert all(near)
    assert around.usual_db == usual_db


def test_a_clatter_is_not_near_but_a_syllable_is() -> None:
    around, _ = fed(room(-33, 3 * SECOND))
    assert not fed([-20.0], around=around)[1][-1]
    around, _ = fed(room(-33, 3 * SECOND))
    assert fed([-20.0] * Surroundings.STRETCH_FRAMES, around=around)[1][-1]


def test_he_stays_near_when_he_drops_his_voice_within_a_word() -> None:
    around, _ = fed([-55.0] * SECOND)
    around, _ = fed([-20.0] * 20, voiced=True, around=around)
    _, near = fed([SILENT_DB] * SECOND, around=around)
    stays = near.index(False)
    assert Surroundings.LINGER_MS // 20 - 1 <= stays <= Surroundings.LINGER_MS // 20 + Surroundings.STRETCH_FRAMES
    assert not any(near[stays:])


def test_lost_frames_tell_nothing() -> None:
    around, _ = fed(room(-33, 3 * SECOND))
    usual_db, near = around.usual_db, around.near
    for _ in range(SECOND):
        around.frame(SILENT_DB, False, lost=True)
    assert (around.usual_db, around.near) == (usual_db, near)


@given(st.lists(st.tuples(st.floats(SILENT_DB, 0), st.booleans()), max_size=200))
def test_the_usual_level_stays_between_quiet_and_the_loudest_heard(frames: list[tuple[float, bool]]) -> None:
    around = Surroundings()
    for level_db, voiced in frames:
        around.frame(level_db, voiced)
        assert QUIET_DB <= around.usual_db <= max(QUIET_DB, *(level for level, _ in frames))
