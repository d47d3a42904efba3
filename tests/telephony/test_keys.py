"""A press told of twice is one key; a key pressed twice is two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.telephony.keys import SHORTEST_GAP_MS, Presses

Told = list[tuple[str, float, float]]


def keys(told: Told) -> str:
    presses = Presses()
    return "".join(key for key, told_ms, lasted_ms in told if presses.new(key, told_ms, lasted_ms))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([("8", 160, 160)], "8"),
        ([("8", 2, 160), ("8", 144, 160), ("8", 209, 160)], "8"),  # INFO at key-down, then telephone-events, as Asterisk 22 tells of them
        ([("8", 160, 160), ("8", 165, 160)], "8"),
        ([("8", 160, 160), ("8", 300, 160)], "8"),  # INFO held up by a proxy
        ([("8", 0, 250), ("8", 1_000, 1_000)], "8"),  # a long press, whose INFO claims a fixed length
        ([("8", 160, 160), ("9", 165, 160)], "89"),
        ([("8", 100, 100), ("8", 300, 100)], "88"),
        ([("8", 60, 60), ("8", 260, 60), ("8", 460, 60)], "888"),
        ([("8", 100, 100), ("9", 300, 100), ("8", 500, 100)], "898"),
        ([("8", 100, 0), ("8", 200, 0)], "88"),
    ],
)
def test_presses(told: Told, expected: str) -> None:
    assert keys(told) == expected


@given(st.lists(st.tuples(st.sampled_from("0123456789*#"), st.integers(40, 500), st.integers(SHORTEST_GAP_MS + 5, 2_000)), max_size=20))
def test_no_press_is_lost_or_doubled_whether_told_of_once_or_twice(presses: list[tuple[str, int, int]]) -> None:
    at_ms = 0
    once: Told = []
    for key, length_ms, gap_ms in presses:
        at_ms += gap_ms + length_ms
        once.append((key, at_ms, length_ms))
    twice = [each for key, told_ms, lasted_ms in once for each in ((key, told_ms, lasted_ms), (key, told_ms + 5, lasted_ms + 5))]
    assert keys(once) == keys(twice) == "".join(key for key, _, _ in presses)
