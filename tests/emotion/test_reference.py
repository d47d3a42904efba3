"""A caller's reference: a weighted mean, trusted the more the longer it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.voices import spoken
from voicebot.emotion.figures import FIGURES, Prosody
from voicebot.emotion.prosody import analyse
from voicebot.emotion.reference import STRANGER, Reference

LEVEL = FIGURES.index("level_db")


def voice(level_db: float) -> Prosody:
    found = analyse(spoken())
    assert found is not None
    return replace(found, level_db=level_db)


QUIET, LOUD = voice(-40), voice(-20)


def test_a_stranger_is_not_trusted_at_all() -> None:
    assert (STRANGER.trust(np.ones(3)) == 0).all()


def test_trust_grows_towards_the_callers_own() -> None:
    pull = np.array([0.5, 2.0])
    twice = STRANGER.learned(QUIET, 1).learned(QUIET, 1)
    assert twice.trust(pull) == pytest.approx([2 / 2.5, 2 / 4])


def test_utterances_count_by_their_weight() -> None:
    reference = STRANGER.learned(QUIET, 0.75).learned(LOUD, 0.25)
    assert reference.weight == pytest.approx(1)
    assert reference.mean[LEVEL] == pytest.approx(-35)


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_an_utterance_without_weight_teaches_nothing(weight: float) -> None:
    known = STRANGER.learned(QUIET, 1)
    assert known.learned(LOUD, weight) is known


@given(st.lists(st.tuples(st.sampled_from([QUIET, LOUD]), st.floats(0.01, 1)), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_order_does_not_matter(heard: list[tuple[Prosody, float]], chance: object) -> None:
    def taught(utterances: list[tuple[Prosody, float]]) -> Reference:
        reference = STRANGER
        for prosody, weight in utterances:
            reference = reference.learned(prosody, weight)
        return reference

    forth, back = taught(heard), taught(heard[::-1])
    assert forth.weight == pytest.approx(back.weight)
    assert forth.mean == pytest.approx(back.mean)
    assert -40.001 <= forth.mean[LEVEL] <= -19.999
