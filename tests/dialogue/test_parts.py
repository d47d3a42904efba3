"""Where a sentence may be cut into two questions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.parts import parts


@pytest.mark.parametrize(
    ("text", "language", "cut"),
    [
        ("how much is my bill and how much data is left", "en", ("how much is my bill", "how much data is left")),
        ("when are you open and also where is the shop", "en", ("when are you open", "where is the shop")),
        ("calls and texts abroad and my roaming cost", "en", ("calls and texts abroad", "my roaming cost")),
        ("bread and butter", "en", ()),
        ("how do i reset my pin am when is my bill due", "en", ("how do i reset my pin am", "when is my bill due")),
        ("tell me how much is my bill", "en", ()),
        ("i do not want this contract how do i cancel", "en", ()),
        ("how much is my bill", "en", ()),
        ("my bill", "en", ()),
        ("and my data", "en", ()),
        ("账单多少钱，还剩多少流量", "zh", ("账单多少钱", "还剩多少流量")),
        ("账单多少钱另外查一下流量", "zh", ("账单多少钱", "查一下流量")),
        ("还有多少流量", "zh", ()),
        ("好的，谢谢", "zh", ()),
        ("un et deux et trois", "fr", ()),
    ],
)
def test_parts(text: str, language: str, cut: tuple[str, ...]) -> None:
    assert parts(text, language) == cut


@given(st.text(alphabet="and my bil,，还有另外"), st.sampled_from(["en", "zh"]))
def test_there_are_two_parts_of_the_text_or_none(text: str, language: str) -> None:
    cut = parts(text, language)
    assert len(cut) in {0, 2}
    assert all(part and part in text for part in cut)
